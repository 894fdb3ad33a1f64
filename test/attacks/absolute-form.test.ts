import test from 'ava';
import { codeOf, requestBytes, startBehind } from '../support/gateway.ts';

// `GET http://admin.example.com/ HTTP/1.1` with `Host: public.example.com`: a guard that matches by Host and an upstream
// that obeys RFC 9112 §3.2.2 (the target's authority counts) serve two different sites. http-proxy-middleware
// CVE-2026-55602, heimdall GHSA-4jgr. Userinfo in the authority is a third reading of the same text.

const routes = [
  { id: 'public', match: { host: 'public.example.com', path: '/**' }, auth: 'public' },
  { id: 'admin', match: { host: 'admin.example.com', path: '/**' } },
];

test('the authority of an absolute target replaces Host for the decision and for the upstream', async (t) => {
  const { gateway, upstream } = await startBehind(t, { routes });
  const ask = (target: string, host: string) => gateway.ask(requestBytes({ target, host }));
  t.is((await ask('http://admin.example.com/x', 'public.example.com')).status, 401);
  t.is((await ask('http://ADMIN.example.com./x', 'public.example.com')).status, 401);
  for (const target of [
    'http://public.example.com@admin.example.com/',
    'http://admin.example.com\\@public.example.com/',
    'http://public.example.com:80:80/',
    'http:///x',
    'file:///etc/passwd',
    'gopher://public.example.com/',
  ]) {
    const response = await ask(target, 'public.example.com');
    t.is(response.status, 400, target);
    // A backslash never gets past the parser.
    t.is(codeOf(response), target.includes('\\') ? 'request.invalid' : 'route.target', target);
  }
  t.is(upstream.connections.length, 0);

  t.is((await ask('http://public.example.com/x?a=b', 'admin.example.com')).status, 200);
  const [request] = upstream.requests;
  t.like(request, { target: '/x?a=b' });
  t.deepEqual(request?.values('host'), ['public.example.com']);
  t.deepEqual(request?.values('x-forwarded-host'), ['public.example.com']);
  t.is(upstream.connections[0]?.received().toString('latin1').includes('admin'), false);
});

test('an absolute target never makes the gateway talk to anybody but its upstream', async (t) => {
  const { gateway, upstream } = await startBehind(t, {
    routes: [{ id: 'all', match: { path: '/**' }, auth: 'public' }],
  });
  t.is((await gateway.ask(requestBytes({ target: 'http://169.254.169.254/latest/meta-data' }))).status, 200);
  t.is(upstream.requests[0]?.target, '/latest/meta-data');
});
