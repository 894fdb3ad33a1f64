import test from 'ava';
import { requestBytes, startBehind } from '../support/gateway.ts';

// A prefix compared without its boundary takes /adminx for /admin; a host compared as it is written takes
// `API.example.com.` for another site, which falls to the open default (heimdall CVE-2026-42273). Paths are compared by
// their case, as RFC 3986 §6.2.2.1 has it (Caddy CVE-2026-27587 mixed the two): what no rule matches is not forwarded.

test('a host is the same in any case, with its port and its dot; a path is not', async (t) => {
  const { gateway, upstream } = await startBehind(t, {
    routes: [
      { id: 'admin', match: { host: 'admin.example.com', path: '/**' } },
      { id: 'guarded', match: { path: '/admin/**' } },
      { id: 'exact', match: { path: '/exact' }, auth: 'public' },
      { id: 'public', match: { path: '/public/**' }, auth: 'public' },
    ],
  });
  const ask = async (target: string, host = 'api.example.com') =>
    (await gateway.ask(requestBytes({ target, host }))).status;
  for (const host of ['ADMIN.example.com', 'admin.example.com.', 'Admin.Example.Com.:80', 'admin.example.com:8080']) {
    t.is(await ask('/public/a', host), 401, host);
  }
  for (const target of ['/admin', '/admin/', '/admin/x', '/%61dmin', '/admin?/public/'])
    t.is(await ask(target), 401, target);
  for (const target of [
    '/ADMIN',
    '/Admin/x',
    '/adminx',
    '/admin.',
    '/admin%20',
    '/publicx',
    '/PUBLIC/a',
    '/exact/',
    '/exactx',
  ]) {
    t.is(await ask(target), 404, target);
  }
  t.is(upstream.connections.length, 0);

  for (const target of ['/public', '/public/', '/public/a', '/exact']) t.is(await ask(target), 200, target);
  t.is(await ask('/public/a', 'xadmin.example.com'), 200);
});
