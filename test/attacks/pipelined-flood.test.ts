import { connect } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { needsOpenssl } from '../support/certificates.ts';
import { codeOf, requestBytes, startBehind } from '../support/gateway.ts';
import { connectRaw, type RawConnection } from '../support/raw-client.ts';
import { startSecure } from '../support/secure-gateway.ts';
import { until } from '../support/until.ts';
import { handshakeHeaders } from '../support/websocket.ts';

// HTTP/1.1 lets a client send requests without waiting for answers. A server that begins each as soon as it is parsed gives
// one client as much work under way as it can send bytes: 48 KB behind one slow answer took all 128 places of an upstream
// and its queue of 1024, for as long as that answer lasted. A request begins when the one before it is answered.

const PUBLIC = [{ id: 'all', match: { path: '/**' }, auth: 'public' }];
const MANY = 1500;
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const FLOOD = 'GET /x HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(MANY);

function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open: () => open() };
}

/** A gateway whose upstream answers /slow when it is told to. */
async function startSlow(t: ExecutionContext, start: typeof startBehind | typeof startSecure = startBehind) {
  const { opened, open } = gate();
  t.teardown(open);
  const started = await start(
    t,
    { upstream: { connections: 4, queue: 8 }, routes: PUBLIC, listen: { limits: { keepAlive: '1m' } } },
    async ({ target }) => {
      if (target.startsWith('/slow')) await opened;
      return OK;
    },
  );
  return { ...started, open };
}

async function connected(t: ExecutionContext, ...where: Parameters<typeof connectRaw>): Promise<RawConnection> {
  const client = await connectRaw(...where);
  t.teardown(() => client.destroy());
  return client;
}

test('what is pipelined behind a slow answer takes no place of the upstream, nor of its queue', async (t) => {
  const { gateway, upstream, open } = await startSlow(t);
  const client = await connected(t, gateway.port);
  client.write(requestBytes({ target: '/slow' }) + FLOOD);
  await upstream.waitUntil(() => upstream.requests.length === 1, 'the slow request');
  // As many as the upstream has places and its queue has: all of them are free but one.
  const honest = await Promise.all(Array.from({ length: 11 }, () => gateway.ask(requestBytes({ target: '/honest' }))));
  t.true(honest.every(({ status }) => status === 200));
  t.deepEqual(
    upstream.requests.filter(({ target }) => target !== '/honest').map(({ target }) => target),
    ['/slow'],
  );
  open();
  await upstream.waitUntil(() => upstream.requests.length === 12 + MANY, 'each has its turn', 60_000);
});

test('the same requests on connections of their own take every place, and the next is refused', async (t) => {
  const { gateway, upstream } = await startSlow(t);
  const clients = await Promise.all(Array.from({ length: 12 }, () => connected(t, gateway.port)));
  for (const client of clients) client.write(requestBytes({ target: '/slow' }));
  await upstream.waitUntil(() => upstream.requests.length === 4, 'every place is taken');
  await until(async () => {
    const answer = await gateway.ask(requestBytes({ target: '/honest' }));
    return answer.status === 503 && codeOf(answer) === 'forward.saturated';
  }, 'a refusal');
  t.is(upstream.requests.length, 4);
});

needsOpenssl('over TLS neither', async (t) => {
  const { gateway, upstream, secure } = (await startSlow(t, startSecure)) as Awaited<ReturnType<typeof startSecure>> & {
    open(): void;
  };
  const client = await connected(t, gateway.port, secure);
  client.write(requestBytes({ target: '/slow' }) + FLOOD);
  await upstream.waitUntil(() => upstream.requests.length === 1, 'the slow request');
  const honest = await Promise.all(
    Array.from({ length: 11 }, () => gateway.ask(requestBytes({ target: '/honest' }), { secure })),
  );
  t.true(honest.every(({ status }) => status === 200));
  t.is(upstream.requests.filter(({ target }) => target !== '/honest').length, 1);
});

test('the gateway stops reading behind a request that waits', async (t) => {
  const { gateway, upstream } = await startSlow(t);
  const socket = connect({ port: gateway.port, host: '127.0.0.1' });
  socket.on('error', () => {});
  t.teardown(() => void socket.destroy());
  socket.write(requestBytes({ target: '/slow' }));
  // More than the buffers of any kernel on the way hold by default.
  const [flood, times] = [Buffer.from(FLOOD.repeat(8)), 120];
  let sent = 0;
  for (let at = 0; at < times; at++) {
    socket.write(flood, () => {
      sent += flood.length;
    });
  }
  await upstream.waitUntil(() => upstream.requests.length === 1, 'the slow request');
  let before = -1;
  await until(
    async () => {
      if (before === sent) return true;
      before = sent;
      await new Promise((resolve) => setTimeout(resolve, 500));
      return false;
    },
    'nothing more is taken',
    60_000,
  );
  t.true(sent < (flood.length * times) / 2, `${sent} bytes were taken`);
  t.is(upstream.requests.length, 1);
});

test('many cheap requests on one connection do not hold up those of others', async (t) => {
  const { gateway } = await startBehind(t);
  const flood = await connected(t, gateway.port);
  flood.write(FLOOD);
  const honest = await gateway.ask(requestBytes({ target: '/honest' }));
  t.is(honest.status, 401);
  const paths = () => gateway.lines.flatMap(({ path }) => (path === undefined ? [] : [path]));
  await until(() => paths().length === MANY + 1, 'each is answered', 60_000);
  t.true(paths().indexOf('/honest') < MANY / 2, 'it waited for few of them');
});

