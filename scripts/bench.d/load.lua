-- What wrk sends: the paths of a file in turn (a path may be there many times), as GET, or as POST with the body of
-- another file. There is no response(): it would cost wrk more than nginx takes to answer.
--   wrk … -s load.lua URL -- PATHS [BODY]
local threads, requests, at = 0, {}, 0

-- Each thread begins somewhere else.
function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end

function init(args)
  local headers, method, body, made = {}, "GET", nil, {}
  for name, value in pairs(wrk.headers) do headers[name] = value end
  if args[2] then
    local file = assert(io.open(args[2]))
    method, body = "POST", file:read("*a")
    headers["Content-Type"] = "application/json"
    file:close()
  end
  for path in io.lines(args[1]) do
    made[path] = made[path] or wrk.format(method, path, headers, body)
    requests[#requests + 1] = made[path]
  end
  at = number * 7919 % #requests
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function done(summary, latency)
  local e = summary.errors
  io.write(string.format('RESULT {"requests": %d, "seconds": %f, "octets": %d, "failed": %d, "p50_us": %f, "p99_us": %f}\n',
    summary.requests, summary.duration / 1e6, summary.bytes, e.connect + e.read + e.write + e.status + e.timeout,
    latency:percentile(50), latency:percentile(99)))
end
