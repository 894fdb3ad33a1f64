import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Agent, type ClientRequest, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import test, { type ExecutionContext } from 'ava';
import { WebSocketServer } from 'ws';
import { type RunningCommand, startCommand } from '../support/command.ts';
import { temporaryFolder } from '../support/files.ts';
import { accessClaims, makeKey, serveJwks, signToken } from '../support/keys.ts';
import { closeNow, listenOnLoopback } from '../support/listen.ts';
import { until } from '../support/until.ts';
import { openWebSocket } from '../support/websocket.ts';

// A real process with requests of every kind under way, which is told to end.

const CLIENTS = 6;

/** A service that remembers which numbered requests reached it, and lets the test end its event streams. */
async function startService() {
  const seen = new Set<string>();
  const received = new Map<string, number>();
  const streams = new Map<string, ServerResponse>();
  const server = createServer(async (incoming, response) => {
    const { url = '', headers } = incoming;
    seen.add(String(headers['x-number']));
    if (url.startsWith('/events')) {
      streams.set(url, response);
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: begin\n\n');
      return;
    }
    const hash = createHash('sha256');
    for await (const chunk of incoming as AsyncIterable<Buffer>) {
      hash.update(chunk);
      received.set(url, (received.get(url) ?? 0) + chunk.length);
    }
    response.end(`${headers['x-number']} ${hash.digest('hex')}`);
  });
  server.keepAliveTimeout = 60_000;
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket) => {
    socket.on('error', () => {}); // those that are cut
    socket.on('message', (data) => socket.send(data));
  });
  const { url } = await listenOnLoopback(server);
  const close = async () => {
    for (const socket of sockets.clients) socket.terminate();
    await closeNow(server);
  };
  return { url, seen, received, streams, close };
}

type Service = Awaited<ReturnType<typeof startService>>;

/** A gateway of its own process in front of such a service. */
async function start(t: ExecutionContext, drain: { readonly delay: string; readonly timeout: string }) {
  const key = makeKey('ES256');
  const keys = await serveJwks([key]);
  const service = await startService();
  const config = {
    listen: { host: '127.0.0.1', port: 0 },
    admin: { port: 0 },
    drain,
    issuers: { main: { issuer: keys.issuer, audience: 'orders-api', keys: { url: keys.jwksUri } } },
    upstreams: { service: { url: service.url } },
    routes: [
      { id: 'all', match: { path: '/**' }, auth: { issuers: ['main'] }, upstream: 'service' },
      { id: 'ws', match: { path: '/ws' }, auth: { issuers: ['main'] }, upstream: 'service', websocket: true },
    ],
  };
  const folder = await temporaryFolder({ 'gateway.yaml': JSON.stringify(config) });
  const gateway = await startCommand(['start', '--config', folder.file('gateway.yaml')]);
  t.teardown(async () => {
    await gateway.stop('SIGKILL');
    await Promise.all([folder.remove(), keys.close(), service.close()]);
  });
  await until(async () => (await fetch(`${gateway.adminUrl}/readyz`)).ok, 'the keys are there');
  const authorization = `Bearer ${signToken(key, accessClaims({ iss: keys.issuer }))}`;
  return { gateway, service, authorization };
}

/** A request of a client, and what came of it. */
interface Asked {
  readonly outgoing: ClientRequest;
  readonly answer: Promise<{ readonly status: number; readonly body: string; readonly complete: boolean }>;
  /** Resolves with the first bytes of the body. */
  readonly begun: Promise<string>;
}

function ask(url: string, method: string, headers: Record<string, string>, agent: Agent | false = false): Asked {
  const outgoing = request(url, { method, agent, headers });
  const response = once(outgoing, 'response') as Promise<[IncomingMessage]>;
  const begun = response.then(async ([incoming]) => String((await once(incoming, 'data'))[0]));
  begun.catch(() => {}); // told by `answer`
  const answer = response.then(async ([incoming]) => {
    let body = '';
    incoming.on('data', (chunk) => {
      body += chunk;
    });
    incoming.on('error', () => {}); // told by `complete`
    await new Promise((resolve) => incoming.once('close', resolve));
    return { status: incoming.statusCode ?? 0, body, complete: incoming.complete };
  });
  return { outgoing, answer, begun };
}

/** Clients that ask one thing after the other on kept connections, until they are sent elsewhere. */
function startLoad(gateway: RunningCommand, service: Service, authorization: string) {
  const load = { served: 0, elsewhere: 0, failed: [] as string[], closesAt: Number.POSITIVE_INFINITY };
  let numbers = 0;
  /** Whether a request found the door closed: nobody took it in, and nothing of it can have happened. */
  const isSentElsewhere = (error: NodeJS.ErrnoException, number: string, reused: boolean) =>
    performance.now() >= load.closesAt &&
    !service.seen.has(number) &&
    // Closing a listener resets the connections that wait to be accepted.
    (error.code === 'ECONNREFUSED' || (/^(?:ECONNRESET|EPIPE)$/.test(String(error.code)) && !reused));
  /** Answers whether the client goes on. */
  const one = async (agent: Agent): Promise<boolean> => {
    const number = String(++numbers);
    const body = numbers % 3 === 0 ? randomBytes(2000) : Buffer.alloc(0);
    const headers = { authorization, 'x-number': number, 'content-length': String(body.length) };
    const { outgoing, answer } = ask(`${gateway.url}/load`, body.length > 0 ? 'POST' : 'GET', headers, agent);
    outgoing.end(body);
    try {
      const { status, body: text, complete } = await answer;
      const whole = `${number} ${createHash('sha256').update(body).digest('hex')}`;
      if (status === 200 && complete && text === whole) {
        load.served += 1;
        return true;
      }
      if (status === 503 && text.includes('gateway.draining')) load.elsewhere += 1;
      else load.failed.push(`${number}: ${status} ${text}`);
    } catch (error) {
      const { reusedSocket } = outgoing;
      if (isSentElsewhere(error as NodeJS.ErrnoException, number, reusedSocket)) load.elsewhere += 1;
      else load.failed.push(`${number}: ${error}, on a ${reusedSocket ? 'kept' : 'new'} connection`);
    }
    return false;
  };
  const client = async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    while (await one(agent));
    agent.destroy();
  };
  return { load, ended: Promise.all(Array.from({ length: CLIENTS }, client)) };
}

