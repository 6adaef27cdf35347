-- wrk's script: the requests of a file, a path a line, over and over; and what came of them as one line of JSON.
local requests, nth = {}, 0

function init(arguments)
    for path in io.lines(arguments[1]) do
        requests[#requests + 1] = wrk.format("GET", path)
    end
end

function request()
    nth = nth % #requests + 1
    return requests[nth]
end

function done(summary, latency, _)
    local errors = summary.errors
    io.write(string.format(
        '\nRESULT {"requests":%d,"microseconds":%d,"failed":%d,"p50":%d,"p99":%d}\n',
        summary.requests,
        summary.duration,
        errors.connect + errors.read + errors.write + errors.status + errors.timeout,
        latency:percentile(50),
        latency:percentile(99)
    ))
end
