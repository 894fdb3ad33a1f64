import test from 'ava';
import { codeOf, requestBytes, startBehind } from '../support/gateway.ts';
import type { WireHeader } from '../support/http-bytes.ts';
import { handshakeHeaders, switching } from '../support/websocket.ts';

// WebSocket smuggling: an upgrade with a body is read in two ways. Who counts the body sees a second request behind it,
// who doesn't sees frames; http-proxy passed both on to a pooled connection, where the rest was the beginning of somebody
// else's request. And who takes an upgrade for refused while the upstream took it has opened a tunnel past every check.

const ROUTES = [{ id: 'all', match: { path: '/**' }, websocket: true }];
const SMUGGLED = 'GET /admin HTTP/1.1\r\nHost: api.example.com\r\n\r\n';

test('an upgrade with a body is refused, and what stands behind its head is nobody’s request', async (t) => {
  const { gateway, upstream } = await startBehind(t, { routes: ROUTES }, () => switching());
  const chunked = `${SMUGGLED.length.toString(16)}\r\n${SMUGGLED}\r\n0\r\n\r\n`;
  const attacks: Readonly<Record<string, readonly [headers: readonly WireHeader[], body: string]>> = {
    'a length': [[['Content-Length', String(SMUGGLED.length)]], SMUGGLED],
    'a length of one': [[['content-length', '1']], `x${SMUGGLED}`],
    chunks: [[['Transfer-Encoding', 'chunked']], chunked],
    'no chunks': [[['Transfer-Encoding', 'chunked']], `0\r\n\r\n${SMUGGLED}`],
    'a length that Connection nominates': [
      [
        ['Connection', 'Content-Length'],
        ['Content-Length', String(SMUGGLED.length)],
      ],
      SMUGGLED,
    ],
  };
  for (const [title, [headers, body]] of Object.entries(attacks)) {
    const { responses, ended } = await gateway.send(
      requestBytes({ headers: [gateway.bearer(), ...handshakeHeaders(), ...headers], body }),
      { until: 'close' },
    );
    t.deepEqual(
      responses.map((response) => [response.status, codeOf(response)]),
      [[400, 'route.upgrade']],
      title,
    );
    t.not(ended, 'timeout', title);
  }
  t.is(upstream.connections.length, 0);

  // Two framings at once are no request at all, upgrade or not.
  const both = await gateway.ask(
    requestBytes({
      headers: [gateway.bearer(), ...handshakeHeaders(), ['Content-Length', '5'], ['Transfer-Encoding', 'chunked']],
      body: '0\r\n\r\n',
    }),
  );
  t.is(both.status, 400);
  t.is(upstream.connections.length, 0);

  // A length of nothing is no body.
  const whole = await gateway.ask(
    requestBytes({ headers: [gateway.bearer(), ...handshakeHeaders(), ['Content-Length', '0']] }),
  );
  t.is(whole.status, 101);
  t.deepEqual(upstream.requests[0]?.values('content-length'), []);
});

test('what is no opening handshake is refused before anybody is dialled, where WebSockets are carried too', async (t) => {
  const { gateway, upstream } = await startBehind(t, { routes: ROUTES }, () => switching());
  const over: Readonly<Record<string, Parameters<typeof handshakeHeaders>[0]>> = {
    'two protocols': { Upgrade: 'websocket, h2c' },
    'a version of it': { Upgrade: 'websocket/13' },
    'an old version': { 'Sec-WebSocket-Version': '8' },
    'two versions': { 'Sec-WebSocket-Version': '13, 8' },
    'no version': { 'Sec-WebSocket-Version': undefined },
    'no key': { 'Sec-WebSocket-Key': undefined },
    'a short key': { 'Sec-WebSocket-Key': 'AAAA' },
    'a key that is no base64': { 'Sec-WebSocket-Key': '!!!!!!!!!!!!!!!!!!!!!!==' },
    'a second key': { 'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==' },
    'a second protocol': { upgrade: 'h2c' },
  };
  const requests: Record<string, string> = {};
  for (const [title, headers] of Object.entries(over)) {
    requests[title] = requestBytes({ headers: [gateway.bearer(), ...handshakeHeaders(headers)] });
  }
  const headers = [gateway.bearer(), ...handshakeHeaders()];
  requests.POST = requestBytes({ method: 'POST', headers });
  requests.HEAD = requestBytes({ method: 'HEAD', headers });
  requests['HTTP/1.0'] = requestBytes({ version: 'HTTP/1.0', headers });
  for (const [title, bytes] of Object.entries(requests)) {
    const { raw, ended } = await gateway.send(bytes + SMUGGLED, { until: 'close' });
    t.is(ended, 'close', title);
    t.true(raw.startsWith('HTTP/1.1 400 Bad Request\r\n'), title);
    t.is(raw.match(/^HTTP\/1\.1 /gm)?.length, 1, title);
    if (title !== 'HEAD') t.true(raw.includes('"route.upgrade"'), title);
  }
  t.is(upstream.connections.length, 0);
  // In any case, and among others in Connection, as browsers send it.
  const usual = { Upgrade: 'WebSocket', Connection: 'keep-alive, upgrade' };
  t.is((await gateway.ask(requestBytes({ headers: [gateway.bearer(), ...handshakeHeaders(usual)] }))).status, 101);
});
