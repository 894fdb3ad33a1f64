import test from 'ava';
import { requestBytes, startBehind } from '../support/gateway.ts';

// http-proxy drops Transfer-Encoding from a chunked DELETE or OPTIONS (its `deleteLength` pass) and writes the chunks
// all the same: to the upstream they are the next request on the keep-alive connection, which nobody has authorised.
// CVE-2026-29057, http-party/node-http-proxy #1721; reproduced with http-proxy 1.18.1.

const SMUGGLED = 'GET /admin HTTP/1.1\r\nHost: api.example.com\r\nX-User-Id: root\r\n\r\n';

test('a chunked body of DELETE, OPTIONS, GET or HEAD is a body', async (t) => {
  const { gateway, upstream } = await startBehind(t, { upstream: { connections: 1 } });
  const body = `${SMUGGLED.length.toString(16)}\r\n${SMUGGLED}\r\n0\r\n\r\n`;
  for (const method of ['DELETE', 'OPTIONS', 'GET', 'HEAD', 'POST']) {
    for (const framed of [
      { headers: [gateway.bearer(), ['Transfer-Encoding', 'chunked'] as const], body },
      { headers: [gateway.bearer(), ['Content-Length', String(SMUGGLED.length)] as const], body: SMUGGLED },
    ]) {
      t.is((await gateway.ask(requestBytes({ method, target: '/orders/1', ...framed }))).status, 200, method);
      const request = upstream.requests.at(-1);
      t.like(request, { method, target: '/orders/1' });
      t.is(request?.body.toString(), SMUGGLED, method);
      const framing = ['content-length', 'transfer-encoding'].flatMap((name) => request?.values(name) ?? []);
      t.is(framing.length, 1, `${method}: ${framing}`);
    }
  }
  t.is((await gateway.ask(requestBytes({ target: '/after', headers: [gateway.bearer()] }))).status, 200);
  t.is(upstream.requests.length, 11);
  t.false(upstream.requests.some(({ target }) => target === '/admin'));
});
