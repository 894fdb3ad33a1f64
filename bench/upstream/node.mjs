// The upstream where there is no nginx. It is slower, so that it may limit requests/s; CPU per request stays comparable.
import { createServer } from 'node:http';
import { ANSWER } from './answer.mjs';

const HEADERS = ['Content-Type', 'application/json', 'Content-Length', String(Buffer.byteLength(ANSWER))];

const server = createServer({ noDelay: true, keepAliveTimeout: 600_000 }, (request, response) => {
  request.resume();
  response.writeHead(200, HEADERS).end(ANSWER);
});
server.listen(0, '127.0.0.1', () => process.stderr.write(`listens on http://127.0.0.1:${server.address().port}\n`));
process.on('SIGTERM', () => process.exit());
