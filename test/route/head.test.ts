import test from 'ava';
import { requestBytes, startBehind } from '../support/gateway.ts';

// HEAD asks for what GET would answer (RFC 9110 §9.3.2): a route that takes the one takes the other, by the same rules.

test('a route that names GET takes HEAD under the same checks, and the upstream gets HEAD', async (t) => {
  const { gateway, upstream } = await startBehind(t, {
    routes: [
      { id: 'read', match: { path: '/orders', methods: ['GET'] } },
      // Before GET covered HEAD, this route would have let it in without a token.
      { id: 'open', match: { path: '/**' }, auth: 'public' },
    ],
  });
  const head = requestBytes({ method: 'HEAD', target: '/orders' });
  t.is((await gateway.ask(head)).status, 401);
  t.is(upstream.requests.length, 0);
  t.is(
    (await gateway.ask(requestBytes({ method: 'HEAD', target: '/orders', headers: [gateway.bearer()] }))).status,
    200,
  );
  t.deepEqual(
    upstream.requests.map(({ method }) => method),
    ['HEAD'],
  );
});

test('a route of the same requests that names HEAD has it', async (t) => {
  const { gateway } = await startBehind(t, {
    routes: [
      { id: 'read', match: { path: '/orders/{id}', methods: ['GET'] } },
      { id: 'probe', match: { path: '/orders/{key}', methods: ['HEAD'] }, auth: 'public' },
    ],
  });
  t.is((await gateway.ask(requestBytes({ method: 'HEAD', target: '/orders/1' }))).status, 200);
  t.is((await gateway.ask(requestBytes({ target: '/orders/1' }))).status, 401);
  const refused = await gateway.ask(requestBytes({ method: 'PUT', target: '/orders/1' }));
  t.is(refused.header('allow'), 'GET, HEAD');
});

test('Allow and the methods of CORS name the HEAD that GET brings', async (t) => {
  const { gateway } = await startBehind(t, {
    routes: [
      { id: 'r', match: { path: '/orders', methods: ['GET', 'POST'] }, cors: { origins: ['https://app.example.com'] } },
    ],
  });
  const refused = await gateway.ask(requestBytes({ method: 'PUT', target: '/orders' }));
  t.is(refused.header('allow'), 'GET, POST, HEAD');
  const headers = [
    ['Origin', 'https://app.example.com'],
    ['Access-Control-Request-Method', 'HEAD'],
  ] as const;
  const preflight = await gateway.ask(requestBytes({ method: 'OPTIONS', target: '/orders', headers }));
  t.is(preflight.header('access-control-allow-methods'), 'GET, POST, HEAD');
});
