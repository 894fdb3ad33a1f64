import test from 'ava';
import { codeOf, requestBytes, startBehind } from '../support/gateway.ts';

// A server that decodes twice, or two servers that decode once each, read `%252e%252e%252fadmin` as `../admin`, while
// the guard before them saw harmless text. The percent sign's own digits may be encoded too: `%25%32%65` becomes `%252e`
// as soon as anybody normalises it once. (The family of Envoy CVE-2021-29492.)

const ATTACKS = [
  '/public/%252e%252e/admin',
  '/public/%252E%252E/admin',
  '/public/..%252fadmin',
  '/public/..%252Fadmin',
  '/public/..%255cadmin',
  '/public/%25%32%65%25%32%65/admin',
  '/public/%25%32e%25%32e/admin',
  '/public/a%25%32%66admin',
  '/public/a%25%35%43admin',
];

test('what would be a slash or a dot after a second decoding is refused', async (t) => {
  const { gateway, upstream } = await startBehind(t, {
    routes: [{ id: 'p', match: { path: '/public/**' }, auth: 'public' }],
  });
  for (const target of ATTACKS) {
    const response = await gateway.ask(requestBytes({ target }));
    t.is(response.status, 400, target);
    t.is(codeOf(response), 'route.target', target);
  }
  t.is(upstream.connections.length, 0);

  t.is((await gateway.ask(requestBytes({ target: '/public/100%25/%2541?a=%252e' }))).status, 200);
  t.is(upstream.requests[0]?.target, '/public/100%25/%2541?a=%252e');
});
