-- Not provided: the controller would fetch OCSP answers with it (ConfigMap key enable-ocsp, off by default).
return {
  new = function()
    error("resty.http is not part of this image: leave enable-ocsp off")
  end,
}
