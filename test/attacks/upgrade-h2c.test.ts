import test from 'ava';
import { codeOf, requestBytes, startBehind } from '../support/gateway.ts';
import type { WireHeader } from '../support/http-bytes.ts';
import { connectRaw } from '../support/raw-client.ts';
import { until } from '../support/until.ts';

// A proxy that forwards `Upgrade: h2c` and then passes bytes through gives its client a tunnel: every further request in
// it reaches the upstream unseen. WebSocket smuggling does it with an upgrade that the upstream refuses while the proxy
// believes in it. Go x/net CVE-2022-41721, YARP #877, nghttpx CVE-2026-58055. Other protocols than WebSocket are ignored
// (RFC 9110 §7.8): the request, its body and what is behind it are HTTP/1.1, each request authorised alone.

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
const SMUGGLED = requestBytes({ target: '/admin' });

test('an upgrade to WebSocket on a route that carries none opens no tunnel', async (t) => {
  const { gateway, upstream } = await startBehind(
    t,
    {},
    () => 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
  );
  const attacks: Readonly<Record<string, { readonly headers: readonly WireHeader[]; readonly version?: string }>> = {
    websocket: { headers: WEBSOCKET },
    'of an old version': { headers: WEBSOCKET.map(([name, value]) => [name, value === '13' ? '777' : value] as const) },
    'with a body': { headers: [...WEBSOCKET, ['Content-Length', String(SMUGGLED.length)]] },
    'on HTTP/1.0': { headers: WEBSOCKET, version: 'HTTP/1.0' },
    'beside h2c': { headers: [['Connection', 'Upgrade'], ...WEBSOCKET.slice(2), ['Upgrade', 'h2c, websocket']] },
    'behind h2c': { headers: [...H2C, ['Upgrade', 'websocket']] },
  };
  for (const [title, { headers, ...parts }] of Object.entries(attacks)) {
    const bytes = requestBytes({ headers: [gateway.bearer(), ...headers], ...parts });
    const { responses } = await gateway.send(bytes + SMUGGLED, { until: 'close' });
    t.deepEqual(
      responses.map((response) => [response.status, codeOf(response)]),
      [[400, 'route.upgrade']],
      title,
    );
  }
  t.is(upstream.connections.length, 0);
});

/** Asks for other protocols, in every way in which clients and attackers do. */
const OTHERS: Readonly<Record<string, readonly WireHeader[]>> = {
  h2c: H2C,
  unknown: [
    ['Connection', 'upgrade'],
    ['Upgrade', 'foo'],
  ],
  several: [
    ['Connection', 'keep-alive, Upgrade'],
    ['Upgrade', 'TLS/1.3, h2c'],
    ['upgrade', 'IRC/6.9'],
  ],
  'nearly WebSocket': [
    ['connection', 'uPgRaDe'],
    ['Upgrade', 'websockets, my-websocket'],
  ],
  empty: [
    ['Connection', 'Upgrade'],
    ['Upgrade', ''],
  ],
};

