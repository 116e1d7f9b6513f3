-- Consistent hashing for the controller's `chash` and sticky balancers; Debian does not package resty.chash.
--
-- Each node owns points on a ring of 32-bit numbers, in proportion to its weight; a key belongs to the first point at
-- or after its own hash. A node that comes or goes moves only the keys of its own points. MD5 rather than CRC: the
-- CRCs of similar names lie close together, and one node would own most of the ring.

local Ring = {}
Ring.__index = Ring

local DIGESTS_PER_WEIGHT = 40 -- times 4 points each: the share of a node is then within about 10 % of its weight

local function number(bytes, first)
  local a, b, c, d = bytes:byte(first, first + 3)
  return ((a * 256 + b) * 256 + c) * 256 + d
end

local function before(left, right)
  if left.at ~= right.at then
    return left.at < right.at
  end
  return left.id < right.id -- a rare collision is settled alike in every worker
end

function Ring:reinit(nodes)
  self.nodes, self.points = {}, {}
  for id, weight in pairs(nodes) do
    self.nodes[id] = weight
    for turn = 1, DIGESTS_PER_WEIGHT * (tonumber(weight) or 0) do
      local digest = ngx.md5_bin(id .. "#" .. turn)
      for first = 1, 13, 4 do
        self.points[#self.points + 1] = { at = number(digest, first), id = id }
      end
    end
  end
  table.sort(self.points, before)
end

function Ring.new(_, nodes)
  local fresh = setmetatable({}, Ring)
  fresh:reinit(nodes)
  return fresh
end

function Ring:find(key)
  local points = self.points
  if #points == 0 then
    return nil, "no node has a weight above 0"
  end
  local at = number(ngx.md5_bin(tostring(key)), 1)
  local low, high = 1, #points + 1
  while low < high do
    local middle = math.floor((low + high) / 2)
    if points[middle].at < at then
      low = middle + 1
    else
      high = middle
    end
  end
  if low > #points then
    low = 1 -- past the last point the ring begins again
  end
  return points[low].id, low
end

return Ring
