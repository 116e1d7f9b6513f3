-- Not provided: the controller's global rate limit alone uses it.
return {
  new = function()
    return nil, "resty.global_throttle is not part of this image: the global rate limit does not work"
  end,
}
