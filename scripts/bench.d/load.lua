-- What wrk sends: the paths of a file in turn (a path may be there many times), as GET, or as POST with the body of
-- another file. There is no response(): it would cost wrk more than nginx takes to answer.
--   wrk … -s load.lua URL -- PATHS THREADS [BODY]
local threads, requests, at = {}, {}, 0
-- How many a thread has sent; done() asks for it.
sent = 0

function setup(thread)
  thread:set("number", #threads)
  threads[#threads + 1] = thread
end

function init(args)
  local headers, method, body, made = {}, "GET", nil, {}
  for name, value in pairs(wrk.headers) do headers[name] = value end
  if args[3] then
    local file = assert(io.open(args[3]))
    method, body = "POST", file:read("*a")
    headers["Content-Type"] = "application/json"
    file:close()
  end
  for path in io.lines(args[1]) do
    made[path] = made[path] or wrk.format(method, path, headers, body)
    requests[#requests + 1] = made[path]
  end
  -- Each thread begins with a part of its own.
  at = math.floor(number * #requests / args[2])
end

function request()
  at = at % #requests + 1
  sent = sent + 1
  return requests[at]
end

function done(summary, latency)
  -- wrk asks one of them for a request at the start, and does not send it.
  local e, sent = summary.errors, -1
  for _, thread in ipairs(threads) do sent = sent + thread:get("sent") end
  io.write(string.format('RESULT {"requests": %d, "sent": %d, "seconds": %f, "octets": %d, "failed": %d, ' ..
    '"p50_us": %f, "p99_us": %f}\n', summary.requests, sent, summary.duration / 1e6, summary.bytes,
    e.connect + e.read + e.write + e.status + e.timeout, latency:percentile(50), latency:percentile(99)))
end
