-- wrk script: one path, with the tokens of a file (one a line), and tell what came of it as one JSON line.
-- Called as: wrk [options] -s requests.lua URL -- PATH FIRST NEW_IN BODY_SIZE REST [TOKENS_FILE]
--   FIRST      the token to begin with
--   NEW_IN     1: the tokens in turn; N: every Nth request has the next one, all others have the first of the file
--   BODY_SIZE  0: GET; more: POST with so many bytes
--   REST       milliseconds that a connection waits before its next request, one and a half times as long at most

local requests = {}
local at = 0
local count = 0
local new_in = 1
local rest = 0

function init(args)
  local path, first, size, file = args[1], tonumber(args[2]), tonumber(args[4]), args[6]
  new_in, rest = tonumber(args[3]), tonumber(args[5])
  local method, body = "GET", nil
  if size > 0 then method, body = "POST", string.rep("x", size) end
  if file then
    -- Made here once: a request must cost the load generator next to nothing, for it shares its core with the upstream.
    for token in io.lines(file) do
      requests[#requests + 1] = wrk.format(method, path, { Authorization = "Bearer " .. token }, body)
    end
  else
    requests[1] = wrk.format(method, path, nil, body)
  end
  at = first % #requests
end

function request()
  count = count + 1
  if count % new_in > 0 then return requests[1] end
  at = at % #requests + 1
  return requests[at]
end

-- Not all at the same moment: half of the pause to one and a half times, at random.
function delay()
  return rest == 0 and 0 or math.floor(rest * (0.5 + math.random()))
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"seconds":%.6f,"refused":%d,"failed":%d,"p50":%.4f,"p99":%.4f}\n',
    summary.requests, summary.duration / 1e6, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3
  ))
end
