import type { Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { createConnector } from '../../src/forward/connect.ts';
import { ConnectionPool } from '../../src/forward/pool.ts';
import { FakeClock } from '../support/clock.ts';
import { quietPort } from '../support/listen.ts';
import { type RecordingUpstream, startRecordingUpstream, type UpstreamAnswer } from '../support/upstream.ts';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

interface Told {
  readonly error: Error | undefined;
}

/** A pool before a recording upstream, and the most sockets that it has had open at one time. */
async function makePool(
  t: ExecutionContext,
  { connections = 2, maxAge = 60_000, url }: { connections?: number; maxAge?: number; url?: string } = {},
  answer: UpstreamAnswer = () => OK,
) {
  const upstream = await startRecordingUpstream(answer);
  t.teardown(upstream.close);
  const clock = new FakeClock();
  const sockets = new Set<Socket>();
  let most = 0;
  const open = createConnector(2_000, undefined);
  const pool = new ConnectionPool(url ?? upstream.url, {
    connections,
    maxAge,
    now: clock.now,
    connect: (options, done) =>
      open(options, (...[error, socket]: Parameters<typeof done>) => {
        if (socket) {
          sockets.add(socket);
          most = Math.max(most, [...sockets].filter(({ destroyed }) => !destroyed).length);
        }
        done(...([error, socket] as Parameters<typeof done>));
      }),
  });
  t.teardown(() => pool.destroy());
  const send = (path = '/', fresh = false): Promise<Told> =>
    new Promise((resolve) => {
      pool.send(
        { method: 'GET', path, headers: ['Host', 'a'] },
        {
          onConnect() {},
          onHeaders: () => true,
          onData: () => true,
          onComplete: () => resolve({ error: undefined }),
          onError: (error) => resolve({ error }),
        },
        fresh,
      );
    });
  return { pool, upstream, clock, send, most: () => most };
}

/** A connection takes the next request a few turns of the event loop after the end of an answer. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** On which connection each request came, counted from 0. */
function places({ requests, connections }: RecordingUpstream): Record<string, number> {
  return Object.fromEntries(requests.map(({ target, connection }) => [target, connections.indexOf(connection)]));
}

test('requests one after the other take the same connection; at one time each has its own', async (t) => {
  const { upstream, send, most } = await makePool(t, { connections: 3 });
  await send('/1');
  await settled();
  await send('/2');
  await settled();
  await Promise.all(['/3', '/4', '/5'].map((path) => send(path)));
  const { '/1': first, '/2': second, '/3': third, '/4': fourth, '/5': fifth } = places(upstream);
  t.deepEqual([first, second], [0, 0]);
  t.deepEqual([third, fourth, fifth].sort(), [0, 1, 2]);
  t.is(upstream.connections.length, 3);
  t.is(most(), 3);
});

test('more requests than connections wait for one, and all are answered', async (t) => {
  const { pool, upstream, send, most } = await makePool(t, { connections: 2 });
  const told = await Promise.all(Array.from({ length: 40 }, (_, index) => send(`/${index}`)));
  t.true(told.every(({ error }) => error === undefined));
  t.is(upstream.requests.length, 40);
  t.is(most(), 2);
  t.true(pool.size <= 2);
});

test('a fresh connection is one that no request came on, within the bound', async (t) => {
  const { pool, upstream, send, most } = await makePool(t, { connections: 2 });
  await Promise.all([send('/1'), send('/2')]);
  for (const path of ['/3', '/4', '/5']) await send(path, true);
  const of = places(upstream);
  t.deepEqual([of['/3'], of['/4'], of['/5']], [2, 3, 4]);
  // Both at once, and one that need not be fresh beside them.
  const told = await Promise.all([send('/6', true), send('/7', true), send('/8')]);
  t.true(told.every(({ error }) => error === undefined));
  t.deepEqual([places(upstream)['/6'], places(upstream)['/7']].sort(), [5, 6]);
  t.is(most(), 2);
  t.true(pool.size <= 2);
});

test('a connection that is too old takes no further request, and its last one ends in peace', async (t) => {
  let release = (_: string) => {};
  const released = new Promise<string>((resolve) => {
    release = resolve;
  });
  const { upstream, clock, send } = await makePool(t, { connections: 2, maxAge: 60_000 }, ({ target }) =>
    target === '/long' ? released : OK,
  );
  const long = send('/long');
  await upstream.waitUntil(() => upstream.requests.length === 1, 'the long request has arrived', 30_000);
  await send('/1');
  // At most a fifth earlier, so that they do not all end at once.
  clock.advance(47_999);
  await send('/2');
  clock.advance(12_001);
  await send('/3');
  const of = places(upstream);
  t.deepEqual([of['/1'], of['/2'], of['/3']], [1, 1, 2]);
  release(OK);
  t.is((await long).error, undefined);
  t.true(upstream.connections[0]?.open);
  await Promise.all([send('/4'), send('/5')]);
  await upstream.waitUntil(() => upstream.connections[0]?.open === false, 'the old one is closed', 30_000);
  t.deepEqual([places(upstream)['/4'], places(upstream)['/5']].sort(), [2, 3]);
});

test('with a single connection that has come of age, nobody waits for ever', async (t) => {
  const { upstream, clock, send } = await makePool(t, { connections: 1, maxAge: 1_000 });
  for (let round = 0; round < 5; round += 1) {
    await Promise.all([send(`/${round}/a`), send(`/${round}/b`, true), send(`/${round}/c`)]);
    clock.advance(1_000);
  }
  t.is(upstream.requests.length, 15);
});

test('connections that the upstream closes leave their places to others', async (t) => {
  const { pool, upstream, send } = await makePool(
    t,
    { connections: 2 },
    () => 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok',
  );
  for (let round = 0; round < 5; round += 1) await Promise.all([send(), send(), send()]);
  t.is(upstream.requests.length, 15);
  t.is(upstream.connections.length, 15);
  t.true(pool.size <= 2);
});

test('what can not be connected is an error each time, and its place is free again', async (t) => {
  const { pool, send } = await makePool(t, { connections: 1, url: `http://127.0.0.1:${quietPort()}` });
  for (let round = 0; round < 4; round += 1) {
    const told = await Promise.all([send(), send()]);
    for (const { error } of told) t.like(error, { code: 'ECONNREFUSED' });
  }
  t.true(pool.size <= 1);
});

test('what undici will not send is an error, and takes no place', async (t) => {
  const { send } = await makePool(t, { connections: 1 });
  for (let round = 0; round < 3; round += 1) {
    const [bad, good] = await Promise.all([send('/\r\n'), send('/good')]);
    t.like(bad?.error, { code: 'UND_ERR_INVALID_ARG' });
    t.is(good?.error, undefined);
  }
});

test('destroy ends what is under way and what waits; close lets it end', async (t) => {
  const hanging = await makePool(t, { connections: 1 }, () => undefined);
  const told = [hanging.send(), hanging.send()];
  await hanging.upstream.waitForRequests(1, 30_000);
  await hanging.pool.destroy();
  for (const { error } of await Promise.all(told)) t.truthy(error);

  const { pool, send, upstream } = await makePool(t);
  const last = send();
  await upstream.waitUntil(() => upstream.connections.length === 1, 'it is connected', 30_000);
  await pool.close();
  t.is((await last).error, undefined);
  await upstream.waitUntil(() => upstream.connections[0]?.open === false, 'the connection closes', 30_000);
});
