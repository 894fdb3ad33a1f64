import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
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

const outside = Object.values(networkInterfaces())
  .flat()
  .find((one) => one !== undefined && !one.internal && one.family === 'IPv4');

(outside ? test : test.skip)('the same from an address of this machine that is not loopback', async (t) => {
  const { gateway } = await startBehind(t, { admin: { host: '0.0.0.0' } });
  const { port } = new URL(gateway.adminUrl);
  const ask = async (host: string) =>
    (await fetch(`http://${host}:${port}/explain`, { method: 'POST', body: QUESTION })).status;
  t.is(await ask('127.0.0.1'), 200, 'control');
  t.is(await ask(String(outside?.address)), 403);
  t.is((await fetch(`http://${outside?.address}:${port}/livez`)).status, 200, 'control: it can be reached');
});
