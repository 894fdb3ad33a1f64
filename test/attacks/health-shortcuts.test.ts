import test from 'ava';
import { requestBytes, startBehind } from '../support/gateway.ts';
import type { WireHeader } from '../support/http-bytes.ts';

// A proxy that lets health checks pass by what they look like lets in whoever looks like one: oauth2-proxy
// CVE-2026-34457 went by the User-Agent. Health is on the admin port here, and the public one knows none of its names.

const DISGUISES: readonly (readonly WireHeader[])[] = [
  [['User-Agent', 'kube-probe/1.30']],
  [['User-Agent', 'GoogleHC/1.0']],
  [['User-Agent', 'ELB-HealthChecker/2.0']],
  [['X-Health-Check', '1']],
  [['X-Forwarded-For', '127.0.0.1']],
];

test('looking like a health check opens nothing', async (t) => {
  const { gateway, upstream } = await startBehind(t);
  for (const target of [
    '/admin',
    '/ping',
    '/livez',
    '/readyz',
    '/metrics',
    '/healthz',
    '/routes',
    '/explain',
    '/ready?/livez',
  ]) {
    for (const headers of DISGUISES) {
      t.is((await gateway.ask(requestBytes({ target, headers }))).status, 401, `${target} ${headers[0]?.join()}`);
    }
  }
  t.is(upstream.connections.length, 0);
  t.is((await fetch(`${gateway.adminUrl}/livez`)).status, 200);
  t.is((await gateway.ask(requestBytes({ target: '/livez', headers: [gateway.bearer()] }))).status, 200);
  t.is(upstream.requests[0]?.target, '/livez');
});
