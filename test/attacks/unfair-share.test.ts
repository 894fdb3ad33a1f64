import type { ExecutionContext } from 'ava';
import { needsOpenssl } from '../support/certificates.ts';
import { codeOf, requestBytes } from '../support/gateway.ts';
import { connectHttp2, fieldsOf } from '../support/http2-client.ts';
import { startSecure } from '../support/secure-gateway.ts';
import { until } from '../support/until.ts';
import type { RecordedRequest } from '../support/upstream.ts';

// A connection of HTTP/2 carries a hundred requests at a time. If each of them takes a connection to the upstream, or a
// place in its queue, a single client leaves nothing for anybody else, with requests that are each in order: all it takes is
// an address that answers slowly.

const PUBLIC = [{ id: 'all', match: { path: '/**' }, auth: 'public' }];
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

interface Description {
  readonly upstream: object;
  readonly listening?: object;
}

/** A gateway before an upstream that does not answer what the greedy client asks for, and that client. */
async function startGreedy(t: ExecutionContext, { upstream: settings, listening = {} }: Description, streams: number) {
  const started = await startSecure(t, { listening, upstream: settings, routes: PUBLIC }, ({ target }) =>
    target.startsWith('/slow') ? undefined : OK,
  );
  const session = await connectHttp2(t, started.gateway.port, started.secure);
  for (let index = 0; index < streams; index += 1)
    session.request(fieldsOf({ ':path': `/slow/${index}` })).on('error', () => {});
  await new Promise((resolve) => session.ping(resolve));
  const honest = (target: string) =>
    started.gateway.ask(requestBytes({ target }), { secure: started.secure, timeoutMs: 60_000 });
  const held = (): RecordedRequest[] => started.upstream.requests.filter(({ target }) => target.startsWith('/slow'));
  /** How many requests wait for a connection. */
  const queued = async (): Promise<number> => {
    const page = await (await fetch(`${started.gateway.adminUrl}/metrics`)).text();
    return Number(/^bearergate_upstream_queue_length\{[^}]*\} (\d+)$/m.exec(page)?.[1] ?? Number.NaN);
  };
  return { ...started, held, honest, queued };
}

for (const connections of [2, 4, 8, 16]) {
  needsOpenssl(`one client with slow requests leaves a connection for others: of ${connections}`, async (t) => {
    const { honest, upstream, held } = await startGreedy(t, { upstream: { connections } }, 100);
    await upstream.waitUntil(() => held().length >= Math.max(1, Math.floor(connections / 4)), 'its share', 30_000);
    for (let index = 0; index < 5; index += 1) t.is((await honest(`/${index}`)).status, 200);
    t.true(held().length < connections, `${held().length}`);
  });
}

needsOpenssl('what comes free goes to others before it goes to a client that has its share', async (t) => {
  const { honest, upstream, held, queued } = await startGreedy(t, { upstream: { connections: 4 } }, 50);
  await upstream.waitUntil(() => held().length === 3, 'as many as it gets', 30_000);
  // One of the others takes long too; those behind it wait.
  const slow = honest('/slow/honest');
  await upstream.waitUntil(() => held().length === 4, 'every connection is busy', 30_000);
  const before = await queued();
  const waiting = [honest('/a'), honest('/b'), honest('/c')];
  await until(async () => (await queued()) === before + 3, 'all three wait', 30_000);
  held()[0]?.connection.socket.write(OK);
  for (const answer of await Promise.all(waiting)) t.is(answer.status, 200);
  t.is(held().length, 4, 'the greedy client has got nothing more meanwhile');
  held()[3]?.connection.socket.write(OK);
  t.is((await slow).status, 200);
});

needsOpenssl('one client does not fill the queue', async (t) => {
  const greedy = await startGreedy(t, { upstream: { connections: 1, queue: 4 } }, 50);
  const { honest, upstream, held, gateway, queued } = greedy;
  await upstream.waitUntil(() => held().length === 1, 'the one connection is busy', 30_000);
  const refused = await gateway.waitForLine(({ code }) => code === 'forward.saturated', 30_000);
  t.like(refused, { status: 503 });
  const before = await queued();
  const waiting = honest('/waits');
  // Only the next one finds the queue full.
  await until(async () => (await queued()) === before + 1, 'it waits', 30_000);
  const next = await honest('/refused');
  t.is(codeOf(next), 'forward.saturated');
  // Those before it are three of the greedy client, at most.
  for (let index = 0; index < 4; index += 1) {
    await upstream.waitUntil(
      () => held().length > index || upstream.requests.length > index + 1,
      'the next one',
      30_000,
    );
    held()[index]?.connection.socket.write(OK);
  }
  t.is((await waiting).status, 200);
});

needsOpenssl('a trusted proxy carries many clients on one connection, and has all there is', async (t) => {
  const { upstream, held } = await startGreedy(
    t,
    { upstream: { connections: 8 }, listening: { trustedProxies: ['127.0.0.1'] } },
    20,
  );
  await upstream.waitUntil(() => held().length === 8, 'all connections are its', 30_000);
  t.pass();
});
