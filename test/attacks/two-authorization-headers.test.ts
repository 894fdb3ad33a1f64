import test from 'ava';
import { codeOf, requestBytes, startBehind } from '../support/gateway.ts';
import type { WireHeader } from '../support/http-bytes.ts';

// node:http keeps the first of two Authorization fields, other servers the last or both: the guard checks one token, the
// service behind acts on the other. RFC 6750 §2 has a client send one. The same goes for a list in one field, for a tab
// in place of the space (fastify CVE-2026-25223), and for a token in a second place that the route looks at.

test('a request with more than one token is refused and never chosen from', async (t) => {
  const { gateway, upstream } = await startBehind(t, {
    routes: [
      { id: 'all', match: { path: '/**' }, token: 'forward' },
      {
        id: 'many',
        match: { path: '/many' },
        token: 'forward',
        auth: { tokenFrom: ['authorization', { cookie: 's' }, { header: 'X-Token' }, { query: 't' }] },
      },
    ],
  });
  const [name, good] = gateway.bearer();
  const token = good.slice('Bearer '.length);
  const attacks: readonly (readonly [target: string, headers: readonly WireHeader[]])[] = [
    [
      '/',
      [
        [name, good],
        [name, good],
      ],
    ],
    [
      '/',
      [
        [name, good],
        ['authorization', 'Bearer other'],
      ],
    ],
    [
      '/',
      [
        [name, 'Basic eDp5'],
        [name, good],
      ],
    ],
    [
      '/',
      [
        [name, good],
        [name, ''],
      ],
    ],
    ['/', [[name, `${good}, ${good}`]]],
    ['/', [[name, `${good}, Basic eDp5`]]],
    ['/', [[name, `${good} ${token}`]]],
    ['/', [[name, `Bearer\t${token}`]]],
    ['/', [[name, `Bearer Bearer ${token}`]]],
    ['/', [[name, `Bearer "${token}"`]]],
    [
      '/many',
      [
        [name, good],
        ['Cookie', `s=${token}`],
      ],
    ],
    ['/many', [['Cookie', `s=${token}; s=${token}`]]],
    [
      '/many',
      [
        ['Cookie', `s=${token}`],
        ['Cookie', 's=x'],
      ],
    ],
    [
      '/many',
      [
        ['X-Token', token],
        ['x-token', token],
      ],
    ],
    [`/many?t=${token}`, [[name, good]]],
    [`/many?t=${token}&t=x`, []],
  ];
  for (const [target, headers] of attacks) {
    const response = await gateway.ask(requestBytes({ target, headers }));
    t.is(response.status, 400, JSON.stringify(headers));
    t.true(['token.ambiguous', 'token.request'].includes(codeOf(response)), codeOf(response));
  }
  t.is(upstream.connections.length, 0);

  for (const [target, header] of [
    ['/', [name, good]],
    ['/many', ['Cookie', `s=${token}`]],
    ['/', ['aUTHORIZATION', `bEARER  ${token}`]],
  ] as const) {
    t.is((await gateway.ask(requestBytes({ target, headers: [header] }))).status, 200, header[0]);
  }
  t.deepEqual(upstream.requests[0]?.values('authorization'), [good]);
});
