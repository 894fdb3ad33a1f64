import test from 'ava';
import { codeOf, requestBytes, startBehind } from '../support/gateway.ts';
import type { WireHeader } from '../support/http-bytes.ts';

// A proxy that forwards `Upgrade: h2c` and then passes bytes through gives its client a tunnel: every further request in
// it reaches the upstream unseen. WebSocket smuggling does it with an upgrade that the upstream refuses while the proxy
// believes in it. Go x/net CVE-2022-41721, YARP #877, nghttpx CVE-2026-58055.

const H2C: readonly WireHeader[] = [
  ['Connection', 'Upgrade, HTTP2-Settings'],
  ['Upgrade', 'h2c'],
  ['HTTP2-Settings', 'AAMAAABkAARAAAAAAAIAAAAA'],
];
const WEBSOCKET: readonly WireHeader[] = [
  ['Connection', 'Upgrade'],
  ['Upgrade', 'websocket'],
  ['Sec-WebSocket-Version', '13'],
  ['Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ=='],
];

test('no upgrade opens a tunnel: neither h2c, nor a protocol nobody knows, nor WebSocket where it is not carried', async (t) => {
  const { gateway, upstream } = await startBehind(
    t,
    {},
    () => 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n',
  );
  const inner = requestBytes({ target: '/admin', headers: [gateway.bearer()] });
  const attacks: Readonly<
    Record<string, { readonly headers: readonly WireHeader[]; readonly method?: string; readonly version?: string }>
  > = {
    h2c: { headers: H2C },
    'h2c with POST': { headers: [...H2C, ['Content-Length', String(inner.length)]], method: 'POST' },
    unknown: {
      headers: [
        ['Connection', 'upgrade'],
        ['Upgrade', 'foo'],
      ],
    },
    websocket: { headers: WEBSOCKET },
    'websocket of an old version': {
      headers: WEBSOCKET.map(([name, value]) => [name, value === '13' ? '777' : value] as const),
    },
    'with a body': { headers: [...WEBSOCKET, ['Content-Length', String(inner.length)]] },
    'on HTTP/1.0': { headers: WEBSOCKET, version: 'HTTP/1.0' },
  };
  for (const [title, { headers, ...parts }] of Object.entries(attacks)) {
    const { responses } = await gateway.send(
      requestBytes({ headers: [gateway.bearer(), ...headers], ...parts }) + inner,
    );
    t.deepEqual(
      responses.map((response) => [response.status, codeOf(response)]),
      [[400, 'route.upgrade']],
      title,
    );
  }
  t.is(upstream.connections.length, 0);
});

test('an Upgrade without Connection: Upgrade is a plain request, and arrives without it', async (t) => {
  const { gateway, upstream } = await startBehind(t);
  for (const headers of [
    [['Upgrade', 'h2c']],
    [['Connection', 'upgrade']],
    [
      ['Connection', 'HTTP2-Settings'],
      ['HTTP2-Settings', 'AA'],
    ],
  ] as const) {
    t.is((await gateway.ask(requestBytes({ headers: [gateway.bearer(), ...headers] }))).status, 200);
    const request = upstream.requests.at(-1);
    t.deepEqual([...(request?.values('upgrade') ?? []), ...(request?.values('http2-settings') ?? [])], []);
    t.notRegex(request?.values('connection').join() ?? '', /upgrade/i);
  }
});

test('an upstream that switches protocols unasked gets no tunnel either', async (t) => {
  const { gateway } = await startBehind(
    t,
    {},
    () => 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\nhello',
  );
  const response = await gateway.ask(requestBytes({ headers: [gateway.bearer()] }));
  t.is(response.status, 502);
  t.false(response.body.includes('hello'));
});

// The parser reads nothing behind an upgrade, so a connection that is kept is one on which no request is answered again.
test('a refused upgrade closes its connection (gateway.ts: route.upgrade wants `close: true`)', async (t) => {
  const { gateway } = await startBehind(t);
  const { ended } = await gateway.send(requestBytes({ headers: [gateway.bearer(), ...H2C] }), {
    until: 'close',
  });
  t.is(ended, 'close');
});
