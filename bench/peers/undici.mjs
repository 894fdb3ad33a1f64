// The peer: what a proxy costs that checks nothing. It moves each request through undici's Pool.dispatch as bearergate
// does, drops the fields of one hop (RFC 9110 §7.6.1) in both directions, and does nothing else.
// Usage: node undici.mjs UPSTREAM_URL; tells its port on stderr.
import { createServer } from 'node:http';
import { Pool } from 'undici';

const HOP_BY_HOP = new Set(['connection', 'keep-alive', 'te', 'trailer', 'transfer-encoding', 'upgrade']);

const pool = new Pool(process.argv[2], { connections: 128, pipelining: 1 });

const server = createServer({ noDelay: true }, (request, response) => {
  const { method, url: path, rawHeaders } = request;
  const hasBody = 'content-length' in request.headers || 'transfer-encoding' in request.headers;
  let abort;
  response.on('close', () => response.writableFinished || abort?.(new Error('the client has gone')));
  const options = { method, path, headers: endToEnd(rawHeaders), body: hasBody ? request : null };
  pool.dispatch(options, {
    onConnect: (stop) => {
      abort = stop;
    },
    onHeaders(status, raw, resume, statusText) {
      if (status < 200) return true;
      response.on('drain', resume);
      response.writeHead(status, statusText, endToEnd(raw.map(String)));
      return true;
    },
    onData: (chunk) => response.write(chunk),
    onComplete: () => response.end(),
    onError: () => (response.headersSent ? response.destroy() : response.writeHead(502).end()),
  });
});

/** The names and values in turn that are meant for the other end. */
function endToEnd(raw) {
  const kept = [];
  for (let at = 0; at < raw.length; at += 2) {
    if (!HOP_BY_HOP.has(raw[at].toLowerCase())) kept.push(raw[at], raw[at + 1]);
  }
  return kept;
}

server.listen(0, '127.0.0.1', () => process.stderr.write(`listens on http://127.0.0.1:${server.address().port}\n`));
process.on('SIGTERM', () => process.exit());
