-- Weighted round robin for the controller's `round_robin` balancer; Debian does not package resty.roundrobin.
--
-- Smooth: at each turn every node gains its weight, the richest one is taken and pays the total. Weights 5, 1, 1 give
-- a a b a c a a instead of a a a a a b c. `nodes` (id -> weight) is read by the balancer to see whether it changed.

local RoundRobin = {}
RoundRobin.__index = RoundRobin

function RoundRobin:reinit(nodes)
  self.nodes, self.turns, self.total = {}, {}, 0
  for id, weight in pairs(nodes) do
    self.nodes[id] = weight
    weight = tonumber(weight) or 0
    if weight > 0 then
      self.total = self.total + weight
      self.turns[#self.turns + 1] = { id = id, weight = weight, credit = 0 }
    end
  end
  -- workers start at different turns, or each of them would send its first request to the same node
  if #self.turns > 1 then
    for _ = 1, math.random(0, #self.turns - 1) do
      self:find()
    end
  end
end

function RoundRobin.new(_, nodes)
  local fresh = setmetatable({}, RoundRobin)
  fresh:reinit(nodes)
  return fresh
end

function RoundRobin:find()
  local chosen
  for _, turn in ipairs(self.turns) do
    turn.credit = turn.credit + turn.weight
    if not chosen or turn.credit > chosen.credit then
      chosen = turn
    end
  end
  if not chosen then
    return nil, "no node has a weight above 0"
  end
  chosen.credit = chosen.credit - self.total
  return chosen.id
end

return RoundRobin
