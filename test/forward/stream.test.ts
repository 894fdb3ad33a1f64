import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { pipeline } from 'node:stream/promises';
import test, { type ExecutionContext } from 'ava';
import { requestBytes, startBehind, startTestGateway, type TestGateway } from '../support/gateway.ts';
import { closeNow, listenOnLoopback } from '../support/listen.ts';
import { connectRaw } from '../support/raw-client.ts';
import { until } from '../support/until.ts';

const MIB = 1024 * 1024;

/** A client that reads as its test says: its answer is not touched before somebody asks for it. */
function open(gateway: TestGateway, path: string, options: { method?: string; headers?: Record<string, string> } = {}) {
  const [name, value] = gateway.bearer();
  const { method = 'GET', headers } = options;
  const request = httpRequest(gateway.url + path, { method, headers: { [name]: value, ...headers }, agent: false });
  request.on('error', () => {}); // what a test expects of a broken connection it asks for itself
  const answered = once(request, 'response').then(([response]) => response as IncomingMessage);
  answered.catch(() => {});
  return { request, answered };
}

const HEADS = {
  chunks: {
    head: 'Transfer-Encoding: chunked\r\n',
    piece: (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`,
    end: '0\r\n\r\n',
  },
  'no length, until the close': { head: '', piece: (text: string) => text, end: 'close' },
  'a length': { head: 'Content-Length: 10\r\n', piece: (text: string) => text, end: '' },
} as const;

for (const [title, { head, piece, end }] of Object.entries(HEADS)) {
  test(`the first byte of an answer arrives before the upstream says the last: ${title}`, async (t) => {
    let upstreamSocket: Socket | undefined;
    const { gateway } = await startBehind(t, {}, (_request, socket) => {
      upstreamSocket = socket;
      return `HTTP/1.1 200 OK\r\n${head}\r\n${piece('first')}`;
    });
    const { request, answered } = open(gateway, '/stream');
    request.end();
    const response = await answered;
    const [first] = (await once(response, 'data')) as [Buffer];
    t.is(first.toString(), 'first');
    const rest = once(response, 'data') as Promise<[Buffer]>;
    const ended = once(response, 'end');
    upstreamSocket?.write(piece('-last'));
    t.is((await rest)[0].toString(), '-last');
    if (end === 'close') upstreamSocket?.end();
    else upstreamSocket?.write(end);
    await ended;
    t.true(response.complete);
  });
}

test('the head of a stream does not wait for its first byte', async (t) => {
  const { gateway, upstream } = await startBehind(
    t,
    {},
    () => 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n',
  );
  const { request, answered } = open(gateway, '/events');
  request.end();
  t.is((await answered).headers['content-type'], 'text/event-stream');
  request.destroy();
  await upstream.waitUntil(() => upstream.connections[0]?.open === false, 'the upstream is let go');
});

test('the first byte of a request arrives before the client says the last', async (t) => {
  const { gateway, upstream } = await startBehind(t);
  const { request, answered } = open(gateway, '/', { method: 'POST' });
  request.write('first');
  await upstream.waitUntil(() => upstream.requests[0]?.body.toString() === 'first', 'the first piece is there');
  t.false(upstream.requests[0]?.complete);
  request.end('-last');
  t.is((await answered).statusCode, 200);
  t.is(upstream.requests[0]?.body.toString(), 'first-last');
});

test('an answer that begins before the request has ended goes on, and the connection closes after it', async (t) => {
  const { gateway, upstream } = await startBehind(
    t,
    {},
    () => 'HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno',
    { answerOn: 'head' },
  );
  const client = await connectRaw(gateway.port);
  t.teardown(async () => client.destroy());
  client.write(
    requestBytes({ method: 'POST', headers: [gateway.bearer(), ['Content-Length', '1000']], body: 'the beginning' }),
  );
  const { responses } = await client.read({ until: 'close' });
  t.like(responses[0], { status: 413, body: 'no', complete: true });
  t.is(responses[0]?.header('connection'), 'close');
  await upstream.waitUntil(
    () => upstream.connections[0]?.open === false,
    'the half request is not left on a connection',
  );
});

const ABANDONED: Readonly<Record<string, { readonly answer: string | undefined }>> = {
  'while it waits for the head': { answer: undefined },
  'in the middle of a sized answer': { answer: 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf' },
  'in the middle of chunks': { answer: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n' },
};

for (const [title, { answer }] of Object.entries(ABANDONED)) {
  for (const how of ['reset', 'close'] as const) {
    test(`a client that goes (${how}) ends the request to the upstream: ${title}`, async (t) => {
      const { gateway, upstream } = await startBehind(t, { upstream: { connections: 1, queue: 0 } }, ({ target }) =>
        target === '/after' ? 'HTTP/1.1 204 No\r\n\r\n' : answer,
      );
      const { request, answered } = open(gateway, '/');
      request.end();
      await upstream.waitForRequests(1);
      if (answer) await once(await answered, 'data');
      if (how === 'reset') request.socket?.resetAndDestroy();
      else request.destroy();
      await upstream.waitUntil(() => upstream.connections[0]?.open === false, 'its connection closes');
      t.is((await gateway.waitForLine(({ aborted }) => aborted === true)).route, 'all');
      // Its place is free again: there is just the one.
      t.is((await gateway.ask(requestBytes({ target: '/after', headers: [gateway.bearer()] }))).status, 204);
    });
  }
}

test('a client that goes in the middle of its body leaves no complete request behind', async (t) => {
  const { gateway, upstream } = await startBehind(t);
  for (const framing of [
    ['Content-Length', '100'],
    ['Transfer-Encoding', 'chunked'],
  ] as const) {
    const client = await connectRaw(gateway.port);
    client.write(requestBytes({ method: 'POST', headers: [gateway.bearer(), framing], body: '5\r\nhello\r\n' }));
    const count = upstream.requests.length + 1;
    await upstream.waitUntil(() => (upstream.requests[count - 1]?.body.length ?? 0) > 0, 'the beginning is there');
    client.destroy();
    await upstream.waitUntil(() => upstream.requests[count - 1]?.connection.open === false, 'it is cut');
    t.false(upstream.requests[count - 1]?.complete);
  }
});

test('a client that goes ends its request, with others waiting behind it', async (t) => {
  const { gateway, upstream } = await startBehind(t, { upstream: { connections: 1, queue: 0 } }, ({ target }) =>
    target === '/after' ? 'HTTP/1.1 204 No\r\n\r\n' : undefined,
  );
  const warnings: Error[] = [];
  const onWarning = (warning: Error) => void warnings.push(warning);
  process.on('warning', onWarning);
  t.teardown(async () => void process.off('warning', onWarning));
  const client = await connectRaw(gateway.port);
  client.write(requestBytes({ headers: [gateway.bearer()] }).repeat(12));
  await upstream.waitForRequests(1);
  client.destroy();
  await upstream.waitUntil(() => upstream.requests.every(({ connection }) => !connection.open), 'it closes');
  t.is(upstream.requests.length, 1);
  t.is((await gateway.ask(requestBytes({ target: '/after', headers: [gateway.bearer()] }))).status, 204);
  t.deepEqual(warnings, []);
});

const DEATHS: Readonly<Record<string, { readonly head: string; readonly how: 'end' | 'reset' }>> = {
  'closed within a length': { head: 'Content-Length: 10\r\n\r\nhalf', how: 'end' },
  'reset within a length': { head: 'Content-Length: 10\r\n\r\nhalf', how: 'reset' },
  'closed between chunks': { head: 'Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n', how: 'end' },
  'closed within a chunk': { head: 'Transfer-Encoding: chunked\r\n\r\n9\r\nhalf', how: 'end' },
  'reset between chunks': { head: 'Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n', how: 'reset' },
  'reset without a length': { head: '\r\nhalf', how: 'reset' },
  'garbage for a chunk': { head: 'Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nzz\r\n', how: 'end' },
};

for (const [title, { head, how }] of Object.entries(DEATHS)) {
  test(`an upstream that dies in the middle of its answer makes ours end broken: ${title}`, async (t) => {
    let upstreamSocket: Socket | undefined;
    const { gateway, upstream } = await startBehind(t, {}, (_request, socket) => {
      upstreamSocket = socket;
      return `HTTP/1.1 200 OK\r\n${head}`;
    });
    const { request, answered } = open(gateway, '/');
    request.end();
    const response = await answered;
    await once(response, 'data');
    const ended = new Promise<NodeJS.ErrnoException | 'as if it were whole'>((resolve) => {
      response.on('error', resolve).on('end', () => resolve('as if it were whole'));
    });
    if (how === 'reset') upstreamSocket?.resetAndDestroy();
    else upstreamSocket?.end();
    t.like(await ended, { code: 'ECONNRESET' });
    t.false(response.complete);
    t.is(upstream.requests.length, 1, 'an answer that has begun is not asked for again');
    t.like(await gateway.waitForLine(({ msg }) => msg === 'broken off'), {
      level: 'warn',
      status: 200,
      upstream: 'legacy',
    });
  });
}

/** A server that talks HTTP as others do, for bodies too large to be looked at as one piece. */
async function startBulk(t: ExecutionContext, serve: (request: IncomingMessage, response: ServerResponse) => void) {
  const server = createServer(serve);
  const { url } = await listenOnLoopback(server);
  const gateway = await startTestGateway({ upstreams: { bulk: url } });
  t.teardown(async () => {
    await gateway.close();
    await closeNow(server);
  });
  return gateway;
}

async function digest(stream: AsyncIterable<Buffer>): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of stream) hash.update(chunk);
  return hash.digest('hex');
}

for (const framing of ['a length', 'chunks']) {
  test(`20 MiB come back as they went, with ${framing}`, async (t) => {
    const bytes = randomBytes(20 * MIB);
    const headers: Record<string, string> = framing === 'a length' ? { 'content-length': String(bytes.length) } : {};
    const gateway = await startBulk(t, (request, response) => {
      response.writeHead(200, headers);
      pipeline(request, response).catch(() => {});
    });
    const { request, answered } = open(gateway, '/echo', { method: 'POST', headers });
    request.end(bytes);
    const response = await answered;
    t.is(response.headers['content-length'], headers['content-length']);
    t.is(await digest(response), createHash('sha256').update(bytes).digest('hex'));
  });
}

/** More than the buffers of two connections and a gateway take. */
const LARGE = Buffer.alloc(64 * MIB, 'backpressure');
const LARGE_DIGEST = createHash('sha256').update(LARGE).digest('hex');

test('a client that does not read holds its upstream back, and still gets every byte', async (t) => {
  const finished: string[] = [];
  const gateway = await startBulk(t, (request, response) => {
    response.on('finish', () => finished.push(request.url ?? ''));
    response.end(LARGE);
  });
  const slow = open(gateway, '/slow');
  slow.request.end();
  const response = await slow.answered;
  // As much as it could have got, another one gets meanwhile.
  const quick = open(gateway, '/quick');
  quick.request.end();
  t.is(await digest(await quick.answered), LARGE_DIGEST);
  await until(() => finished.length > 0, 'the upstream sees that all has left');
  t.deepEqual(finished, ['/quick']);
  t.is(await digest(response), LARGE_DIGEST);
});

test('an upstream that does not read holds its client back, and still gets every byte', async (t) => {
  let begun: (request: IncomingMessage) => void = () => {};
  const arrived = new Promise<IncomingMessage>((resolve) => {
    begun = resolve;
  });
  const gateway = await startBulk(t, async (request, response) => {
    if (request.url === '/slow') {
      begun(request);
      await released;
    }
    response.end(await digest(request));
  });
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const sent: string[] = [];
  const upload = (path: string) => {
    const { request, answered } = open(gateway, path, { method: 'PUT' });
    request.on('finish', () => sent.push(path));
    request.end(LARGE);
    return answered;
  };
  const slow = upload('/slow');
  await arrived;
  const [quick] = (await (await upload('/quick')).toArray()) as [Buffer];
  t.is(quick.toString(), LARGE_DIGEST);
  t.deepEqual(sent, ['/quick']);
  release();
  const [body] = (await (await slow).toArray()) as [Buffer];
  t.is(body.toString(), LARGE_DIGEST);
});
