import { createServer as createHttpsServer } from 'node:https';
import type { TLSSocket } from 'node:tls';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import { createLookup, tlsOptions } from '../../src/forward/connect.ts';
import { HealthCheck } from '../../src/forward/health.ts';
import { makeAuthority, needsOpenssl } from '../support/certificates.ts';
import { FakeClock } from '../support/clock.ts';
import { requestBytes, startTestGateway } from '../support/gateway.ts';
import { closeNow, listenOnLoopback } from '../support/listen.ts';
import { rawResponse, startRecordingUpstream, type UpstreamAnswer } from '../support/upstream.ts';
import { routeOf } from './facts.ts';

/** A check of one target by a clock that goes when told, and what it finds, one after the other. */
function makeCheck(t: ExecutionContext, url: string, upstream: object = {}) {
  const clock = new FakeClock();
  const { upstream: settings } = routeOf({}, { url, health: { path: '/health?deep', interval: '10s' }, ...upstream });
  const found: (string | undefined)[] = [];
  let tell = () => {};
  const target = {
    url,
    host: new URL(url).host,
    tls: tlsOptions(url, settings.tls),
    lookup: createLookup(),
    examined(ailment: string | undefined) {
      found.push(ailment);
      tell();
    },
  };
  const check = new HealthCheck(target, settings, clock);
  t.teardown(async () => check.stop());
  const next = (count: number) =>
    new Promise<(string | undefined)[]>((resolve) => {
      tell = () => found.length >= count && resolve(found);
      tell();
    });
  return { check, clock, next, found };
}

async function startTarget(t: ExecutionContext, answer: UpstreamAnswer) {
  const target = await startRecordingUpstream(answer);
  t.teardown(target.close);
  return target;
}

test('a target is asked at once and then in each interval, on connections of their own', async (t) => {
  const target = await startTarget(t, () => rawResponse(204));
  const { check, clock, next } = makeCheck(t, target.url, {
    headers: { set: { Authorization: 'Basic eDp5', 'X-User': '{claims.sub}' } },
  });
  check.start();
  for (let count = 1; count <= 3; count++) {
    t.deepEqual(await next(count), Array.from({ length: count }));
    t.is(target.requests.length, count);
    t.is(target.connections.length, count);
    const [wait = 0] = clock.waiting;
    t.true(wait >= 9000 && wait <= 10_000);
    clock.advance(wait);
  }
  const [request] = target.requests;
  t.like(request, { method: 'GET', target: '/health?deep' });
  t.deepEqual(request?.values('host'), [`127.0.0.1:${target.port}`]);
  t.deepEqual(request?.values('authorization'), ['Basic eDp5']);
  t.deepEqual(request?.values('x-user'), []);
});

