import { createServer } from 'node:http';
import test from 'ava';
import { codeOf, requestBytes, startBehind } from '../support/gateway.ts';
import { closeNow, listenOnLoopback } from '../support/listen.ts';

// An answer about a token that is remembered by the token alone lets it in wherever it is shown next: on a route of
// another server, another audience, another scope. Oathkeeper CVE-2026-33496 and CVE-2021-32701, GHSA-qvp4-rpmr-xwrr.

test('what one route has learnt of a token opens no stricter one', async (t) => {
  const asked: string[] = [];
  const provider = createServer((request, response) => {
    request.resume();
    asked.push(request.url ?? '');
    const known = request.url === '/lax';
    response.setHeader('content-type', 'application/json');
    response.end(
      JSON.stringify(known ? { active: true, aud: 'orders-api', sub: 'user-1', scope: 'read' } : { active: false }),
    );
  });
  const { url } = await listenOnLoopback(provider);
  t.teardown(() => closeNow(provider));
  const issuer = (path: string, audience = 'orders-api') => ({
    ...{ issuer: 'https://login.example.com', audience },
    introspection: { url: `${url}${path}`, clientId: 'gateway', clientSecret: '${' + 'SECRET}' },
  });
  const { gateway, upstream } = await startBehind(t, {
    variables: { SECRET: 'never-mind-which-one' },
    issuers: { lax: issuer('/lax'), strict: issuer('/strict'), other: issuer('/lax', 'other-api') },
    routes: [
      { id: 'lax', match: { path: '/lax' }, auth: { issuers: ['lax'] } },
      { id: 'strict', match: { path: '/strict' }, auth: { issuers: ['strict'] } },
      { id: 'other', match: { path: '/other' }, auth: { issuers: ['other'] } },
      { id: 'scope', match: { path: '/scope' }, auth: { issuers: ['lax'], scopes: ['write'] } },
      { id: 'claim', match: { path: '/claim' }, auth: { issuers: ['lax'], claims: { sub: 'root' } } },
    ],
  });
  const headers = [['Authorization', 'Bearer opaque-token']] as const;
  const ask = (target: string) => gateway.ask(requestBytes({ target, headers }));
  for (let time = 0; time < 2; time += 1) {
    t.is((await ask('/lax')).status, 200);
    t.is(codeOf(await ask('/strict')), 'token.inactive');
    t.is(codeOf(await ask('/other')), 'token.audience');
    t.is(codeOf(await ask('/scope')), 'authorise.scope');
    t.is(codeOf(await ask('/claim')), 'authorise.claim');
  }
  t.true(upstream.requests.every(({ target }) => target === '/lax'));
  t.is(upstream.requests.length, 2);
  // Each of the two servers was asked by itself; the scope and the claim were judged by what was remembered.
  t.deepEqual([...new Set(asked)].sort(), ['/lax', '/strict']);
});
