import test from 'ava';
import { requestBytes, startBehind } from '../support/gateway.ts';

// What can't stand in a header is percent-encoded. If a claim that is spelled like the encoded form goes on as it is, the
// two are one to the upstream: whoever may choose a user name at the provider chooses `m%C3%BCller` and is müller; a
// group named `a%2Cadmin` is the group `a,admin`, or, decoded first, the group `admin`.

/** Each of a row has to be told from the others. */
const LOOK_ALIKE: readonly (readonly unknown[])[] = [
  ['müller', 'm%C3%BCller', 'm%c3%bcller', 'm%25C3%25BCller'],
  ['users,admin', 'users%2Cadmin', ['users', 'admin']],
  ['CN=a,O=b', 'CN=a%2CO=b', ['CN=a', 'O=b']],
  ['a b ', 'a b%20', 'a b%2520'],
  ['a\nb', 'a%0Ab', 'a%0ab'],
  [['a,admin'], ['a%2Cadmin'], ['a%2cadmin'], ['a%252Cadmin'], ['a', 'admin']],
  [['müller,x'], ['m%C3%BCller,x'], ['m%C3%BCller%2Cx'], ['müller', 'x']],
  [['100%,x'], ['100%25,x'], ['100%', 'x'], ['100%25%2Cx']],
];

/** What needs no encoding is not touched, a percent sign included that begins no escape. */
const ORDINARY = ['user-1', '100%', '50% off', '%', '%%', '%zz', '5%-10%', 'a;b', 'a b', 'A%4', 'x%g1'];

test('no two claims send the same header value', async (t) => {
  const { gateway, upstream } = await startBehind(t, {
    routes: [{ id: 'all', match: { path: '/**' }, headers: { set: { 'X-Name': '{claims.name}' } } }],
  });
  const sent = async (name: unknown) => {
    t.is((await gateway.ask(requestBytes({ headers: [gateway.bearer({ name })] }))).status, 200);
    const values = upstream.requests.at(-1)?.values('x-name') ?? [];
    t.is(values.length, 1);
    return values[0] as string;
  };
  for (const row of LOOK_ALIKE) {
    const values: string[] = [];
    for (const name of row) {
      const value = await sent(name);
      values.push(value);
      // And an upstream that decodes gets what stood in the token.
      const back = /%[0-9A-F]{2}/.test(value) ? value.split(',').map(decodeURIComponent) : value.split(',');
      t.deepEqual(back, Array.isArray(name) ? name : [name], value);
    }
    t.is(new Set(values).size, row.length, JSON.stringify(values));
  }
  for (const name of ORDINARY) t.is(await sent(name), name);
  t.is(await sent(['users', '100%']), 'users,100%');
});

test('nor do two subjects', async (t) => {
  const { gateway, upstream } = await startBehind(t, {
    routes: [{ id: 'all', match: { path: '/**' }, headers: { set: { 'X-User': '{claims.sub}' } } }],
  });
  for (const sub of ['müller', 'm%C3%BCller']) await gateway.ask(requestBytes({ headers: [gateway.bearer({ sub })] }));
  t.deepEqual(
    upstream.requests.map((request) => request.values('x-user')),
    [['m%C3%BCller'], ['m%25C3%25BCller']],
  );
});
