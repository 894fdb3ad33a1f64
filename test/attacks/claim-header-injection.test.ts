import test from 'ava';
import { requestBytes, startBehind } from '../support/gateway.ts';

// Claims are text that users choose at their provider. Put into a header as it is, `a\r\nX-Admin: 1` is two headers; a
// server that narrows UTF-16 to bytes makes CR LF of U+560D U+560A; and what throws instead is a 500 that any user can
// cause. A comma within one group of a list makes two groups of it.

const CLAIMS: readonly (readonly [sub: unknown, header: string])[] = [
  ['a\r\nX-Admin: 1', 'a%0D%0AX-Admin: 1'],
  ['a\r\n\r\nGET /admin HTTP/1.1\r\n\r\n', 'a%0D%0A%0D%0AGET /admin HTTP/1.1%0D%0A%0D%0A'],
  ['a\nb', 'a%0Ab'],
  ['a\x00b', 'a%00b'],
  ['a\x7fb', 'a%7Fb'],
  ['\u560d\u560aX-Admin: 1', '%E5%98%8D%E5%98%8AX-Admin: 1'],
  ['\u6f22\u5b57', '%E6%BC%A2%E5%AD%97'],
  ['\u00e9', '%C3%A9'],
  [' root ', '%20root%20'],
  ['\ud800', '%EF%BF%BD'],
  ['user-1', 'user-1'],
];

test('a claim is one header, whatever is in it', async (t) => {
  const { gateway, upstream } = await startBehind(t, {
    routes: [
      {
        id: 'all',
        match: { path: '/**' },
        headers: { set: { 'X-User-Id': '{claims.sub}', 'X-Groups': '{claims.groups}' } },
      },
    ],
  });
  for (const [sub, header] of CLAIMS) {
    const groups = ['users', `${sub},admin`];
    t.is((await gateway.ask(requestBytes({ headers: [gateway.bearer({ sub, groups })] }))).status, 200, header);
    const request = upstream.requests.at(-1);
    t.deepEqual(request?.values('x-user-id'), [header]);
    t.deepEqual(request?.values('x-admin'), []);
    const [list = ''] = request?.values('x-groups') ?? [];
    t.is(list.split(',').length, 2, list);
  }
  t.is(upstream.requests.length, CLAIMS.length);
});

test('nor does a claim break out of an answer', async (t) => {
  const { gateway } = await startBehind(t, {
    routes: [{ id: 'all', match: { path: '/**' }, responseHeaders: { set: { 'X-Sub': '{claims.sub}' } } }],
  });
  const response = await gateway.ask(
    requestBytes({ headers: [gateway.bearer({ sub: 'a\r\nSet-Cookie: s=1\r\n\r\n' })] }),
  );
  t.is(response.header('x-sub'), 'a%0D%0ASet-Cookie: s=1%0D%0A%0D%0A');
  t.is(response.header('set-cookie'), undefined);
});
