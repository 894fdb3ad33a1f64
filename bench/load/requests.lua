-- wrk script: GET one path, with the tokens of a file in turn (one a line), and tell what came of it as one JSON line.
-- Called as: wrk [options] -s requests.lua URL -- PATH FIRST [TOKENS_FILE]; FIRST is the token to begin with.

local requests = {}
local at = 0

function init(args)
  local path, first, file = args[1], tonumber(args[2]), args[3]
  if file then
    -- Made here once: a request must cost the load generator next to nothing, for it shares its core with the upstream.
    for token in io.lines(file) do
      requests[#requests + 1] = wrk.format("GET", path, { Authorization = "Bearer " .. token })
    end
  else
    requests[1] = wrk.format("GET", path)
  end
  at = first % #requests
end

function request()
  at = at % #requests + 1
  return requests[at]
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
