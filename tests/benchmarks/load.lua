-- What wrk sends: the events of events.py, made anew for every request. Called as
--   wrk … -s load.lua URL -- KIND KEY VISITORS SEED FIRST
-- KIND: single, batch (100 events without event ids), batch-ids (100 with fresh ones), viewed.

local BATCH = 100
local BLOCK = 1000
local PRODUCTS = 10000
local USER_AGENT = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Safari/604.1"

local fronts, backs, tails, verbs, thousandths = {}, {}, {}, {}, {}
local key, visitors, seed, first, make
local count = 0

local function scrambled(number, factor)
  return number * factor % 4294967296
end

local function prepare()
  for n = 1, 3 * BLOCK do
    fronts[n] = string.format("%08x-%04x-4", scrambled(n, 2654435761), math.floor(scrambled(n, 2246822519) / 65536))
  end
  for n = 1, BLOCK do
    backs[n] = string.format("%03x-a%03x-%08x%04x", scrambled(n, 3266489917) % 4096, scrambled(n, 668265263) % 4096,
      scrambled(n, 374761393), scrambled(n, 2654435761) % 65536)
    thousandths[n] = string.format("%03d", n - 1)
  end
  for product = 0, PRODUCTS - 1 do
    local tail = string.format('","product_id":"%d","platform":"Shopify"', 5630650000000 + product)
    if product % 2 == 0 then
      tail = tail .. string.format(',"url":"https://shop.example/collections/all/products/product-%d"', product)
    end
    if product % 4 == 1 then
      tail = tail .. string.format(',"meta":{"currency":"USD","price":"%d.90"}', product % 90 + 9)
    end
    tails[product] = tail .. ',"rsid":"'
  end
  for n = 1, 100 do
    local verb = n <= 85 and "viewed" or n <= 95 and "added" or n <= 98 and "removed" or "purchased"
    verbs[n] = '{"subject":"user","verb":"' .. verb .. '","noun":"product","uuid":"'
  end
end

-- Appends the pieces of one event to a table; strings are joined once for a whole body.
local function event(into, size, second, with_id)
  local who = math.random(0, visitors - 1)
  local product = math.random(0, PRODUCTS - 1)
  local block, back = math.floor(who / BLOCK), backs[who % BLOCK + 1]
  into[size + 1] = verbs[math.random(1, 100)]
  into[size + 2] = fronts[block + 1]
  into[size + 3] = back
  into[size + 4] = tails[product]
  into[size + 5] = fronts[(1 + product % 2) * BLOCK + block + 1]
  into[size + 6] = back
  into[size + 7] = second
  into[size + 8] = thousandths[math.random(1, 1000)]
  size = size + 8
  if who % 20 == 0 then
    into[size + 1] = '","customer_id":"'
    into[size + 2] = tostring(6000000000 + who)
    size = size + 2
  end
  if with_id then
    count = count + 1
    into[size + 1] = string.format('","event_id":"%08x-0000-4000-8000-%012x', seed, count)
    size = size + 1
  end
  into[size + 1] = '"}'
  return size + 1
end

-- The second that has just passed: an event's own time is never later than its arrival.
local function second_passed()
  return '","event_time":"' .. tostring(os.time() - 1)
end

local headers = { ["Content-Type"] = "application/json", ["User-Agent"] = USER_AGENT }

local function single()
  local pieces = {}
  event(pieces, 0, second_passed(), false)
  return wrk.format("POST", "/api/v2/analytics/event", headers, table.concat(pieces))
end

local function batch(with_ids)
  local second = second_passed()
  local pieces, size = { "[" }, 1
  for n = 1, BATCH do
    size = event(pieces, size, second, with_ids)
    size = size + 1
    pieces[size] = n < BATCH and "," or "]"
  end
  return wrk.format("POST", "/api/v2/analytics/event/bulk", headers, table.concat(pieces))
end

local function viewed()
  local who = first + math.random(0, visitors - 1)
  local uuid = fronts[math.floor(who / BLOCK) + 1] .. backs[who % BLOCK + 1]
  return wrk.format("GET", "/api/v1/products/viewed?key=" .. key .. "&uuid=" .. uuid)
end

function init(args)
  local kind = args[1]
  key, visitors, seed, first = args[2], tonumber(args[3]), tonumber(args[4]), tonumber(args[5])
  math.randomseed(seed)
  headers["X-Rebuy-User-Token"] = key
  prepare()
  make = ({
    single = single,
    batch = function() return batch(false) end,
    ["batch-ids"] = function() return batch(true) end,
    viewed = viewed,
  })[kind]
end

function request()
  return make()
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '\n{"answered":%d,"failed":%d,"seconds":%.6f,"p50_ms":%.4f,"p90_ms":%.4f,"p99_ms":%.4f,"max_ms":%.4f}\n',
    summary.requests - errors.status, errors.status + errors.connect + errors.read + errors.write + errors.timeout,
    summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(90) / 1e3, latency:percentile(99) / 1e3,
    latency.max / 1e3))
end
