import { connect } from 'node:net';
import test from 'ava';
import { startCommand } from '../support/command.ts';
import { temporaryFolder } from '../support/files.ts';
import { codeOf, requestBytes } from '../support/gateway.ts';
import { sendRaw } from '../support/raw-client.ts';
import { startRecordingUpstream } from '../support/upstream.ts';

// After a CONNECT, or behind a request that waits for its turn, node hands the bare socket over and takes its own listeners off it. A reset is then an `error` event
// that nobody hears, and that ends the process: one packet without a token stops the gateway for everybody. It has to be
// seen from outside: within a test the listener of AVA would catch what a real process dies of.

const CONNECT = requestBytes({ method: 'CONNECT', target: 'db.internal:5432' });
const TIMES = 60;

test('a reset around a CONNECT, before or behind its answer, does not end the process', async (t) => {
  const upstream = await startRecordingUpstream(({ target }) =>
    target === '/held' ? undefined : 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
  );
  t.teardown(upstream.close);
  const folder = await temporaryFolder({
    'gateway.yaml': `
listen: { host: 127.0.0.1, port: 0 }
admin: { port: 0 }
drain: { delay: 0s }
upstreams: { api: { url: "${upstream.url}" } }
routes: [{ id: all, match: { path: "/**" }, auth: public, upstream: api }]
`,
  });
  t.teardown(folder.remove);
  const gateway = await startCommand(['start', '--config', folder.file('gateway.yaml')]);
  const port = Number(new URL(gateway.url).port);

  for (let time = 0; time < TIMES; time += 1) {
    await resetAfter(port, CONNECT, (reset) => afterTurns(time % 8, reset));
    await resetAfter(port, CONNECT, (reset, socket) => void socket.once('data', reset));
    await resetAfter(port, CONNECT, (reset, socket) => void socket.once('data', () => afterTurns(time % 8, reset)));
  }
  // Behind a request that still waits for its answer, nothing is said to the CONNECT yet.
  for (let time = 1; time <= 5; time += 1) {
    await resetAfter(port, requestBytes({ target: '/held' }) + CONNECT, (reset) => {
      void upstream.waitForRequests(time).then(reset);
    });
  }
  // The gateway has heard of each reset: it went on to the upstream.
  await upstream.waitUntil(() => upstream.connections.every(({ open }) => !open), 'what the clients left has ended');

  const { responses } = await sendRaw(port, CONNECT, { until: 'close' });
  t.is(responses[0]?.status, 405);
  t.is(responses[0] && codeOf(responses[0]), 'route.method');
  t.is((await fetch(`${gateway.url}/orders`)).status, 200);
  t.is((await fetch(`${gateway.adminUrl}/readyz`)).status, 200);
  const { code, stderr } = await gateway.stop();
  t.is(code, 0, stderr);
  t.notRegex(stderr, /fatal|defect/);
});

test('a reset around a refusal with requests pipelined behind it does not end the process', async (t) => {
  const folder = await temporaryFolder({
    'gateway.yaml': `
listen: { host: 127.0.0.1, port: 0 }
admin: { port: 0 }
drain: { delay: 0s }
issuers: { main: { issuer: "https://login.example.com", audience: a, keys: { url: "http://127.0.0.1:1/" } } }
upstreams: { api: { url: "http://127.0.0.1:1" } }
routes: [{ id: all, match: { path: "/**" }, auth: { issuers: [main] }, upstream: api }]
`,
  });
  t.teardown(folder.remove);
  const gateway = await startCommand(['start', '--config', folder.file('gateway.yaml')]);
  t.teardown(() => gateway.stop('SIGKILL'));
  const port = Number(new URL(gateway.url).port);
  const closing = requestBytes({ headers: [['Connection', 'close']] });
  const uploading = requestBytes({ method: 'POST', headers: [['Content-Length', '3']] });
  const open = requestBytes();
  for (let time = 0; time < TIMES; time += 1) {
    for (const first of [closing, uploading, `${uploading}abc`, open, `${closing}${open}`]) {
      await resetAfter(port, first + open, (reset) => afterTurns(time % 8, reset));
      await resetAfter(port, first + open.repeat(5), (reset) => setImmediate(reset));
    }
  }
  t.is((await fetch(`${gateway.adminUrl}/livez`)).status, 200);
  const { code, stderr } = await gateway.stop();
  t.is(code, 0, stderr);
});

/** Sends these bytes, and resets the connection at the moment that `at` chooses. */
function resetAfter(port: number, bytes: string, at: (reset: () => void, socket: import('node:net').Socket) => void) {
  return new Promise<void>((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    // The gateway may be the first to close: then there is nothing left to reset.
    socket.on('error', (error: NodeJS.ErrnoException) => error.code !== 'ECONNRESET' && reject(error));
    socket.once('close', () => resolve());
    socket.write(bytes, 'latin1', () => at(() => socket.resetAndDestroy(), socket));
  });
}

/** The other process gets between nothing and a little time, to be met at another point each time. */
function afterTurns(turns: number, act: () => void): void {
  if (turns === 0) act();
  else setImmediate(() => afterTurns(turns - 1, act));
}
