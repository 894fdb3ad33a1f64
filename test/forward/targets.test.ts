import { createServer } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { codeOf, requestBytes, startTestGateway, type TestGateway } from '../support/gateway.ts';
import { listenOnLoopback, quietPort } from '../support/listen.ts';
import {
  type RecordingUpstream,
  rawResponse,
  startRecordingUpstream,
  type UpstreamAnswer,
} from '../support/upstream.ts';

/** As many targets, each saying its number, in front of them a gateway. */
async function startTargets(
  t: ExecutionContext,
  count: number,
  upstream: object = {},
  answer: (index: number) => UpstreamAnswer = (index) => () => rawResponse(200, String(index)),
  route: object = {},
) {
  const targets = await Promise.all(Array.from({ length: count }, (_, index) => startRecordingUpstream(answer(index))));
  const gateway = await startBefore(t, { urls: targets.map(({ url }) => url), ...upstream }, route);
  t.teardown(async () => {
    await Promise.all(targets.map((target) => target.close()));
  });
  return { gateway, targets: targets as [RecordingUpstream, RecordingUpstream, ...RecordingUpstream[]] };
}

async function startBefore(t: ExecutionContext, upstream: object, route: object = {}): Promise<TestGateway> {
  const gateway = await startTestGateway({
    upstreams: { legacy: upstream },
    routes: [{ id: 'r', match: { path: '/**' }, ...route }],
  });
  t.teardown(gateway.close);
  return gateway;
}

/** An address that nobody listens on. */
const nobody = () => `http://127.0.0.1:${quietPort()}`;

const ask = (gateway: TestGateway, target = '/', method = 'GET', body?: string) =>
  gateway.ask(
    requestBytes({
      method,
      target,
      headers: [gateway.bearer(), ...(body === undefined ? [] : [['Content-Length', String(body.length)] as const])],
      ...(body !== undefined && { body }),
    }),
  );

test('requests one after the other go to each target in turn, with either balance', async (t) => {
  for (const balance of ['least-busy', 'round-robin']) {
    const { gateway } = await startTargets(t, 3, { balance });
    const bodies: string[] = [];
    for (let count = 0; count < 6; count++) bodies.push((await ask(gateway)).body);
    t.deepEqual(bodies, ['0', '1', '2', '0', '1', '2'], balance);
  }
});

test('least-busy keeps away from a target that is slow, round-robin does not', async (t) => {
  for (const [balance, spread] of [
    ['least-busy', ['1', '1', '1', '1']],
    ['round-robin', ['1', '0', '1', '0']],
  ] as const) {
    const answer =
      (index: number): UpstreamAnswer =>
      (request) =>
        request.target === '/hangs' ? undefined : rawResponse(200, String(index));
    const { gateway, targets } = await startTargets(t, 2, { balance }, answer);
    const hanging = gateway.send(requestBytes({ target: '/hangs', headers: [gateway.bearer()] }), { until: 'close' });
    await targets[0].waitForRequests(1);
    const bodies: string[] = [];
    for (let count = 0; count < 4; count++) bodies.push((await ask(gateway)).body);
    t.deepEqual(bodies, spread, balance);
    await gateway.server.close();
    await hanging;
  }
});

test('each target has its connections, and one line waits for all of them', async (t) => {
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const { gateway, targets } = await startTargets(t, 2, { connections: 1, queue: 1 }, (index) => async () => {
    // Only the second one answers before it is told to: whoever waits gets its connection, not the first one's.
    if (index === 0) await released;
    return rawResponse(200, String(index));
  });
  const slow = ask(gateway, '/slow');
  await targets[0].waitForRequests(1);
  const bodies = (await Promise.all([ask(gateway), ask(gateway)])).map(({ body }) => body);
  t.deepEqual(bodies, ['1', '1']);
  release();
  t.is((await slow).body, '0');
});

