import test from 'ava';
import { requestBytes, startBehind } from '../support/gateway.ts';

// Fields behind the last chunk come after the guard has looked at the headers. A server that merges them into its
// headers (and a proxy that forwards them) lets a client name itself after the fact. Traefik CVE-2026-88004.

test('trailers of a request arrive neither as trailers nor as headers', async (t) => {
  const { gateway, upstream } = await startBehind(t, {
    routes: [{ id: 'all', match: { path: '/**' }, headers: { set: { 'X-User-Id': '{claims.sub}' } } }],
  });
  const bytes = requestBytes({
    method: 'POST',
    headers: [
      gateway.bearer(),
      ['Transfer-Encoding', 'chunked'],
      ['Trailer', 'X-User-Id, X-Other'],
      ['TE', 'trailers'],
    ],
    body: '2\r\nab\r\n0\r\nX-User-Id: root\r\nX-Other: evil\r\nAuthorization: Bearer x\r\n\r\n',
  });
  t.is((await gateway.ask(bytes)).status, 200);
  const [request] = await upstream.waitForRequests(1);
  t.is(request?.body.toString(), 'ab');
  t.deepEqual(request?.trailers, []);
  t.deepEqual(request?.values('x-user-id'), ['user-1']);
  t.deepEqual(request?.values('trailer'), []);
  const wire = upstream.connections[0]?.received().toString('latin1') ?? '';
  t.regex(wire, /(?:ab|0\r\n\r\n)$/);
  t.notRegex(wire, /root|evil|Bearer/);
});
