import { createServer } from 'node:http';
import { connect, type Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { FakeClock } from '../support/clock.ts';
import { codeOf, requestBytes, startBehind } from '../support/gateway.ts';
import {
  connectFrames,
  FLAG,
  FRAME,
  type Frame,
  type FrameConnection,
  frame,
  pseudo,
  requestFrame,
  uint32,
} from '../support/http2-frames.ts';
import { closeNow, listenOnLoopback } from '../support/listen.ts';
import { connectRaw } from '../support/raw-client.ts';
import { startSecure } from '../support/secure-gateway.ts';
import { until } from '../support/until.ts';
import { handshakeHeaders, switching } from '../support/websocket.ts';

// An upstream has so many connections. A client that asks for something large and reads nothing makes the gateway stop
// reading too, and while it does, no clock of the HTTP client runs: as many such clients as there are connections, and
// the service is gone for everybody, without a byte of load. This is the attack known as Slow Read.

/** Far more than what fits into the buffers on the way. */
const LARGE = large(64 * 1024 * 1024);
const READABLE = 4 * 1024 * 1024;
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
/** No clock but this one may end what the tests are about: those of the upstream are at minutes. */
const STALLED = { limits: { stalled: '600ms' } };
const PUBLIC = [{ id: 'all', match: { path: '/**' }, auth: 'public' }];

function large(length: number): Buffer {
  return Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\n`), Buffer.alloc(length)]);
}

/** A client that sends and does not read. */
async function mute(t: ExecutionContext, port: number, bytes: string) {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.on('error', () => {}); // it is cut off in the end, and that is what this is about
  t.teardown(() => void socket.destroy());
  await new Promise<void>((resolve) => socket.write(bytes, 'latin1', () => resolve()));
}

test('a client that never reads a large answer frees the connection to the upstream', async (t) => {
  const { gateway, upstream } = await startBehind(
    t,
    { listen: STALLED, upstream: { connections: 1 }, routes: PUBLIC },
    ({ target }) => ({ '/large': LARGE, '/readable': large(READABLE) })[target] ?? OK,
  );
  await mute(t, gateway.port, requestBytes({ target: '/large' }));
  await upstream.waitForRequests(1);
  await upstream.waitUntil(() => upstream.connections[0]?.open === false, 'the stalled answer is given up');
  t.is((await gateway.ask(requestBytes({ target: '/small' }))).status, 200);

  // Whoever reads gets all of it.
  const whole = await gateway.ask(requestBytes({ target: '/readable' }));
  t.true(whole.complete);
  t.is(whole.body.length, READABLE);
});

test('a request that waits for a connection is refused within its response time', async (t) => {
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const { gateway, upstream } = await startBehind(
    t,
    {
      upstream: { connections: 1, queue: 1, timeouts: { idle: '500ms', response: '500ms' } },
      routes: [{ id: 'held', match: { path: '/held' }, auth: 'public', timeouts: { response: '5m' } }, ...PUBLIC],
    },
    async ({ target }) => {
      if (target === '/held') await released;
      return OK;
    },
  );
  const held = gateway.ask(requestBytes({ target: '/held' }), { timeoutMs: 60_000 });
  await upstream.waitForRequests(1);
  // The one before it would hold it for five minutes.
  const refused = await gateway.ask(requestBytes({ target: '/queued' }), { timeoutMs: 30_000 });
  t.is(refused.status, 504);
  t.is(codeOf(refused), 'forward.timeout');

  release();
  t.is((await held).status, 200);
  // Nor has its place in the queue gone with it.
  const after = await Promise.all(['/a', '/b'].map((target) => gateway.ask(requestBytes({ target }))));
  t.deepEqual(
    after.map(({ status }) => status),
    [200, 200],
  );
  t.deepEqual(upstream.requests.map(({ target }) => target).sort(), ['/a', '/b', '/held']);
});

// A request that is let in once its client has gone has nobody who could leave, and holds its place for ever.
test('a client that leaves while its token is checked takes no place', async (t) => {
  const questions: (() => void)[] = [];
  let asked = () => {};
  const isAsked = new Promise<void>((resolve) => {
    asked = resolve;
  });
  const provider = createServer((request, response) => {
    request.resume();
    questions.push(() => {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ active: true, aud: 'orders-api', sub: 'user-1' }));
    });
    asked();
  });
  const { url } = await listenOnLoopback(provider);
  t.teardown(() => closeNow(provider));
  const { gateway, upstream } = await startBehind(
    t,
    {
      // `idle` is long: what frees a stalled answer must not hide a place that was never to be taken.
      upstream: { connections: 1, queue: 1, timeouts: { idle: '5m', response: '5m' } },
      issuers: {
        opaque: {
          ...{ issuer: 'https://login.example.com', audience: 'orders-api' },
          introspection: { url, clientId: 'gateway', clientSecret: '${' + 'SECRET}', timeout: '2m' },
        },
      },
      variables: { SECRET: 'never-mind-which-one' },
      routes: [{ id: 'all', match: { path: '/**' }, auth: { issuers: ['opaque'] } }],
    },
    ({ target }) => (target === '/gone' ? LARGE : OK),
  );
  const headers = [['Authorization', 'Bearer opaque-token']] as const;
  const client = await connectRaw(gateway.port);
  client.write(requestBytes({ target: '/gone', headers }));
  await isAsked;
  client.destroy();
  await gateway.waitForLine(({ path, aborted }) => path === '/gone' && aborted === true);
  // They wait for the same word about the same token, behind /gone.
  const fresh = ['/a', '/b'].map((target) => gateway.ask(requestBytes({ target, headers })));
  for (const answer of questions) answer();
  t.deepEqual(
    (await Promise.all(fresh)).map(({ status }) => status),
    [200, 200],
  );
  t.is(questions.length, 1);
  t.deepEqual(upstream.requests.map(({ target }) => target).sort(), ['/a', '/b']);
});

// The end of an answer that is all written waits in no one's way upstream, but its connection is one of those that the
// gateway has, with what it holds: node's own clock for idle connections stands while an answer has not left.
test('a client that never reads the end of its answers loses its connection', async (t) => {
  const { gateway } = await startBehind(
    t,
    { listen: { limits: { keepAlive: '500ms' } }, upstream: { timeouts: { idle: '5m' } }, routes: PUBLIC },
    () => large(10_000),
  );
  // Far more answers than fit into the buffers on the way.
  await mute(t, gateway.port, requestBytes({ target: '/small' }).repeat(3000));
  await gateway.waitForLine(({ aborted }) => aborted === true, 60_000);
  t.is((await gateway.ask(requestBytes({ target: '/small' }))).status, 200);
});

/** Reads so many bytes at a time, so often, until all have come or the connection ends; tells how many came. */
function readSlowly(t: ExecutionContext, port: number, bytes: string, piece: number, everyMs: number) {
  const socket: Socket = connect({ port, host: '127.0.0.1' });
  socket.on('error', () => {});
  socket.pause();
  socket.write(bytes, 'latin1');
  let count = 0;
  const timer = setInterval(() => {
    const chunk: Buffer | null = socket.read(Math.min(piece, socket.readableLength)) ?? null;
    count += chunk?.length ?? 0;
  }, everyMs);
  t.teardown(() => {
    clearInterval(timer);
    socket.destroy();
  });
  return { socket, count: () => count };
}

test('a client that reads a few bytes now and then keeps nothing with them', async (t) => {
  const { gateway, upstream } = await startBehind(
    t,
    { listen: STALLED, upstream: { connections: 1 }, routes: PUBLIC },
    ({ target }) => (target === '/large' ? LARGE : OK),
  );
  readSlowly(t, gateway.port, requestBytes({ target: '/large' }), 5, 100);
  await upstream.waitForRequests(1, 30_000);
  await upstream.waitUntil(() => upstream.connections[0]?.open === false, 'the answer is given up', 30_000);
  t.like(await gateway.waitForLine(({ path }) => path === '/large', 30_000), {
    aborted: true,
    ended: 'client stalled',
  });
  t.is((await gateway.ask(requestBytes({ target: '/small' }))).status, 200);
});

test('a client that is slow, and no more than that, gets all of its answer', async (t) => {
  const clock = new FakeClock();
  const { gateway } = await startBehind(t, { options: { clock }, routes: PUBLIC }, () => LARGE);
  const socket = connect({ port: gateway.port, host: '127.0.0.1' });
  t.teardown(() => void socket.destroy());
  socket.pause();
  socket.write(requestBytes(), 'latin1');
  let count = 0;
  const readTo = (size: number) => {
    count += socket.read()?.length ?? 0;
    return count >= size || socket.destroyed;
  };
  // More at a time than all buffers on the way hold, and in each of sixteen pauses a quarter of the time passes.
  const step = LARGE.length / 16;
  for (let size = step; size <= LARGE.length; size += step) {
    await until(() => readTo(size), `${size} bytes`, 60_000);
    clock.advance(7_500);
  }
  t.true(count >= LARGE.length, String(count));
});

const UPGRADE = [{ id: 'all', match: { path: '/**' }, auth: 'public', websocket: true }];

test('a WebSocket whose client reads nothing of what waits for it is cut; quiet ones and quiet event streams stay', async (t) => {
  const EVENTS = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n';
  const { gateway, upstream } = await startBehind(t, { listen: STALLED, routes: UPGRADE }, ({ target }) =>
    target === '/events' ? `${EVENTS}9\r\ndata: 1\n\n\r\n` : switching(),
  );
  const quiet = await Promise.all(
    ['/events', '/quiet'].map(async (target) => {
      const client = await connectRaw(gateway.port);
      t.teardown(async () => client.destroy());
      client.write(requestBytes({ target, headers: target === '/quiet' ? handshakeHeaders() : [] }));
      return client;
    }),
  );
  await upstream.waitForRequests(2, 30_000);
  await mute(t, gateway.port, requestBytes({ target: '/mute', headers: handshakeHeaders() }));
  await upstream.waitForRequests(3, 30_000);
  const talking = upstream.requests.find(({ target }) => target === '/mute')?.connection;
  if (talking === undefined) throw new Error('the WebSocket has not arrived');
  const talk = () => {
    while (talking.open && talking.socket.write(Buffer.alloc(1024 * 1024)));
  };
  talking.socket.on('drain', talk);
  talk();
  await upstream.waitUntil(() => !talking.open, 'the one that nobody reads is cut', 30_000);
  t.like(await gateway.waitForLine(({ path }) => path === '/mute', 30_000), { ended: 'client stalled' });
  // Far longer than anything may stall.
  for (const client of quiet) t.is((await client.read({ until: 'timeout', timeoutMs: 1_000 })).ended, 'timeout');
  const open = upstream.connections.filter((connection) => connection.open);
  t.is(open.length, 2);
});

/** SETTINGS_INITIAL_WINDOW_SIZE */
const initialWindow = (size: number) => Buffer.concat([Buffer.from([0, 4]), uint32(size)]);

const HTTP2_READERS: Readonly<Record<string, (connection: FrameConnection, streams: readonly number[]) => void>> = {
  'that opens no window': () => {},
  'that opens its windows by a byte now and then': ({ write }, streams) => {
    for (const stream of streams) write(frame(FRAME.window, 0, stream, uint32(1)));
  },
  'that opens no window and asks for other things meanwhile': ({ write }, [first = 1]) => {
    write(frame(FRAME.ping, 0, 0, Buffer.alloc(8)), frame(FRAME.priority, 0, first, Buffer.alloc(5, 0)));
  },
};

for (const [title, act] of Object.entries(HTTP2_READERS)) {
  test(`clients of HTTP/2 free the connections to the upstream: one ${title}`, async (t) => {
    const { gateway, upstream, secure } = await startSecure(
      t,
      { listening: STALLED, upstream: { connections: 8 }, routes: PUBLIC },
      ({ target }) => (target === '/large' ? large(1024 * 1024) : OK),
    );
    const streams = [1, 3, 5, 7, 9, 11];
    const both = await Promise.all([0, 1].map(() => connectFrames(t, gateway.port, secure, initialWindow(0))));
    for (const connection of both) {
      for (const stream of streams) connection.write(requestFrame(stream, pseudo({ ':path': '/large' })));
      const timer = setInterval(() => act(connection, streams), 100);
      t.teardown(() => clearInterval(timer));
    }
    await upstream.waitForRequests(6, 30_000);
    // While they hold what they hold, a third one is served.
    t.is((await gateway.ask(requestBytes({ target: '/small' }), { secure, timeoutMs: 30_000 })).status, 200);
    for (const connection of both) {
      for (const stream of streams) {
        const isReset = (one: Frame) => one.type === FRAME.reset && one.stream === stream;
        await connection.waitFor(isReset, `the reset of ${stream}`, 60_000);
      }
    }
    await upstream.waitUntil(
      () => upstream.connections.filter(({ open }) => open).length <= 1,
      'their answers are given up',
      30_000,
    );
    // The connections themselves may go on.
    for (const { write, waitFor } of both) {
      write(requestFrame(101, pseudo({ ':path': '/small' })), frame(FRAME.window, 0, 101, uint32(100)));
      await waitFor((one) => one.type === FRAME.data && one.stream === 101, 'an answer that is read', 30_000);
    }
  });
}

test('a client of HTTP/2 that reads slowly gets all of its answers', async (t) => {
  const size = 128 * 1024;
  const clock = new FakeClock();
  const { gateway, secure } = await startSecure(t, { options: { clock }, routes: PUBLIC }, () => large(size));
  const connection = await connectFrames(t, gateway.port, secure, initialWindow(0));
  connection.socket.setNoDelay(true);
  const streams = [1, 3, 5];
  for (const stream of streams) connection.write(requestFrame(stream, pseudo()));
  const received = (stream: number) =>
    connection.frames
      .filter((one) => one.stream === stream && one.type === FRAME.data)
      .reduce((sum, { payload }) => sum + payload.length, 0);
  // A piece that the gateway writes, 64 KiB, takes longer to leave than a client may take nothing; it is seen as a whole.
  const step = 16 * 1024;
  for (let allowed = step; allowed <= size; allowed += step) {
    const windows = streams.map((stream) => frame(FRAME.window, 0, stream, uint32(step)));
    connection.write(frame(FRAME.window, 0, 0, uint32(3 * step)), ...windows);
    const isThere = () => streams.every((stream) => received(stream) >= allowed);
    await connection.waitFor(isThere, `${allowed} bytes of each`, 60_000);
    clock.advance(15_000);
  }
  // nghttp2 sends no end, although it takes no window, where there is none.
  connection.write(...[0, ...streams].map((stream) => frame(FRAME.window, 0, stream, uint32(100))));
  for (const stream of streams) {
    const isEnd = (one: Frame) => one.stream === stream && (one.flags & FLAG.endStream) !== 0;
    await connection.waitFor(isEnd, `the end of ${stream}`, 60_000);
    t.is(received(stream), size);
  }
});