test('a request for another protocol is a plain one, with its body, and so is what is behind it', async (t) => {
  const { gateway, upstream } = await startBehind(t);
  const body = SMUGGLED;
  const size = body.length.toString(16);
  const bodies: Readonly<Record<string, readonly [method: string, headers: readonly WireHeader[], sent: string]>> = {
    none: ['GET', [], ''],
    'a length': ['POST', [['Content-Length', String(body.length)]], body],
    'a length with GET': ['GET', [['Content-Length', String(body.length)]], body],
    'a length of nothing': ['POST', [['Content-Length', '0']], ''],
    chunks: ['PUT', [['Transfer-Encoding', 'chunked']], `${size}\r\n${body}\r\n0\r\n\r\n`],
  };
  for (const [protocol, headers] of Object.entries(OTHERS)) {
    for (const [framing, [method, more, sent]] of Object.entries(bodies)) {
      const title = `${protocol}, ${framing}`;
      upstream.requests.length = 0;
      const ask = (last: readonly WireHeader[]) =>
        requestBytes({ method, target: '/asked', headers: [...last, ...headers, ...more], body: sent });
      const { responses } = await gateway.send(
        ask([gateway.bearer()]) + SMUGGLED + ask([gateway.bearer()]) + ask([]) + SMUGGLED,
        // A refused body closes the connection: nothing behind it is served.
        { until: sent === '' ? 5 : 'close' },
      );
      const expected = sent === '' ? [200, 401, 200, 401, 401] : [200, 401, 200, 401];
      t.deepEqual(
        responses.map(({ status }) => status),
        expected,
        title,
      );
      t.is(upstream.requests.length, 2, title);
      for (const request of upstream.requests) {
        t.is(`${request.method} ${request.target}`, `${method} /asked`, title);
        t.is(request.body.toString(), sent === '' ? '' : body, title);
        t.deepEqual([...request.values('upgrade'), ...request.values('http2-settings')], [], title);
        t.notRegex(request.values('connection').join(), /upgrade|settings/i, title);
      }
    }
  }
});

test('what else its Connection says holds for a request for another protocol', async (t) => {
  const { gateway, upstream } = await startBehind(t);
  const headers = [
    gateway.bearer(),
    ['Connection', 'HTTP2-Settings, x-hop,Upgrade , close'],
    ['Upgrade', 'h2c'],
    ['HTTP2-Settings', ''],
    ['X-Hop', '1'],
  ] as const;
  const { responses } = await gateway.send(requestBytes({ headers }) + requestBytes(), { until: 'close' });
  t.deepEqual(
    responses.map((response) => [response.status, response.header('connection')]),
    [[200, 'close']],
  );
  t.deepEqual(upstream.requests[0]?.values('x-hop'), []);
});

test('a body that comes later, in pieces, belongs to the request; 100 Continue comes before it', async (t) => {
  const { gateway, upstream } = await startBehind(t);
  const client = await connectRaw(gateway.port);
  const headers = [gateway.bearer(), ...H2C, ['Content-Length', '10'], ['Expect', '100-continue']] as const;
  client.write(requestBytes({ method: 'POST', headers }));
  const asked = async () => (await client.read({ until: 'timeout', timeoutMs: 10 })).raw.startsWith('HTTP/1.1 100');
  await until(asked, '100 Continue');
  client.write('GET / ');
  client.write('HTTP');
  const { responses } = await client.read();
  t.deepEqual(
    responses.map(({ status }) => status),
    [100, 200],
  );
  t.is(upstream.requests[0]?.body.toString(), 'GET / HTTP');
  client.write(requestBytes({ headers: [gateway.bearer(), ...H2C] }));
  t.is((await client.read({ until: 2 })).responses.at(-1)?.status, 200);
  client.destroy();
});

test('HTTP/1.0 knows no upgrades: such a request is served', async (t) => {
  const { gateway } = await startBehind(t);
  const headers = [gateway.bearer(), ...H2C];
  t.is((await gateway.ask(requestBytes({ version: 'HTTP/1.0', headers }))).status, 200);
});

test('an Upgrade without Connection: Upgrade is a plain request, and arrives without it', async (t) => {
  const { gateway, upstream } = await startBehind(t);
  for (const headers of [
    [['Upgrade', 'h2c']],
    [['Upgrade', 'websocket']],
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
  for (const headers of [[gateway.bearer()], [gateway.bearer(), ...H2C]]) {
    const response = await gateway.ask(requestBytes({ headers }));
    t.is(response.status, 502);
    t.false(response.body.includes('hello'));
  }
});

// The parser reads nothing behind an upgrade, so a connection that is kept is one on which no request is answered again.
test('a refused upgrade closes its connection (gateway.ts: route.upgrade wants `close: true`)', async (t) => {
  const { gateway } = await startBehind(t);
  const { ended } = await gateway.send(requestBytes({ headers: [gateway.bearer(), ...WEBSOCKET] }), {
    until: 'close',
  });
  t.is(ended, 'close');
});
