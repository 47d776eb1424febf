-- What wrk sends: the paths of a file in turn, as GET, or as POST with the body of another file.
--   wrk … -s load.lua URL -- PATHS [BODY]
local requests, at = {}, 0

function init(args)
  local headers, method, body = {}, "GET", nil
  for name, value in pairs(wrk.headers) do headers[name] = value end
  if args[2] then
    local file = assert(io.open(args[2]))
    method, body = "POST", file:read("*a")
    headers["Content-Type"] = "application/json"
    file:close()
  end
  for path in io.lines(args[1]) do
    requests[#requests + 1] = wrk.format(method, path, headers, body)
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function done(summary, latency)
  local e = summary.errors
  io.write(string.format('RESULT {"requests": %d, "seconds": %f, "octets": %d, "failed": %d, "p50_ms": %f, "p99_ms": %f}\n',
    summary.requests, summary.duration / 1e6, summary.bytes, e.connect + e.read + e.write + e.status + e.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
