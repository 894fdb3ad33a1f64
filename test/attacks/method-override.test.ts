import test from 'ava';
import { codeOf, requestBytes, startBehind } from '../support/gateway.ts';

// Rules speak of the method in the request line; an upstream with a method override (Rails, Symfony, Laravel, OData)
// does what a header says instead: a POST that anybody may send becomes the DELETE that few may. So the other method has
// to lead to the same route. Where it does, the header is nobody's way around anything, and goes on.

const ROUTES = [
  { id: 'write', match: { path: '/orders/{id}', methods: ['POST', 'PUT'] } },
  { id: 'delete', match: { path: '/orders/{id}', methods: ['DELETE'] }, auth: { scopes: ['admin'] } },
  { id: 'all', match: { path: '/free/**' } },
];
const SPELLINGS = [
  'X-HTTP-Method-Override',
  'x-http-method-override',
  'X_HTTP_Method_Override',
  'X.HTTP-Method.Override',
  'X-HTTP-Method',
  'X-Method-Override',
];

test('a header that asks for a method of other rules is refused, in every spelling', async (t) => {
  const { gateway, upstream } = await startBehind(t, { routes: ROUTES });
  const ask = (target: string, name: string, method: string) =>
    gateway.ask(requestBytes({ method: 'POST', target, headers: [gateway.bearer(), [name, method]] }));
  for (const name of SPELLINGS) {
    for (const method of ['DELETE', 'delete', ' Delete ', 'PATCH', 'TRACE']) {
      const response = await ask('/orders/1', name, method);
      t.is(response.status, 405, `${name}: ${method}`);
      t.is(codeOf(response), 'route.method');
      t.is(response.header('allow'), 'POST, PUT');
    }
  }
  t.is(upstream.connections.length, 0);

  t.is((await ask('/orders/1', 'X-HTTP-Method-Override', 'put')).status, 200);
  t.is((await ask('/free/1', 'X-HTTP-Method-Override', 'DELETE')).status, 200);
  t.deepEqual(
    upstream.requests.map((request) => request.values('x-http-method-override')),
    [['put'], ['DELETE']],
  );
});