test('the target’s own Host is that of the target which gets the request', async (t) => {
  const { gateway, targets } = await startTargets(t, 2, { host: 'upstream' });
  for (let count = 0; count < 4; count++) await ask(gateway);
  for (const target of targets) {
    t.deepEqual(
      target.requests.flatMap((request) => request.values('host')),
      [`127.0.0.1:${target.port}`, `127.0.0.1:${target.port}`],
    );
  }
});

for (const [method, body] of [
  ['GET', undefined],
  ['POST', undefined],
  ['POST', 'hello'],
  ['PATCH', 'hello'],
] as const) {
  test(`what could not be sent goes to another target, whole: ${method}${body ? ' with a body' : ''}`, async (t) => {
    const target = await startRecordingUpstream();
    t.teardown(target.close);
    const gateway = await startBefore(t, { urls: [nobody(), target.url] }, { retries: 0 });
    for (let count = 0; count < 3; count++) t.is((await ask(gateway, '/', method, body)).status, 200);
    t.deepEqual(
      (await target.waitForRequests(3)).map((request) => request.body.toString()),
      Array.from({ length: 3 }, () => body ?? ''),
    );
    // Told once, however many requests find out.
    const told = gateway.lines.filter(({ msg }) => /target is left out/.test(String(msg)));
    t.is(told.length, 1);
    t.like(told[0], { level: 'warn', upstream: 'legacy' });
    t.regex(String(told[0]?.reason), /ECONNREFUSED/);
  });
}

test('when nobody listens at any target, each is tried once and the answer is 502', async (t) => {
  const gateway = await startBefore(t, { urls: [nobody(), nobody(), nobody()] });
  for (let count = 0; count < 3; count++) t.is(codeOf(await ask(gateway)), 'forward.unreachable');
  const told = gateway.lines.filter(({ msg }) => /target is left out/.test(String(msg)));
  t.is(told.length, 3);
  t.like(await gateway.waitForLine(({ code }) => code === 'forward.unreachable'), { target: told[2]?.target });
});

test('a request whose connection broke before an answer goes to another target, unless it can not be repeated', async (t) => {
  const answer =
    (index: number): UpstreamAnswer =>
    (_request, socket) =>
      index === 0 ? void socket.resetAndDestroy() : rawResponse(200, String(index));
  for (const [method, status] of [
    ['GET', 200],
    ['POST', 502],
  ] as const) {
    const { gateway, targets } = await startTargets(t, 2, {}, answer);
    t.is((await ask(gateway, '/', method)).status, status, method);
    t.is(targets[0].requests.length, 1);
    t.is(targets[1].requests.length, status === 200 ? 1 : 0);
  }
});

test('a target that comes back gets requests again, and that is told', async (t) => {
  const port = quietPort();
  const url = `http://127.0.0.1:${port}`;
  const other = await startRecordingUpstream(() => rawResponse(200, 'other'));
  t.teardown(other.close);
  const gateway = await startBefore(t, { urls: [url, other.url] });
  t.is((await ask(gateway)).body, 'other');
  const sockets: { destroy(): void }[] = [];
  const back = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {}).on('data', () => socket.write(rawResponse(200, 'back')));
  });
  await listenOnLoopback(back, port);
  t.teardown(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => back.close(resolve));
  });
  let bodies = '';
  const until = Date.now() + 5000;
  while (!bodies.includes('back') && Date.now() < until) bodies += (await ask(gateway)).body;
  t.true(bodies.includes('back'));
  t.like(await gateway.waitForLine(({ msg }) => /target is back/.test(String(msg))), {
    upstream: 'legacy',
    target: url,
  });
});

test('log lines say which of several targets served, and how long it took', async (t) => {
  const { gateway, targets } = await startTargets(t, 2);
  await ask(gateway);
  const line = await gateway.waitForLine(({ msg }) => msg === 'served');
  t.is(line.target, targets[0].url);
  t.true(Number(line.upstreamMs) > 0 && Number(line.upstreamMs) <= Number(line.durationMs));
});
