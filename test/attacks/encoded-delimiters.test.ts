import test from 'ava';
import { codeOf, requestBytes, startBehind } from '../support/gateway.ts';

// `@`, `:` and the sub-delimiters may stand in a path as they are or encoded (RFC 3986 §3.3), and nearly every server
// takes the two for one: /users/%40me is /users/@me. A guard that has a rule for one spelling alone lets the other pass
// by the rule for any user. They are not decoded, since to some APIs `:cancel` is a verb and `%3Acancel` a name.

const ROUTES = [
  { id: 'me', match: { path: '/users/@me' }, auth: { scopes: ['admin'] } },
  { id: 'verb', match: { path: '/jobs/all:cancel' }, auth: { scopes: ['admin'] } },
  { id: 'pair', match: { path: "/a,b/(c)/$'!%2A+&=" }, auth: { scopes: ['admin'] } },
  { id: 'any', match: { path: '/**' } },
];
const AROUND = [
  '/users/%40me',
  '/users/%40%6de',
  '/jobs/all%3Acancel',
  '/jobs/all%3acancel',
  '/jobs/%61ll%3Acancel',
  "/a%2Cb/(c)/$'!*+&=",
  "/a,b/%28c%29/$'!*+&=",
  '/a,b/(c)/%24%27%21%2A%2B%26%3D',
];

test('an encoded delimiter is no way around a rule that has it plain', async (t) => {
  const { gateway, upstream } = await startBehind(t, { routes: ROUTES });
  const ask = (target: string) => gateway.ask(requestBytes({ target, headers: [gateway.bearer()] }));
  for (const target of AROUND) t.is(codeOf(await ask(target)), 'route.target', target);
  for (const target of ['/users/@me', '/jobs/all:cancel']) t.is(codeOf(await ask(target)), 'authorise.scope', target);
  t.is(upstream.connections.length, 0);

  // Where both lead to one rule, the bytes go on as they came.
  for (const target of ['/users/a%40example.com', '/users/a@example.com', '/jobs/1%3Acancel', '/jobs/1:cancel']) {
    t.is((await ask(target)).status, 200, target);
    t.is(upstream.requests.at(-1)?.target, target);
  }
});

test('with a semicolon or a slash beside it, it is none either', async (t) => {
  const allow = ['semicolon', 'encodedSlash'];
  const { gateway, upstream } = await startBehind(t, {
    routes: [ROUTES[0] as object, { id: 'any', match: { path: '/**', allow } }],
  });
  for (const target of ['/users/%40me;x', '/users%2F%40me', '/users%2f@me', '/users;x/%40me', '/users%3B/%40me']) {
    const response = await gateway.ask(requestBytes({ target, headers: [gateway.bearer()] }));
    t.is(codeOf(response), 'route.target', target);
  }
  t.is(upstream.connections.length, 0);
  t.is((await gateway.ask(requestBytes({ target: '/users/%40you;x', headers: [gateway.bearer()] }))).status, 200);
});
