import test from 'ava';
import { codeOf, requestBytes, startBehind } from '../support/gateway.ts';

// A list of methods that are checked lets every other one pass unchecked (`JEFF /admin`), and a server behind it that
// does not know the method either treats it as GET. Here the rules go by the path, and a method that no route has is 405.

test('a method that nobody expects is authorised like any other, or refused', async (t) => {
  const { gateway, upstream } = await startBehind(t, {
    routes: [
      { id: 'some', match: { path: '/some/**', methods: ['GET', 'POST'] }, auth: 'public' },
      { id: 'all', match: { path: '/**' } },
    ],
  });
  for (const method of ['PURGE', 'PROPFIND', 'MKCOL', 'SEARCH', 'LINK', 'OPTIONS', 'M-SEARCH']) {
    const ask = (target: string, headers = [gateway.bearer()]) =>
      gateway.ask(requestBytes({ method, target, headers }));
    t.is((await ask('/admin', [])).status, 401, method);
    // The open route is for GET and POST; anything else there goes by the rule for the rest.
    t.is((await ask('/some/x', [])).status, 401, method);
    const count = upstream.requests.length;
    t.is((await ask('/admin')).status, 200, method);
    t.is(upstream.requests[count]?.method, method);
  }
  t.is((await gateway.ask(requestBytes({ target: '/some/x' }))).status, 200);
  // What node's parser does not know never becomes a request.
  const count = upstream.requests.length;
  for (const method of ['JEFF', 'get', 'GETS', 'G\tET', 'GET/', '']) {
    const { responses } = await gateway.send(requestBytes({ method, headers: [gateway.bearer()] }), { until: 'close' });
    t.deepEqual(responses.map(codeOf), ['request.invalid'], method);
  }
  t.is(upstream.requests.length, count);
});
