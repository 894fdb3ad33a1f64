import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import test from 'ava';
import { createAdminServer } from '../../src/server/admin/admin-server.ts';
import { startBehind } from '../support/gateway.ts';

// /explain shows what upstreams get and what a token says, and tries tokens without a trace in the access log. Where the
// admin port is open to a network, for probes and scrapers, anybody there could ask; forwarded addresses are anybody's words.

const QUESTION = JSON.stringify({ method: 'GET', url: '/x' });

/** What /explain answers to a client whose connection comes from `address`. */
async function statusFor(address: string, headers: Record<string, string> = {}): Promise<number> {
  const server = createAdminServer({
    names: () => ({ host: '0.0.0.0', hosts: [] }),
    defect: () => {},
    metrics: async () => ['text/plain', ''],
    readiness: () => ({ ready: true, draining: false, issuers: {} }),
    routes: () => ({}),
    explain: async () => ({}),
  });
  server.prependListener('connection', (socket: Socket) =>
    Object.defineProperty(socket, 'remoteAddress', { value: address }),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const answer = await fetch(`http://127.0.0.1:${port}/explain`, { method: 'POST', body: QUESTION, headers });
  await answer.arrayBuffer();
  server.close();
  server.closeAllConnections();
  return answer.status;
}

test('/explain answers clients of this machine', async (t) => {
  for (const address of ['127.0.0.1', '127.0.0.53', '::1', '::ffff:127.0.0.1'])
    t.is(await statusFor(address), 200, address);
});

test('/explain answers nobody else, whatever the client says of itself', async (t) => {
  const claims = { 'x-forwarded-for': '127.0.0.1', forwarded: 'for=127.0.0.1', 'x-real-ip': '127.0.0.1' };
  for (const address of [
    '192.0.2.7',
    '10.0.0.1',
    '::ffff:192.0.2.7',
    '::ffff:10.127.0.1',
    '2001:db8::1',
    'fe80::1%eth0',
    '128.0.0.1',
    '1.127.0.0',
    '',
  ])
    for (const headers of [{}, claims]) t.is(await statusFor(address, headers), 403, address);
});

test('a gateway whose admin port is open to a network explains to this machine, and asks no upstream', async (t) => {
  const { gateway, upstream } = await startBehind(t, { admin: { host: '0.0.0.0' } });
  const { port } = new URL(gateway.adminUrl);
  const answer = await fetch(`http://127.0.0.1:${port}/explain`, { method: 'POST', body: QUESTION });
  t.is(answer.status, 200);
  t.deepEqual(upstream.requests, []);
});