const isClosed = ({ msg }: Record<string, unknown>) => String(msg).startsWith('no new requests');

test('a shutdown in the middle of everything fails no request, and ends in time', async (t) => {
  t.timeout(120_000);
  const [delay, timeout] = [2000, 5000];
  const { gateway, service, authorization } = await start(t, { delay: `${delay}ms`, timeout: `${timeout}ms` });
  const { load, ended } = startLoad(gateway, service, authorization);

  const halves = [0, 1, 2].map(() => [randomBytes(100_000), randomBytes(100_000)] as const);
  const uploads = halves.map(([first], at) => {
    const headers = { authorization, 'x-number': `upload ${at}`, 'content-length': '200000' };
    const upload = ask(`${gateway.url}/upload/${at}`, 'POST', headers);
    upload.outgoing.write(first);
    return upload;
  });
  const streams = [0, 1, 2, 3].map((at) => {
    const stream = ask(`${gateway.url}/events/${at}`, 'GET', { authorization });
    stream.outgoing.end();
    return stream;
  });
  const sockets = await Promise.all(
    [0, 1, 2, 3].map(() => openWebSocket(`${gateway.url}/ws`, [], { headers: { authorization } })),
  );
  const echo = async (message: string, which: typeof sockets) => {
    for (const { socket } of which) socket.send(message);
    const back = await Promise.all(which.map(({ next }) => next()));
    for (const { data } of back) t.is(String(data), message);
  };
  await echo('before', sockets);
  t.deepEqual(await Promise.all(streams.map(({ begun }) => begun)), Array(4).fill('data: begin\n\n'));
  await until(() => uploads.every((_, at) => service.received.get(`/upload/${at}`) === 100_000), 'half of each upload');
  await until(() => load.served > 200, 'requests are served', 20_000);

  load.closesAt = performance.now() + delay - 5;
  gateway.signal('SIGTERM');
  await gateway.waitForLine(({ msg }) => msg === 'draining');
  const before = load.served;
  await until(() => load.served > before + CLIENTS * 2, 'requests are still served', 20_000);
  t.is((await fetch(`${gateway.adminUrl}/readyz`)).status, 503);

  await gateway.waitForLine(isClosed);
  const closedAt = performance.now();
  for (const [at, { outgoing }] of uploads.entries()) outgoing.end(halves[at]?.[1]);
  await echo('after', sockets);
  const [first, second, ...others] = sockets;
  for (const ending of [first, second]) ending?.socket.close(1000, 'done');
  for (const at of [0, 1]) service.streams.get(`/events/${at}`)?.end('data: end\n\n');

  for (const [at, { answer }] of uploads.entries()) {
    const whole = createHash('sha256').update(Buffer.concat(halves[at] as readonly Buffer[]));
    t.deepEqual(await answer, { status: 200, body: `upload ${at} ${whole.digest('hex')}`, complete: true });
  }
  for (const ending of [first, second]) t.deepEqual(await ending?.closed, { code: 1000, reason: 'done' });
  const inTime = { status: 200, body: 'data: begin\n\ndata: end\n\n', complete: true };
  for (const { answer } of streams.slice(0, 2)) t.deepEqual(await answer, inTime);
  t.true(performance.now() - closedAt < timeout, 'all of this in its time');

  for (const { closed } of others) t.deepEqual(await closed, { code: 1001, reason: 'shutting down' });
  for (const { answer } of streams.slice(2))
    t.deepEqual(await answer, { status: 200, body: 'data: begin\n\n', complete: false });
  const { code } = await gateway.ended;
  t.is(code, 0);

  await ended;
  t.deepEqual(load.failed, []);
  t.is(load.elsewhere, CLIENTS);
  const lines = gateway.lines();
  const [closed, stopped] = [lines.find(isClosed), lines.find(({ msg }) => msg === 'stopped')];
  t.like(stopped, { cut: 4 });
  const took = Date.parse(String(stopped?.time)) - Date.parse(String(closed?.time));
  t.true(took >= timeout - 50 && took < timeout + 30_000, `${took} ms`);
  const served = lines.filter(({ path, status }) => path === '/load' && status === 200);
  t.is(served.length, load.served, 'each has its line');
  const cut = lines.filter(({ ended: how }) => how === 'cut').map(({ path, status }) => `${status} ${path}`);
  t.deepEqual(cut.sort(), ['101 /ws', '101 /ws', '200 /events/2', '200 /events/3']);
  const loud = lines.filter(({ level, code: why }) => level !== 'info' && why !== 'gateway.draining');
  t.deepEqual(loud, [], 'nothing that somebody would have to look into');
});

test('a second signal ends the shutdown at once', async (t) => {
  const { gateway, authorization } = await start(t, { delay: '0s', timeout: '10m' });
  const stream = ask(`${gateway.url}/events/0`, 'GET', { authorization });
  stream.outgoing.end();
  await stream.begun;
  gateway.signal('SIGTERM');
  await gateway.waitForLine(isClosed);
  gateway.signal('SIGTERM');
  t.is((await gateway.ended).code, 0);
  t.false((await stream.answer).complete);
});
