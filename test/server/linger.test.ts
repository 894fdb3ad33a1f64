import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectSecurely } from 'node:tls';
import test from 'ava';
import { needsOpenssl } from '../support/certificates.ts';
import { codeOf, requestBytes, startBehind } from '../support/gateway.ts';
import { connectRaw } from '../support/raw-client.ts';
import { startSecure } from '../support/secure-gateway.ts';

const SIZE = 12 * 1024 * 1024;
const CHUNK = Buffer.alloc(64 * 1024, 'x');
const ROUTES = [
  { id: 'small', match: { path: '/small' }, auth: 'public', maxBody: '1KiB' },
  { id: 'open', match: { path: '/open' }, auth: 'public' },
  { id: 'all', match: { path: '/**' } },
];

/** What a client sees that writes all of its body before it reads anything, as python-requests and httpx do. */
async function writeThenRead(port: number, head: string, body: Iterable<Buffer>, secure?: ConnectionOptions) {
  const where = { port, host: '127.0.0.1' };
  const socket: Socket = secure ? connectSecurely({ ...where, ...secure }) : connect(where);
  await once(socket, secure ? 'secureConnect' : 'connect');
  const chunks: Buffer[] = [];
  const closed = new Promise<string>((resolve) => {
    socket.once('error', ({ message }) => resolve(message)).once('close', () => resolve('closed'));
  });
  socket.write(head);
  for (const chunk of body) {
    if (socket.destroyed) break;
    const written = new Promise<void>((resolve) => socket.write(chunk, () => resolve()));
    await Promise.race([written, closed]);
  }
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.on('end', () => socket.destroy());
  const how = await closed;
  return { text: Buffer.concat(chunks).toString('latin1'), how };
}

function* pieces(size: number): Generator<Buffer> {
  for (let left = size; left > 0; left -= CHUNK.length) yield CHUNK.subarray(0, left);
}

function* chunked(size: number): Generator<Buffer> {
  for (const piece of pieces(size)) yield Buffer.from(`${piece.length.toString(16)}\r\n${piece}\r\n`);
  yield Buffer.from('0\r\n\r\n');
}

const post = (target: string, framing: string, more = '') =>
  `POST ${target} HTTP/1.1\r\nHost: a\r\n${framing}\r\n${more}\r\n`;
const LENGTH = `Content-Length: ${SIZE}`;
const CHUNKED = 'Transfer-Encoding: chunked';

for (const [title, status, head, body] of [
  ['401', 401, post('/x', LENGTH), pieces],
  ['401 in chunks', 401, post('/x', CHUNKED), chunked],
  ['413 by its length', 413, post('/small', LENGTH), pieces],
  ['413 in the middle', 413, post('/small', CHUNKED), chunked],
] as const) {
  test(`a client that writes first sees why it was refused: ${title}`, async (t) => {
    const { gateway, upstream } = await startBehind(t, { routes: ROUTES });
    const { text, how } = await writeThenRead(gateway.port, head, body(SIZE));
    t.is(how, 'closed');
    t.true(text.startsWith(`HTTP/1.1 ${status} `), text.slice(0, 80));
    t.regex(text, /\r\nConnection: close\r\n/);
    t.true(text.endsWith('}\n'), 'whole');
    t.is(upstream.requests.filter(({ complete }) => complete).length, 0);
  });
}

needsOpenssl('a client that writes first sees why it was refused: 401 over TLS', async (t) => {
  const { gateway, secure } = await startSecure(t);
  const { text, how } = await writeThenRead(gateway.port, post('/x', LENGTH), pieces(SIZE), secure);
  t.is(how, 'closed');
  t.true(text.startsWith('HTTP/1.1 401 '), text.slice(0, 80));
});

test('an answer that the upstream gives before the end of the body arrives too', async (t) => {
  const answer = 'HTTP/1.1 422 No\r\nContent-Length: 4\r\n\r\nwhy?';
  const { gateway } = await startBehind(t, { routes: ROUTES }, () => answer, { answerOn: 'head' });
  const { text, how } = await writeThenRead(gateway.port, post('/open', LENGTH), pieces(SIZE));
  t.is(how, 'closed');
  t.true(text.startsWith('HTTP/1.1 422 ') && text.endsWith('why?'), text.slice(0, 80));
});

test('nothing is served of what follows in a body that is dropped, nor of what is behind it', async (t) => {
  const { gateway, upstream } = await startBehind(t, { routes: ROUTES });
  const inner = requestBytes({ target: '/open' });
  const client = await connectRaw(gateway.port);
  client.write(post('/x', `Content-Length: ${inner.length}`));
  t.is((await client.read()).responses[0]?.status, 401);
  client.write(inner);
  client.write(inner + inner);
  client.end();
  t.is((await client.read({ until: 'close' })).responses.length, 1);
  t.is((await gateway.ask(requestBytes({ target: '/open' }))).status, 200);
  t.is(upstream.requests.length, 1);
});

test('behind a head that is not to be trusted nothing is read', async (t) => {
  const { gateway } = await startBehind(t);
  const head = post('/x', LENGTH, 'Transfer_Encoding: chunked\r\n');
  const client = await connectRaw(gateway.port);
  client.write(head);
  const { responses } = await client.read({ until: 'close' });
  t.is(responses[0] && codeOf(responses[0]), 'request.invalid');
});

test('a shutdown does not wait until a client has sent all that is dropped', async (t) => {
  const { gateway } = await startBehind(t, { drain: { delay: '0s', timeout: '5m' } });
  const client = await connectRaw(gateway.port);
  t.teardown(() => client.destroy());
  client.write(post('/x', LENGTH));
  t.is((await client.read()).responses[0]?.status, 401);
  const trickle = setInterval(() => client.write('x'), 50);
  t.teardown(() => clearInterval(trickle));
  await gateway.server.drain('SIGTERM');
  t.like(gateway.lines.at(-1), { msg: 'stopped', cut: 0 });
});
