import { needsOpenssl } from '../../support/certificates.ts';
import { askHttp2, connectHttp2 } from '../../support/http2-client.ts';
import { startSecure } from '../../support/secure-gateway.ts';

needsOpenssl('HTTP/2 is served to whoever asks for it, and the upstream gets HTTP/1.1', async (t) => {
  const { gateway, upstream, secure } = await startSecure(t);
  const session = await connectHttp2(t, gateway.port, secure);
  const [name, value] = gateway.bearer();
  const answer = await askHttp2(session, { [name]: value, ':path': '/orders?x=1' });
  t.like(answer, { status: 200, body: 'ok', complete: true });
  const [seen] = await upstream.waitForRequests(1);
  t.like(seen, { method: 'GET', target: '/orders?x=1', version: 'HTTP/1.1' });
  t.deepEqual(seen?.values('host'), ['api.example.com']);
  t.deepEqual(seen?.values('via'), ['2.0 bearergate']);
  t.deepEqual(seen?.values('x-forwarded-proto'), ['https']);
  t.deepEqual(seen?.values('transfer-encoding'), []);
  const refused = await askHttp2(session, { ':path': '/orders' });
  t.is(refused.status, 401);
  t.is(refused.headers['www-authenticate'], 'Bearer realm="api.example.com"');
  t.is(JSON.parse(refused.body).code, 'token.missing');
  const post = await askHttp2(session, { [name]: value, ':method': 'POST' }, 'a body');
  t.is(post.status, 200);
  t.is((await upstream.waitForRequests(2))[1]?.body.toString(), 'a body');
});
