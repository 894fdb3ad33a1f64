import test from 'ava';
import { requestBytes, startBehind } from '../support/gateway.ts';

// `Connection: X-User-Id` asks a proxy to remove that header. One that adds its own first and removes then hands the
// request on without an identity, which some upstreams take for an internal caller. Go CVE-2021-33197, Traefik
// CVE-2024-45410, Apache CVE-2022-31813, F5 CVE-2022-1388.

const NOMINATED = [
  'X-User-Id',
  'X-Forwarded-For',
  'X-Forwarded-Host',
  'X-Forwarded-Proto',
  'X-Request-Id',
  'Via',
  'Host',
  'Authorization',
  'Content-Length',
  'Transfer-Encoding',
  'Cookie',
];

test('Connection takes away nothing that the gateway adds or decides by', async (t) => {
  const { gateway, upstream } = await startBehind(t, {
    upstream: { headers: { set: { Authorization: 'Basic bGVnYWN5' } } },
    routes: [{ id: 'all', match: { path: '/**' }, headers: { set: { 'X-User-Id': '{claims.sub}' } } }],
  });
  for (const [line, headers] of [
    ['one line', [['Connection', ['close', ...NOMINATED].join(', ')]]],
    ['many lines', NOMINATED.map((name) => ['connection', name.toLowerCase()])],
  ] as const) {
    const count = upstream.requests.length;
    const bytes = requestBytes({
      method: 'POST',
      headers: [
        ...(headers as [string, string][]),
        gateway.bearer(),
        ['Content-Length', '2'],
        ['Cookie', 'a=1'],
        ['X-Kept', '1'],
      ],
      body: 'ab',
    });
    t.is((await gateway.ask(bytes)).status, 200, line);
    const request = upstream.requests[count];
    const has = (name: string) => request?.values(name);
    t.deepEqual(has('x-user-id'), ['user-1'], line);
    t.deepEqual(has('x-forwarded-for'), ['127.0.0.1']);
    t.deepEqual(has('x-forwarded-host'), ['api.example.com']);
    t.deepEqual(has('x-forwarded-proto'), ['http']);
    t.deepEqual(has('via'), ['1.1 bearergate']);
    t.deepEqual(has('host'), ['api.example.com']);
    t.deepEqual(has('authorization'), ['Basic bGVnYWN5']);
    t.deepEqual(has('content-length'), ['2']);
    t.is(has('x-request-id')?.length, 1);
    t.is(request?.body.toString(), 'ab');
    t.deepEqual(has('x-kept'), ['1']);
    // What is the client's own goes, as it asked; and nothing of its Connection arrives.
    t.deepEqual(has('cookie'), []);
    t.notRegex(has('connection')?.join() ?? '', /x-|close/i);
  }
});

test('without a token, nominating Authorization makes nobody of anybody', async (t) => {
  const { gateway, upstream } = await startBehind(t);
  const bytes = requestBytes({
    headers: [
      ['Connection', 'authorization'],
      ['Authorization', 'Bearer a.b.c'],
    ],
  });
  t.is((await gateway.ask(bytes)).status, 401);
  t.is(upstream.connections.length, 0);
});
