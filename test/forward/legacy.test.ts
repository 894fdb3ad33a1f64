import test from 'ava';
import { temporaryFolder } from '../support/files.ts';
import { codeOf, requestBytes, startBehind, startTestGateway } from '../support/gateway.ts';
import { connectRaw } from '../support/raw-client.ts';
import { rawResponse } from '../support/upstream.ts';

// What APIs that know nothing of tokens need: their own credentials, headers and times, on the wire.

test('a legacy API gets credentials from a file, which no client sees and no client can replace', async (t) => {
  const secret = await temporaryFolder({ legacy: 'dXNlcjpwYXNz\n' });
  t.teardown(secret.remove);
  const { gateway, upstream } = await startBehind(t, {
    upstream: { headers: { set: { Authorization: `Basic \${file:${secret.file('legacy')}}`, 'X-Key': 'upstream' } } },
    routes: [
      { id: 'guarded', match: { path: '/**' } },
      { id: 'open', match: { path: '/open' }, auth: 'public' },
    ],
  });
  const guarded = await gateway.ask(requestBytes({ headers: [gateway.bearer(), ['X-Key', 'client']] }));
  const open = await gateway.ask(requestBytes({ target: '/open', headers: [['Authorization', 'Basic ZXZpbA==']] }));
  for (const request of upstream.requests) {
    t.deepEqual(request.values('authorization'), ['Basic dXNlcjpwYXNz']);
    t.deepEqual(request.values('x-key'), ['upstream']);
  }
  t.is(upstream.requests.length, 2);
  t.false((guarded.head + open.head + JSON.stringify(gateway.lines)).includes('dXNlcjpwYXNz'));
});

test('headers are set and removed on both ways, as the route says', async (t) => {
  const { gateway, upstream } = await startBehind(
    t,
    {
      routes: [
        {
          id: 'r',
          match: { path: '/tenants/{tenant}/**' },
          headers: { set: { 'X-User': '{claims.sub}', 'X-Tenant': '{params.tenant}' }, remove: ['X-Debug'] },
          responseHeaders: { set: { 'X-Frame-Options': 'DENY' }, remove: ['Server', 'X-Powered-By'] },
        },
      ],
    },
    () =>
      rawResponse(200, 'ok', [
        ['SERVER', 'old/1.0'],
        ['X-Powered-By', 'php'],
        ['x-frame-options', 'ALLOW'],
        ['X-Kept', 'yes'],
      ]),
  );
  const headers = [gateway.bearer({ sub: 'ada' }), ['x-debug', '1'], ['X-Kept', 'yes']] as const;
  const response = await gateway.ask(requestBytes({ target: '/tenants/acme/orders', headers }));
  const [request] = upstream.requests;
  t.deepEqual(request?.values('x-user'), ['ada']);
  t.deepEqual(request?.values('x-tenant'), ['acme']);
  t.deepEqual(request?.values('x-debug'), []);
  t.deepEqual(request?.values('x-kept'), ['yes']);
  t.deepEqual(
    response.headers.filter(([name]) => /^(?:server|x-)/i.test(name)),
    [
      ['X-Kept', 'yes'],
      ['X-Frame-Options', 'DENY'],
    ],
  );
});

test('no body is asked for that could not be sent on: the upstream has to be there first', async (t) => {
  const gateway = await startTestGateway({ upstreams: { gone: 'http://127.0.0.1:1' } });
  t.teardown(gateway.close);
  const headers = [gateway.bearer(), ['Expect', '100-continue'], ['Content-Length', '5']] as const;
  const { raw } = await gateway.send(requestBytes({ method: 'POST', headers }), { until: 'close' });
  t.regex(raw, /^HTTP\/1\.1 502 /);
});

test('the time for an answer counts waiting for a connection, and whoever waited too long leaves the queue', async (t) => {
  const { gateway, upstream } = await startBehind(
    t,
    {
      upstream: { connections: 1, queue: 1 },
      routes: [
        { id: 'patient', match: { path: '/patient' } },
        { id: 'hurried', match: { path: '/hurried' }, timeouts: { response: '100ms' } },
      ],
    },
    ({ target }) => (target === '/patient' ? undefined : rawResponse(200, 'ok')),
  );
  const busy = await connectRaw(gateway.port);
  busy.write(requestBytes({ target: '/patient', headers: [gateway.bearer()] }));
  await upstream.waitForRequests(1);
  for (let count = 0; count < 3; count++) {
    const response = await gateway.ask(requestBytes({ target: '/hurried', headers: [gateway.bearer()] }));
    t.is(codeOf(response), 'forward.timeout');
    t.regex(response.body, /No connection to it became free in time/);
  }
  t.is(upstream.requests.length, 1);
  busy.destroy();
});
