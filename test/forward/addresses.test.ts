import type { LookupAddress } from 'node:dns';
import { createServer, type LookupFunction } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { spreadOver } from '../../src/forward/addresses.ts';
import { FakeClock } from '../support/clock.ts';
import { requestBytes, startTestGateway } from '../support/gateway.ts';
import { connectRaw } from '../support/raw-client.ts';
import { until } from '../support/until.ts';
import { rawResponse } from '../support/upstream.ts';
import { handshakeHeaders, switching } from '../support/websocket.ts';

const v4 = (last: number): LookupAddress => ({ address: `127.0.0.${last}`, family: 4 });
const v6 = (last: number): LookupAddress => ({ address: `::${last}`, family: 6 });

/** A resolver that gives these, in this order. */
const resolver =
  (addresses: () => readonly LookupAddress[]): LookupFunction =>
  (_name, _options, found) =>
    found(null, [...addresses()]);

function ask(lookup: LookupFunction, all: boolean): Promise<unknown> {
  return new Promise((resolve) =>
    lookup('x', { all } as never, (_, found, family) => resolve(all ? found : [found, family])),
  );
}

test('each connection begins with another address of the name, and families keep their places', async (t) => {
  const given = [v6(1), v4(1), v6(2), v4(2), v4(3)];
  const lookup = spreadOver(resolver(() => given));
  t.deepEqual(await ask(lookup, true), [v6(1), v4(1), v6(2), v4(2), v4(3)]);
  t.deepEqual(await ask(lookup, true), [v6(2), v4(2), v6(1), v4(3), v4(1)]);
  t.deepEqual(await ask(lookup, true), [v6(1), v4(3), v6(2), v4(1), v4(2)]);
  t.deepEqual(await ask(lookup, false), ['::2', 6]);
});

test('an error of the resolver, or no address at all, goes on as it is', async (t) => {
  const failing = spreadOver((_name, _options, found) => found(new Error('ENOTFOUND'), ''));
  t.regex(String(await new Promise((resolve) => failing('x', {}, resolve))), /ENOTFOUND/);
  t.deepEqual(await ask(spreadOver(resolver(() => [])), true), []);
});

/** Servers on one port of several loopback addresses; each answers which one it is, HTTP and WebSockets alike. */
async function startReplicas(t: ExecutionContext, hosts: readonly string[]) {
  let port = 0;
  const counts = new Map<string, { connections: number }>();
  for (const host of hosts) {
    const count = { connections: 0 };
    counts.set(host, count);
    const server = createServer((socket) => {
      count.connections += 1;
      t.teardown(() => void socket.destroy());
      socket.on('error', () => {});
      socket.on('data', (chunk) => {
        const text = chunk.toString('latin1');
        if (text.startsWith('GET')) socket.write(/^upgrade:/im.test(text) ? upgraded(text) : rawResponse(200, host));
      });
    });
    await new Promise<void>((resolve) => server.listen(port, host, resolve));
    port = (server.address() as { port: number }).port;
    t.teardown(() => void server.close());
  }
  return { port, counts };
}

function upgraded(head: string): string {
  const key = /^sec-websocket-key: *(\S+)/im.exec(head)?.[1] ?? '';
  return switching(key);
}

/** A gateway before a name whose addresses the test decides. */
async function startBefore(
  t: ExecutionContext,
  port: number,
  addresses: () => readonly LookupAddress[],
  upstream = {},
) {
  const clock = new FakeClock();
  const gateway = await startTestGateway({
    upstreams: { legacy: { url: `http://legacy.internal:${port}`, ...upstream } },
    routes: [{ id: 'all', match: { path: '/**' }, auth: 'public', websocket: true }],
    options: { clock, lookup: resolver(addresses) },
  });
  t.teardown(gateway.close);
  const served = async () => (await gateway.ask(requestBytes(), { timeoutMs: 30_000 })).body;
  return { gateway, clock, served };
}

test('a gateway that is never idle follows a changed address, and cuts no WebSocket for it', async (t) => {
  const { port, counts } = await startReplicas(t, ['127.0.0.2', '127.0.0.3']);
  let address = v4(2);
  const { gateway, clock, served } = await startBefore(t, port, () => [address], { connectionMaxAge: '5m' });
  t.is(await served(), '127.0.0.2');
  const socket = await connectRaw(gateway.port);
  t.teardown(async () => socket.destroy());
  socket.write(requestBytes({ headers: handshakeHeaders() }));
  t.is((await socket.read({ timeoutMs: 30_000 })).responses[0]?.status, 101);

  address = v4(3);
  clock.advance(239_000);
  t.is(await served(), '127.0.0.2', 'the connection is young still');
  clock.advance(61_000);
  t.is(await served(), '127.0.0.3');
  t.is(counts.get('127.0.0.2')?.connections, 2, 'one for requests, one for the WebSocket');
  const still = await socket.read({ until: 'timeout', timeoutMs: 200 });
  t.is(still.ended, 'timeout', 'the WebSocket is there');
  const fresh = await connectRaw(gateway.port);
  t.teardown(async () => fresh.destroy());
  fresh.write(requestBytes({ headers: handshakeHeaders() }));
  t.is((await fresh.read({ timeoutMs: 30_000 })).responses[0]?.status, 101);
  t.is(counts.get('127.0.0.3')?.connections, 2, 'a new WebSocket follows');
});

test('several addresses of one name share the connections, and one that is down is passed over', async (t) => {
  const hosts = ['127.0.0.2', '127.0.0.3', '127.0.0.4'];
  const { port, counts } = await startReplicas(t, hosts);
  // Nobody listens on the last one.
  const all = [...[2, 3, 4].map(v4), v4(5)];
  const { clock, served } = await startBefore(t, port, () => all, { connectionMaxAge: '1m' });
  for (let round = 0; round < 8; round += 1) {
    t.true(hosts.includes(await served()));
    clock.advance(60_000);
  }
  for (const host of hosts) t.true((counts.get(host)?.connections ?? 0) >= 2, host);
});

test('health checks ask the address that the name has now', async (t) => {
  const { port, counts } = await startReplicas(t, ['127.0.0.2', '127.0.0.3']);
  let address = v4(2);
  const { clock } = await startBefore(t, port, () => [address], { health: { path: '/', interval: '10s' } });
  await until(() => (counts.get('127.0.0.2')?.connections ?? 0) === 1, 'the first check', 30_000);
  address = v4(3);
  await until(
    () => {
      clock.advance(10_000);
      return (counts.get('127.0.0.3')?.connections ?? 0) > 0;
    },
    'a check of the new address',
    30_000,
  );
  t.pass();
});
