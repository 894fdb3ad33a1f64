import test from 'ava';
import { codeOf, requestBytes, startBehind } from '../support/gateway.ts';

// TRACE answers with the request, cookies and identity headers that the gateway added included (cross-site tracing);
// CONNECT asks for a tunnel to anywhere, and to a server that forwards it as it is, past every rule (Traefik
// CVE-2026-71324). Both are 405 whatever the route says, and the connection ends with it.

test('neither TRACE nor CONNECT goes anywhere, token or not', async (t) => {
  const { gateway, upstream } = await startBehind(t, {
    routes: [
      { id: 'named', match: { path: '/named', methods: ['GET'] }, auth: 'public' },
      { id: 'all', match: { path: '/**' } },
    ],
  });
  for (const [method, target] of [
    ['TRACE', '/'],
    ['TRACE', '/named'],
    ['TRACE', 'http://api.example.com/'],
    ['CONNECT', 'db.internal:5432'],
    ['CONNECT', 'api.example.com:443'],
    ['CONNECT', '127.0.0.1:1'],
  ] as const) {
    const headers = [gateway.bearer(), ['Cookie', 'secret=1'], ['Max-Forwards', '0']] as const;
    const bytes = requestBytes({ method, target, headers });
    const { responses, ended, raw } = await gateway.send(bytes + requestBytes({ target: '/x' }), { until: 'close' });
    t.deepEqual(
      responses.map(({ status }) => status),
      [405],
      `${method} ${target}`,
    );
    t.is(responses[0] && codeOf(responses[0]), 'route.method');
    t.truthy(responses[0]?.header('allow'));
    t.is(ended, 'close');
    t.notRegex(raw, /secret|Bearer ey/);
  }
  t.is(upstream.connections.length, 0);
  t.is((await gateway.ask(requestBytes({ target: '/named' }))).status, 200);
});