test('a request that waits is authorised when it begins, by the configuration of then', async (t) => {
  const { gateway, upstream, open } = await startSlow(t);
  const client = await connected(t, gateway.port);
  client.write(requestBytes({ target: '/slow' }) + requestBytes({ target: '/waits' }));
  await upstream.waitUntil(() => upstream.requests.length === 1, 'the slow request');
  await gateway.reload({ upstreams: { legacy: upstream.url } });
  open();
  const { responses } = await client.read({ until: 2 });
  t.deepEqual(
    responses.map(({ status }) => status),
    [200, 401],
  );
});

test('nothing begins that still waits when its client goes, and what it waits for ends', async (t) => {
  for (const how of [undefined, 'reset'] as const) {
    const { gateway, upstream } = await startSlow(t);
    const client = await connected(t, gateway.port);
    client.write(requestBytes({ target: '/slow' }) + requestBytes({ target: '/waits' }));
    await upstream.waitUntil(() => upstream.requests.length === 1, 'the slow request');
    client.destroy(how);
    await upstream.waitUntil(() => upstream.connections.every(({ open }) => !open), 'the slow request is given up');
    t.is((await gateway.ask(requestBytes({ target: '/after' }))).status, 200);
    t.deepEqual(
      upstream.requests.map(({ target }) => target),
      ['/slow', '/after'],
    );
  }
});

test('behind an answer that closes the connection nothing begins that waited', async (t) => {
  const { gateway, upstream, open } = await startSlow(t);
  const client = await connected(t, gateway.port);
  client.write(requestBytes({ target: '/slow', headers: [['Connection', 'close']] }) + FLOOD);
  await upstream.waitUntil(() => upstream.requests.length === 1, 'the slow request');
  open();
  const { responses } = await client.read({ until: 'close' });
  t.deepEqual(
    responses.map((response) => [response.status, response.header('connection')]),
    [[200, 'close']],
  );
  t.is(upstream.requests.length, 1);
});

test('a request that waits has its body, its 100 Continue and its upgrade in its turn', async (t) => {
  const { gateway, upstream, open } = await startSlow(t);
  const client = await connected(t, gateway.port);
  const post = (target: string, body: string, sent = body) =>
    requestBytes({ method: 'POST', target, headers: [['Content-Length', String(body.length)]], body: sent });
  client.write(
    post('/slow', 'first') +
      post('/second', 'GET / HTTP/1.1\r\n\r\n') +
      requestBytes({
        method: 'POST',
        target: '/third',
        headers: [
          ['Expect', '100-continue'],
          ['Transfer-Encoding', 'chunked'],
        ],
      }),
  );
  await upstream.waitUntil(() => upstream.requests.length === 1, 'the slow request');
  t.is((await client.read({ until: 'timeout', timeoutMs: 50 })).raw, '', 'nothing of it is answered');
  open();
  await until(
    async () => (await client.read({ until: 2 })).responses.some(({ status }) => status === 100),
    '100 Continue',
  );
  client.write('5\r\nthird\r\n0\r\n\r\n');
  client.write(requestBytes({ headers: handshakeHeaders() }));
  const { responses } = await client.read({ until: 'close' });
  t.deepEqual(
    responses.map(({ status }) => status),
    [200, 200, 100, 200, 400],
  );
  t.deepEqual(
    upstream.requests.map(({ target, body }) => [target, body.toString()]),
    [
      ['/slow', 'first'],
      ['/second', 'GET / HTTP/1.1\r\n\r\n'],
      ['/third', 'third'],
    ],
  );
});

test('HTTP/1.0 with keep-alive waits for its turn too', async (t) => {
  const { gateway, upstream, open } = await startSlow(t);
  const client = await connected(t, gateway.port);
  const ask = (target: string) =>
    requestBytes({ version: 'HTTP/1.0', target, headers: [['Connection', 'keep-alive']] });
  client.write(ask('/slow') + ask('/second') + ask('/third'));
  await upstream.waitUntil(() => upstream.requests.length === 1, 'the slow request');
  t.is(upstream.requests.length, 1);
  open();
  t.is((await client.read({ until: 3 })).responses.length, 3);
});

test('a shutdown waits for what is under way, and not for what waits behind it', async (t) => {
  const { gateway, upstream, open } = await startSlow(t);
  const client = await connected(t, gateway.port);
  client.write(requestBytes({ target: '/slow' }) + FLOOD);
  await upstream.waitUntil(() => upstream.requests.length === 1, 'the slow request');
  const draining = gateway.server.drain('SIGTERM');
  await gateway.waitForLine(({ msg }) => String(msg).startsWith('no new requests'));
  open();
  const { responses } = await client.read({ until: 'close' });
  t.deepEqual(
    responses.map(({ status }) => status),
    [200],
  );
  await draining;
  t.is(upstream.requests.length, 1);
});

test('a shutdown whose time is over cuts a connection on which a request waits', async (t) => {
  const { gateway, upstream } = await startBehind(t, { drain: { delay: '0s', timeout: '100ms' } }, () => undefined);
  const client = await connected(t, gateway.port);
  client.write(requestBytes({ headers: [gateway.bearer()] }).repeat(2));
  await upstream.waitForRequests(1);
  await gateway.server.drain('SIGTERM');
  t.like(gateway.lines.at(-2), { aborted: true, path: '/' });
  t.like(gateway.lines.at(-1), { msg: 'stopped', cut: 1 });
  t.not((await client.read({ until: 'close' })).ended, 'timeout');
});
