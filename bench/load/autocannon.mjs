// The load where there is no wrk: the same as requests.lua, by autocannon. Its latencies are whole milliseconds.
// Usage: node autocannon.mjs URL SECONDS CONNECTIONS FIRST NEW_IN BODY_SIZE [TOKENS_FILE]
import { readFileSync } from 'node:fs';
import autocannon from 'autocannon';

const [url, seconds, connections, first, newIn, bodySize, file] = process.argv.slice(2);
const headers = file
  ? readFileSync(file, 'utf8')
      .trim()
      .split('\n')
      .map((token) => ({ authorization: `Bearer ${token}` }))
  : [{}];
let at = Number(first);
let count = 0;

// One counter for all connections: autocannon's own list begins anew on each, so that all would send the same token at once.
const setupRequest = (request) => {
  count += 1;
  if (count % Number(newIn) > 0) return { ...request, headers: headers[0] };
  at = (at + 1) % headers.length;
  return { ...request, headers: headers[at] };
};

const result = await autocannon({
  url,
  duration: Number(seconds),
  connections: Number(connections),
  requests: [
    bodySize === '0' ? { method: 'GET', setupRequest } : { method: 'POST', body: 'x'.repeat(bodySize), setupRequest },
  ],
});
process.stdout.write(
  `${JSON.stringify({
    requests: result['2xx'] + result.non2xx,
    seconds: result.duration,
    refused: result.non2xx,
    failed: result.errors + result.timeouts,
    p50: result.latency.p50,
    p99: result.latency.p99,
  })}\n`,
);
