-- A lock between nginx workers, kept in a shared dictionary; Debian does not package resty.lock.
--
-- Options: `exptime` (seconds after which a lock frees itself, its holder may have died) and `timeout` (seconds to
-- wait for it, 0 = do not wait).

local Lock = {}
Lock.__index = Lock

local FIRST_WAIT, LONGEST_WAIT = 0.001, 0.5

function Lock.new(_, dictionary, options)
  local shared = ngx.shared[dictionary]
  if not shared then
    return nil, "no shared dictionary " .. tostring(dictionary)
  end
  options = options or {}
  return setmetatable({ shared = shared, exptime = options.exptime or 30, timeout = options.timeout or 5 }, Lock)
end

function Lock:lock(key)
  if self.key then
    return nil, "locked"
  end
  local waited, pause = 0, FIRST_WAIT
  while true do
    local added, problem = self.shared:add(key, true, self.exptime)
    if added then
      self.key = key
      return waited
    end
    if problem ~= "exists" then
      return nil, problem
    end
    if waited >= self.timeout then
      return nil, "timeout"
    end
    pause = math.min(pause, self.timeout - waited)
    ngx.sleep(pause)
    waited = waited + pause
    pause = math.min(pause * 2, LONGEST_WAIT)
  end
end

function Lock:unlock()
  local key = self.key
  if not key then
    return nil, "unlocked"
  end
  self.key = nil
  local deleted, problem = self.shared:delete(key)
  if not deleted then
    return nil, problem
  end
  return 1
end

return Lock