const ANSWERS: readonly (readonly [title: string, answer: UpstreamAnswer, ailment: RegExp | undefined])[] = [
  ['200', () => rawResponse(200, 'ok'), undefined],
  ['302', () => rawResponse(302), undefined],
  ['103, then 200', () => `HTTP/1.1 103 Hints\r\n\r\n${rawResponse(200)}`, undefined],
  ['a body without end', () => 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', undefined],
  ['400', () => rawResponse(400), /answered with 400/],
  ['503', () => rawResponse(503), /answered with 503/],
  ['a reset', (_request, socket) => void socket.resetAndDestroy(), /failed: .*(?:ECONNRESET|hang up)/],
  ['another protocol', () => 'SSH-2.0-OpenSSH_9.6\r\n', /failed: Parse Error/],
];

for (const [title, answer, ailment] of ANSWERS) {
  test(`a target that answers with ${title} is ${ailment ? 'not ' : ''}well`, async (t) => {
    const target = await startTarget(t, answer);
    const { check, next } = makeCheck(t, target.url);
    check.start();
    const [found] = await next(1);
    if (ailment) t.regex(found ?? '', ailment);
    else t.is(found, undefined);
    await target.waitUntil(() => target.connections.every(({ open }) => !open), 'its connection is not kept');
  });
}

test('a target that says nothing is not well after the interval, or the times of its upstream if they are shorter', async (t) => {
  for (const [timeouts, deadline] of [
    [{}, 10_000],
    [{ connect: '1s', response: '2s' }, 3000],
  ] as const) {
    const target = await startTarget(t, () => undefined);
    const { check, clock, next } = makeCheck(t, target.url, { timeouts });
    check.start();
    await target.waitForRequests(1);
    t.deepEqual(clock.waiting, [deadline]);
    clock.advance(deadline);
    t.regex((await next(1))[0] ?? '', /no answer within/);
    await target.waitUntil(() => target.connections[0]?.open === false, 'the connection is let go');
  }
});

test('a check that is stopped asks no more, and tells nothing of what it was asking', async (t) => {
  const target = await startTarget(t, () => undefined);
  const { check, clock, found } = makeCheck(t, target.url);
  check.start();
  await target.waitForRequests(1);
  check.stop();
  await target.waitUntil(() => target.connections[0]?.open === false, 'the connection is let go');
  t.deepEqual(clock.waiting, []);
  t.deepEqual(found, []);
});

needsOpenssl('a check verifies its target like requests do, and greets it by the same name', async (t) => {
  const authority = makeAuthority();
  const names: (string | false)[] = [];
  const server = createHttpsServer(authority.issue(), (request, response) => {
    names.push((request.socket as TLSSocket & { servername: string | false }).servername);
    response.end();
  });
  server.on('tlsClientError', () => {});
  const { port } = await listenOnLoopback(server);
  t.teardown(() => closeNow(server));
  for (const host of ['localhost', '127.0.0.1']) {
    const stranger = makeCheck(t, `https://${host}:${port}`, { host: 'api.example.com' });
    stranger.check.start();
    t.regex((await stranger.next(1))[0] ?? '', /failed: unable to verify/);
  }
  t.deepEqual(names, []);
});

/** A gateway before these targets, with a check every 10 s by a clock of its own, which is past the first check. */
async function startChecked(t: ExecutionContext, urls: readonly string[]) {
  const clock = new FakeClock(Date.now());
  const health = { path: '/health', interval: '10s' };
  const gateway = await startTestGateway({ upstreams: { legacy: { urls, health } }, options: { clock } });
  t.teardown(gateway.close);
  const told = gateway.waitForLine(({ msg }) => /target is left out/.test(String(msg)));
  return { gateway, clock, told };
}

test('a target that is not well gets no requests until it is, which is told once each', async (t) => {
  let status = 503;
  const sick = await startTarget(t, ({ target }) => rawResponse(target === '/health' ? status : 200, 'sick'));
  const well = await startTarget(t, () => rawResponse(200, 'well'));
  const { gateway, clock, told } = await startChecked(t, [sick.url, well.url]);
  const ask = async () => (await gateway.ask(requestBytes({ headers: [gateway.bearer()] }))).body;
  const reason = 'its health check was answered with 503';
  t.like(await told, { level: 'warn', upstream: 'legacy', target: sick.url, reason });
  t.deepEqual([await ask(), await ask(), await ask()], ['well', 'well', 'well']);
  // Looked at again, it is told nothing new.
  clock.advance(10_000);
  await sick.waitForRequests(2);
  t.deepEqual([await ask(), await ask(), await ask()], ['well', 'well', 'well']);
  status = 200;
  clock.advance(10_000);
  await gateway.waitForLine(({ msg }) => /target is back/.test(String(msg)));
  t.deepEqual([await ask(), await ask()].sort(), ['sick', 'well']);
  t.is(gateway.lines.filter(({ msg }) => /target is/.test(String(msg))).length, 2);
});

test('a target alone that is not well still gets what there is to send', async (t) => {
  const target = await startTarget(t, ({ target: path }) => rawResponse(path === '/health' ? 500 : 200, 'ok'));
  const { gateway, told } = await startChecked(t, [target.url]);
  await told;
  t.is((await gateway.ask(requestBytes({ headers: [gateway.bearer()] }))).status, 200);
});

test('checks end with the gateway', async (t) => {
  const target = await startTarget(t, () => undefined);
  const gateway = await startTestGateway({
    upstreams: { legacy: { url: target.url, health: { path: '/health', interval: '10s' } } },
  });
  await target.waitForRequests(1);
  await gateway.close();
  await t.notThrowsAsync(
    target.waitUntil(() => target.connections[0]?.open === false, 'the look that is under way is given up'),
  );
});
