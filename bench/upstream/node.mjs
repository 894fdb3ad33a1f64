// The upstream where there is no nginx. It is slower, so that it may limit requests/s; CPU per request stays comparable.
import { createServer } from 'node:http';
import { ANSWER, SIZES } from './answer.mjs';

const answers = Object.fromEntries(Object.entries(SIZES).map(([name, size]) => [name, Buffer.alloc(size, 'x')]));
const usual = Buffer.from(ANSWER);

const server = createServer({ noDelay: true, keepAliveTimeout: 600_000 }, (request, response) => {
  request.resume();
  const answer = answers[request.url.split('/').at(-1)] ?? usual;
  response.writeHead(200, ['Content-Type', 'application/json', 'Content-Length', String(answer.length)]).end(answer);
});
server.listen(0, '127.0.0.1', () => process.stderr.write(`listens on http://127.0.0.1:${server.address().port}\n`));
process.on('SIGTERM', () => process.exit());
