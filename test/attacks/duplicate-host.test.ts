import test from 'ava';
import { codeOf, requestBytes, startBehind } from '../support/gateway.ts';
import type { WireHeader } from '../support/http-bytes.ts';

// With two Host fields the guard believes one and the upstream the other; node:http keeps the first. RFC 9112 §3.2 asks
// for 400, and for the same on a Host that is absent or no authority.

const ATTACKS: readonly (readonly WireHeader[])[] = [
  [
    ['Host', 'public.example.com'],
    ['Host', 'admin.example.com'],
  ],
  [
    ['Host', 'public.example.com'],
    ['hOST', 'public.example.com'],
  ],
  [['Host', 'public.example.com, admin.example.com']],
  [['Host', 'public.example.com admin.example.com']],
  [['Host', 'public.example.com/admin']],
  [['Host', 'admin@public.example.com']],
  [['Host', 'public.example.com#admin']],
  [['Host', '']],
  [],
];

test('a request has one Host, which is a host', async (t) => {
  const { gateway, upstream } = await startBehind(t, {
    routes: [
      { id: 'public', match: { host: 'public.example.com', path: '/**' }, auth: 'public' },
      { id: 'admin', match: { host: 'admin.example.com', path: '/**' } },
    ],
  });
  for (const headers of ATTACKS) {
    const { responses, ended } = await gateway.send(requestBytes({ host: undefined, headers }), { until: 'close' });
    t.deepEqual(
      responses.map(({ status }) => status),
      [400],
      JSON.stringify(headers),
    );
    t.is(responses[0] && codeOf(responses[0]), 'request.invalid');
    t.is(ended, 'close');
  }
  t.is(upstream.connections.length, 0);

  for (const host of ['public.example.com', 'PUBLIC.Example.COM.', 'public.example.com:8080']) {
    t.is((await gateway.ask(requestBytes({ host }))).status, 200, host);
    t.deepEqual(upstream.requests.at(-1)?.values('host'), [host]);
  }
  t.is((await gateway.ask(requestBytes({ host: 'ADMIN.example.com.' }))).status, 401);
});
