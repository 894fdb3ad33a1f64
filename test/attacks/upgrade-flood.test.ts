import test from 'ava';
import { codeOf, requestBytes, startBehind } from '../support/gateway.ts';
import { connectRaw } from '../support/raw-client.ts';
import { rawResponse } from '../support/upstream.ts';
import { handshakeHeaders, switching } from '../support/websocket.ts';

// Each upgraded connection has one of its own to the upstream, for as long as its client likes. Without a bound one
// client with a good token takes all that the upstream has; counted with the others, its WebSockets would take the
// places of everybody's requests.

test('so many WebSockets are carried to an upstream as it has connections, and requests have theirs beside them', async (t) => {
  const { gateway, upstream } = await startBehind(
    t,
    {
      upstream: { connections: 3, queue: 0 },
      routes: [
        { id: 'all', match: { path: '/**' }, websocket: true },
        { id: 'other', match: { path: '/other/**' }, websocket: true },
      ],
    },
    ({ values }) => (values('upgrade').length > 0 ? switching() : rawResponse(200, 'ok')),
  );
  const shake = async (target: string) => {
    const client = await connectRaw(gateway.port);
    t.teardown(async () => client.destroy());
    client.write(requestBytes({ target, headers: [gateway.bearer(), ...handshakeHeaders()] }));
    const { responses } = await client.read();
    return { client, answer: responses[0] };
  };
  const opened = await Promise.all(['/a', '/b', '/other/c'].map(shake));
  t.true(opened.every(({ answer }) => answer?.status === 101));
  const { answer } = await shake('/d');
  t.is(answer?.status, 503);
  t.is(answer && codeOf(answer), 'forward.saturated');
  t.regex(answer?.header('retry-after') ?? '', /^\d+$/);
  t.is(upstream.connections.length, 3);
  t.is((await gateway.ask(requestBytes({ headers: [gateway.bearer()] }))).status, 200);

  opened[0]?.client.destroy();
  await upstream.waitUntil(() => upstream.connections.some(({ open }) => !open), 'one has left');
  t.is((await shake('/e')).answer?.status, 101);
});

test('places come back, however an upgrade fails', async (t) => {
  const { gateway, upstream } = await startBehind(
    t,
    {
      upstream: { connections: 1, timeouts: { response: '150ms' } },
      routes: [{ id: 'all', match: { path: '/**' }, websocket: true }],
    },
    ({ target }, socket) => {
      if (target === '/silent') return undefined;
      if (target === '/403') return rawResponse(403, 'no');
      if (target === '/false') return switching(undefined, { Upgrade: 'h2c' });
      if (target === '/garbage') return 'garbage\r\n\r\n';
      if (target === '/reset') socket.resetAndDestroy();
      return target === '/reset' ? undefined : switching();
    },
  );
  const ask = (target: string) =>
    gateway.ask(requestBytes({ target, headers: [gateway.bearer(), ...handshakeHeaders()] }));
  const expected = { '/silent': 504, '/403': 403, '/false': 502, '/garbage': 502, '/reset': 502 };
  let connections = 0;
  for (const target of ['/silent', '/403', '/false', '/garbage', '/reset'] as const) {
    t.is((await ask(target)).status, expected[target], target);
    connections += 1;
    await upstream.waitUntil(
      () => upstream.connections.length === connections && upstream.connections.every(({ open }) => !open),
      target,
    );
    t.is((await ask('/open')).status, 101, target);
    connections += 1;
    await upstream.waitUntil(() => upstream.connections.every(({ open }) => !open), 'it is closed again');
  }
});
