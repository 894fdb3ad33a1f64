import test from 'ava';
import { codeOf, requestBytes, startBehind } from '../support/gateway.ts';
import { connectRaw } from '../support/raw-client.ts';
import { acceptOf, handshakeHeaders, switching } from '../support/websocket.ts';

// The tunnel past a proxy needs an upstream that answers 101 to what it never understood as a WebSocket: one that echoes
// a status from the query, or that was asked for h2c by a header the proxy overlooked. RFC 6455 §4.1 has the client check
// that the upstream took part; here the client is the attacker, so the gateway checks.

const ROUTES = [{ id: 'all', match: { path: '/**' }, websocket: true }];
const FALSE: Readonly<Record<string, string>> = {
  '/no-accept': switching(undefined, { 'Sec-WebSocket-Accept': undefined }),
  '/accept-of-another-key': switching(undefined, { 'Sec-WebSocket-Accept': acceptOf('AAAAAAAAAAAAAAAAAAAAAA==') }),
  '/the-key-itself': switching(undefined, { 'Sec-WebSocket-Accept': 'dGhlIHNhbXBsZSBub25jZQ==' }),
  '/two-accepts': switching(undefined, { 'sec-websocket-accept': 'x' }),
  '/another-protocol': switching(undefined, { Upgrade: 'h2c' }),
  '/a-protocol-more': switching(undefined, { Upgrade: 'websocket, h2c' }),
  '/a-subprotocol-not-offered': switching(undefined, { 'Sec-WebSocket-Protocol': 'admin' }),
  '/no-protocol': switching(undefined, { Upgrade: undefined }),
  '/no-connection': switching(undefined, { Connection: undefined }),
  '/nothing-at-all': 'HTTP/1.1 101 Switching Protocols\r\n\r\n',
  '/a-coding': switching(undefined, { 'Transfer-Encoding': 'gzip' }),
};

test('a 101 that does not prove WebSocket opens nothing: 502, and the upstream is cut off', async (t) => {
  const { gateway, upstream } = await startBehind(
    t,
    { routes: ROUTES },
    ({ target }) => `${FALSE[target] ?? switching()}secret of the upstream`,
  );
  for (const target of Object.keys(FALSE)) {
    const bytes = requestBytes({ target, headers: [gateway.bearer(), ...handshakeHeaders()] });
    const { responses, raw, ended } = await gateway.send(bytes + requestBytes({ target: '/inner' }), {
      until: 'close',
    });
    t.is(ended, 'close', target);
    t.deepEqual(
      responses.map((response) => [response.status, codeOf(response)]),
      [[502, 'forward.invalid-response']],
      target,
    );
    t.false(raw.includes('secret'), target);
  }
  await upstream.waitUntil(() => upstream.connections.every(({ open }) => !open), 'each is cut off');
  t.true(upstream.connections.every((connection) => !connection.received().includes('/inner')));

  const client = await connectRaw(gateway.port);
  client.write(requestBytes({ target: '/true', headers: [gateway.bearer(), ...handshakeHeaders()] }));
  const { responses } = await client.read();
  t.is(responses[0]?.status, 101);
  client.destroy();
});
