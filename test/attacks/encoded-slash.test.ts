import test from 'ava';
import { codeOf, requestBytes, startBehind } from '../support/gateway.ts';

// `/public%2f..%2fadmin` is one segment to a guard that splits before it decodes, and three to a server that decodes
// first. The two spellings %2f and %2F were even told apart by one guard. Envoy CVE-2021-29492, Traefik CVE-2025-47952,
// heimdall CVE-2026-42272.

const ATTACKS = ['%2f', '%2F', '%5c', '%5C'].flatMap((slash) => [
  `/public/..${slash}admin`,
  `/public/a${slash}..${slash}..${slash}admin`,
  `/public${slash}admin`,
  `/public/${slash}admin`,
  `${'/'}${slash}admin`,
]);

test('an encoded slash or backslash is no way around a route', async (t) => {
  const routes = [
    { id: 'files', match: { path: '/files/**', allow: ['encodedSlash'] }, auth: 'public' },
    { id: 'public', match: { path: '/public/**' }, auth: 'public' },
    { id: 'all', match: { path: '/**' } },
  ];
  const { gateway, upstream } = await startBehind(t, { routes });
  for (const target of ATTACKS) {
    const response = await gateway.ask(requestBytes({ target }));
    t.is(response.status, 400, target);
    t.is(codeOf(response), 'route.target', target);
  }
  // Where a route takes them, dots between them still lead nowhere.
  for (const target of ['/files/..%2fadmin', '/files/a%2F%2e%2e%2fadmin', '/files/a%5cb']) {
    t.is(codeOf(await gateway.ask(requestBytes({ target }))), 'route.target', target);
  }
  t.is(upstream.connections.length, 0);

  t.is((await gateway.ask(requestBytes({ target: '/files/group%2fproject' }))).status, 200);
  t.is(upstream.requests[0]?.target, '/files/group%2Fproject');
});
