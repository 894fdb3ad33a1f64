import { createServer } from 'node:http';
import { connect } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { codeOf, requestBytes, startBehind } from '../support/gateway.ts';
import { closeNow, listenOnLoopback } from '../support/listen.ts';
import { connectRaw } from '../support/raw-client.ts';

// An upstream has so many connections. A client that asks for something large and reads nothing makes the gateway stop
// reading too, and while it does, no clock of the HTTP client runs: as many such clients as there are connections, and
// the service is gone for everybody, without a byte of load. This is the attack known as Slow Read.

/** Far more than what fits into the buffers on the way. */
const LARGE = large(64 * 1024 * 1024);
const READABLE = 4 * 1024 * 1024;
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
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
    { upstream: { connections: 1, timeouts: { idle: '500ms', response: '500ms' } }, routes: PUBLIC },
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
          introspection: { url, clientId: 'gateway', clientSecret: '${' + 'SECRET}' },
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
