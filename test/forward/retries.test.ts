import type { Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { requestBytes, startBehind, type TestGateway } from '../support/gateway.ts';
import { connectRaw } from '../support/raw-client.ts';
import { type RecordedRequest, startRecordingUpstream } from '../support/upstream.ts';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const PUBLIC = [{ id: 'all', match: { path: '/**' }, auth: 'public' }];

/** Answers once on each connection and resets it when a second request comes, as if its idle time had run out just then. */
function killsReused() {
  const seen = new WeakSet<object>();
  return ({ connection }: RecordedRequest, socket: Socket): string | undefined => {
    if (seen.has(connection)) {
      socket.resetAndDestroy();
      return undefined;
    }
    seen.add(connection);
    return OK;
  };
}

/** Sends `count` requests on each of several connections, one after the other; returns the statuses. */
async function load(t: ExecutionContext, gateway: TestGateway, method: string, clients: number, count: number) {
  const statuses: number[] = [];
  let sent = 0;
  const one = async () => {
    const client = await connectRaw(gateway.port);
    t.teardown(async () => client.destroy());
    for (let index = 1; index <= count; index += 1) {
      sent += 1;
      client.write(requestBytes({ method, target: `/${sent}` }));
      const { responses } = await client.read({ until: index, timeoutMs: 30_000 });
      statuses.push(responses[index - 1]?.status ?? 0);
    }
  };
  await Promise.all(Array.from({ length: clients }, one));
  return statuses;
}

for (const connections of [1, 2, 8, 128]) {
  test(`no GET fails before an upstream that resets every reused connection, with ${connections}`, async (t) => {
    t.timeout(120_000);
    const { gateway, upstream } = await startBehind(t, { upstream: { connections }, routes: PUBLIC }, killsReused());
    const statuses = await load(t, gateway, 'GET', 10, 50);
    t.deepEqual([...new Set(statuses)], [200]);
    t.is(statuses.length, 500);
    // Each was answered once, and killed at most once before that.
    t.true(upstream.requests.length <= 1000, String(upstream.requests.length));
  });
}

test('before such an upstream no POST arrives twice', async (t) => {
  t.timeout(120_000);
  const { gateway, upstream } = await startBehind(t, { upstream: { connections: 4 }, routes: PUBLIC }, killsReused());
  const statuses = await load(t, gateway, 'POST', 5, 40);
  t.true(statuses.includes(200));
  t.true(statuses.includes(502), 'the upstream has killed some');
  t.is(upstream.requests.length, 200);
  t.is(new Set(upstream.requests.map(({ target }) => target)).size, 200);
});

test('of several targets, all of which reset what is reused, no GET fails either', async (t) => {
  t.timeout(120_000);
  const other = await startRecordingUpstream(killsReused());
  t.teardown(other.close);
  const one = await startRecordingUpstream(killsReused());
  t.teardown(one.close);
  const { gateway } = await startBehind(t, {
    upstream: { url: undefined, urls: [one.url, other.url], connections: 4 },
    routes: PUBLIC,
  });
  const statuses = await load(t, gateway, 'GET', 10, 50);
  t.deepEqual([...new Set(statuses)], [200]);
  t.true(one.requests.length > 50 && other.requests.length > 50);
});

test('an idle connection is given up before the upstream says that it will', async (t) => {
  // `timeout=2` leaves no time that both sides agree on, `timeout=3` leaves one second.
  for (const [hint, reused] of [
    ['timeout=1', false],
    ['timeout=2', false],
    ['timeout=60, max=100', true],
  ] as const) {
    const { gateway, upstream } = await startBehind(
      t,
      { routes: PUBLIC },
      () => `HTTP/1.1 200 OK\r\nKeep-Alive: ${hint}\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok`,
    );
    for (let index = 0; index < 3; index += 1) t.is((await gateway.ask(requestBytes())).status, 200);
    t.is(upstream.connections.length, reused ? 1 : 3, hint);
  }
});
