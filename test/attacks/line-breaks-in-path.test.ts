import test from 'ava';
import { codeOf, requestBytes, startBehind } from '../support/gateway.ts';

// node checks the path of an outgoing request where it is made, and not where it is changed afterwards: `proxyReq.path`
// with a line break in it writes a second request (seven libraries, 2026). Here a path is made of canonical pieces and
// of the configuration, and given to undici once; params that go into headers are of the same pieces.

test('no break of a line gets from a path into what is sent', async (t) => {
  const { gateway, upstream } = await startBehind(t, {
    routes: [
      {
        id: 'all',
        match: { path: '/api/{name}/**' },
        auth: 'public',
        rewrite: { stripPrefix: '/api', addPrefix: '/v1' },
        headers: { set: { 'X-Name': '{params.name}' } },
      },
    ],
  });
  for (const target of [
    '/api/a%0d%0aX-User:%20root/b',
    '/api/a/b%0D%0A%0D%0AGET%20/admin%20HTTP/1.1',
    '/api/a%0ab/c',
    '/api/%e5%98%8a%00/b',
    '/api/a/b?x=\x0d',
    '/api/a\x0a/b',
  ]) {
    const response = await gateway.ask(requestBytes({ target }));
    t.is(response.status, 400, target);
    t.true(['route.target', 'request.invalid'].includes(codeOf(response)));
  }
  t.is(upstream.connections.length, 0);

  // U+560A, which is a line feed once it is cut to a byte; and encoded ones in the query, which stay so.
  t.is((await gateway.ask(requestBytes({ target: '/api/%e5%98%8a%E5%98%8D/b?x=%0d%0a' }))).status, 200);
  const [request] = upstream.requests;
  t.is(request?.target, '/v1/%E5%98%8A%E5%98%8D/b?x=%0d%0a');
  t.deepEqual(request?.values('x-name'), ['%E5%98%8A%E5%98%8D']);
});
