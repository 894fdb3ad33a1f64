import test from 'ava';
import { codeOf, requestBytes, startBehind } from '../support/gateway.ts';
import { connectRaw } from '../support/raw-client.ts';
import { rawResponse } from '../support/upstream.ts';
import { handshakeHeaders, switching, textFrame } from '../support/websocket.ts';

// Behind an upgrade the bytes of a connection are another protocol's. A proxy that goes on to read requests there, or
// that answers an upgrade before the request in front of it, lets a client choose which answer belongs to which request.

const ROUTES = [{ id: 'all', match: { path: '/**' }, websocket: true }];
const LARGE = 8 * 1024 * 1024;

test('a request behind an upgrade is no request: neither after a refusal, nor after a 101, nor while it is waited for', async (t) => {
  const { gateway, upstream } = await startBehind(t, { routes: ROUTES }, ({ target }) =>
    target === '/refused' ? rawResponse(403, 'no') : switching(),
  );
  const inner = requestBytes({ target: '/inner', headers: [gateway.bearer()] });
  const handshake = (target: string, headers = [gateway.bearer()]) =>
    requestBytes({ target, headers: [...headers, ...handshakeHeaders()] });

  const refused = await gateway.send(handshake('/no-token', []) + inner, { until: 'close' });
  t.deepEqual(
    refused.responses.map((response) => [response.status, codeOf(response)]),
    [[401, 'token.missing']],
  );
  t.is(upstream.connections.length, 0);

  const answered = await gateway.send(handshake('/refused') + inner, { until: 'close' });
  t.deepEqual(
    answered.responses.map(({ status }) => status),
    [403],
  );
  const client = await connectRaw(gateway.port);
  client.write(handshake('/chat') + inner);
  t.is((await client.read()).responses[0]?.status, 101);
  await upstream.waitUntil(() => upstream.connections[1]?.received().includes('/inner') === true, 'the bytes');
  client.destroy();

  // It went to the upstream as what it is there, bytes behind a handshake, and to no other connection.
  t.deepEqual(
    upstream.requests.map(({ target }) => target),
    ['/refused', '/chat'],
  );
  t.false(upstream.connections[0]?.received().includes('/inner'));
  t.false(gateway.lines.some(({ path }) => path === '/inner'));
});

test('an upgrade behind a request that is being answered waits for its turn', async (t) => {
  const { gateway, upstream } = await startBehind(
    t,
    { routes: ROUTES, upstream: { timeouts: { connect: '30s' } } },
    ({ target }) => (target === '/chat' ? switching() : rawResponse(200, 'x'.repeat(LARGE))),
  );
  const client = await connectRaw(gateway.port);
  client.write(
    requestBytes({ target: '/large', headers: [gateway.bearer()] }) +
      requestBytes({ target: '/chat', headers: [gateway.bearer(), ...handshakeHeaders()] }),
  );
  const { responses } = await client.read({ until: 2, timeoutMs: 20_000 });
  t.deepEqual(
    responses.map(({ status, body }) => [status, body.length]),
    [
      [200, LARGE],
      [101, 0],
    ],
  );
  const frame = textFrame('hello', 'client');
  client.write(frame);
  await upstream.waitUntil(() => upstream.connections.some((one) => one.received().includes(frame)), 'it is open');
  client.destroy();
});

test('a refused upgrade behind a request that is being answered is refused after it', async (t) => {
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const { gateway, upstream } = await startBehind(t, {}, async () => {
    await released;
    return rawResponse(200, 'first');
  });
  const client = await connectRaw(gateway.port);
  client.write(
    requestBytes({ headers: [gateway.bearer()] }) +
      requestBytes({ headers: [gateway.bearer(), ...handshakeHeaders({ 'Sec-WebSocket-Version': '8' })] }),
  );
  await upstream.waitForRequests(1);
  release();
  const { responses } = await client.read({ until: 'close' });
  t.deepEqual(
    responses.map(({ status }) => status),
    [200, 400],
  );
  t.is(upstream.requests.length, 1);
});

test('nor is one behind a request whose connection was promised a close', async (t) => {
  const { gateway, upstream } = await startBehind(t, { routes: ROUTES }, ({ target }) =>
    target === '/chat' ? switching() : rawResponse(200, 'first'),
  );
  const { responses, ended } = await gateway.send(
    requestBytes({ headers: [gateway.bearer(), ['Connection', 'close']] }) +
      requestBytes({ target: '/chat', headers: [gateway.bearer(), ...handshakeHeaders()] }),
    { until: 'close' },
  );
  t.is(ended, 'close');
  t.deepEqual(
    responses.map(({ status }) => status),
    [200],
  );
  t.is(upstream.requests.length, 1);
});
