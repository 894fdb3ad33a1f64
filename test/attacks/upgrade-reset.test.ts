import { connect } from 'node:net';
import test from 'ava';
import { startCommand } from '../support/command.ts';
import { temporaryFolder } from '../support/files.ts';
import { requestBytes } from '../support/gateway.ts';
import { sendRaw } from '../support/raw-client.ts';
import { startRecordingUpstream } from '../support/upstream.ts';
import { handshakeHeaders, switching } from '../support/websocket.ts';

// http-proxy listens to errors of the client's connection only once the upstream has answered: a reset before that ended
// the process (#1468, #1286), and one after it left the upstream's connection behind. As with CONNECT, it has to be seen
// from outside: within a test the listener of AVA would catch what a real process dies of.

const TIMES = 24;

test('a reset around an upgrade, on either side and at any point of it, does not end the process', async (t) => {
  const upstream = await startRecordingUpstream(({ target, connection }) => {
    if (target === '/held') return undefined;
    if (target === '/reset') connection.socket.resetAndDestroy();
    return target === '/reset' ? undefined : switching();
  });
  t.teardown(upstream.close);
  const folder = await temporaryFolder({
    'gateway.yaml': `
listen: { host: 127.0.0.1, port: 0 }
admin: { port: 0 }
drain: { delay: 0s }
upstreams: { api: { url: "${upstream.url}" } }
routes:
  - { id: all, match: { path: "/**" }, auth: public, upstream: api, websocket: true }
  - { id: plain, match: { path: "/plain" }, auth: public, upstream: api }
`,
  });
  t.teardown(folder.remove);
  const gateway = await startCommand(['start', '--config', folder.file('gateway.yaml')]);
  const port = Number(new URL(gateway.url).port);
  const handshake = (target: string) => requestBytes({ target, headers: handshakeHeaders() });

  for (let time = 0; time < TIMES; time += 1) {
    for (const target of ['/held', '/chat', '/plain']) {
      await resetAfter(port, handshake(target), (reset) => afterTurns(time % 8, reset));
    }
    await resetAfter(port, handshake('/chat'), (reset, socket) => void socket.once('data', reset));
    await resetAfter(port, handshake('/plain'), (reset, socket) => void socket.once('data', reset));
    await resetAfter(port, handshake('/chat'), (reset, socket) => {
      socket.once('data', () => {
        upstream.connections.at(-1)?.socket.resetAndDestroy();
        afterTurns(time % 4, reset);
      });
    });
    t.is((await sendRaw(port, handshake('/reset'), { until: 'close' })).responses[0]?.status, 502);
    // Behind a request that still waits for its answer.
    await resetAfter(port, requestBytes({ target: '/held' }) + handshake('/chat'), (reset) =>
      afterTurns(time % 8, reset),
    );
    await resetAfter(port, requestBytes({ target: '/held' }) + handshake('/chat'), (_reset, socket) =>
      afterTurns(time % 8, () => socket.destroy()),
    );
  }
  // undici may have opened another one in place of those that it gave up.
  const ended = () => upstream.connections.every(({ open, received }) => !open || received().length === 0);
  await upstream.waitUntil(ended, 'what the clients left has ended');

  t.is((await sendRaw(port, handshake('/chat'))).responses[0]?.status, 101);
  await upstream.waitUntil(ended, 'nothing is open');
  const page = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
  t.regex(page, /^bearergate_open_streams 0$/m);
  const { code, stderr } = await gateway.stop();
  t.is(code, 0, stderr);
  t.notRegex(stderr, /warning|DEP0060|trace-deprecation/i, 'nor is anybody warned of what http-proxy does');
});

/** Sends these bytes, and resets the connection at the moment that `at` chooses. */
function resetAfter(port: number, bytes: string, at: (reset: () => void, socket: import('node:net').Socket) => void) {
  return new Promise<void>((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    socket.on('error', () => {}); // where the gateway is faster
    socket.once('close', () => resolve());
    socket.write(bytes, 'latin1', () => at(() => socket.resetAndDestroy(), socket));
  });
}

/** The other process gets between nothing and a little time, to be met at another point each time. */
function afterTurns(turns: number, act: () => void): void {
  if (turns === 0) act();
  else setImmediate(() => afterTurns(turns - 1, act));
}
