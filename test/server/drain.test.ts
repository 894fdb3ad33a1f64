import test from 'ava';
import { codeOf, requestBytes, startBehind } from '../support/gateway.ts';
import { connectRaw } from '../support/raw-client.ts';
import { until } from '../support/until.ts';

test('while it leaves, requests are served and told to close, and readiness says so', async (t) => {
  const { gateway } = await startBehind(t, { drain: { delay: '3s' } });
  const draining = gateway.server.drain('SIGTERM');
  const ready = await fetch(`${gateway.adminUrl}/readyz`);
  t.is(ready.status, 503);
  t.true(((await ready.json()) as { draining: boolean }).draining);
  const answer = await gateway.ask(requestBytes({ headers: [gateway.bearer()] }));
  t.is(answer.status, 200);
  t.is(answer.header('connection'), 'close');
  await draining;
  await t.throwsAsync(fetch(gateway.url), undefined, 'nobody listens any more');
});

test('a request under way is finished, and one behind it on the same connection is sent elsewhere', async (t) => {
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const { gateway, upstream } = await startBehind(t, {}, async () => {
    await released;
    return 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
  });
  const slow = await connectRaw(gateway.port);
  slow.write(requestBytes({ target: '/slow', headers: [gateway.bearer()] }));
  await upstream.waitForRequests(1);
  // Half a head now, the rest once the gateway drains: the way a connection that is in use looks at that moment.
  const late = await connectRaw(gateway.port);
  late.write('GET /late HTTP/1.1\r\n');
  const draining = gateway.server.drain('SIGTERM');
  await gateway.waitForLine(({ msg }) => String(msg).startsWith('no new requests'));
  late.write('Host: a\r\n\r\n');
  const [refused] = (await late.read()).responses;
  t.is(refused?.status, 503);
  t.is(refused && codeOf(refused), 'gateway.draining');
  t.is(refused?.header('connection'), 'close');
  t.regex(refused?.header('retry-after') ?? '', /^\d+$/);
  release();
  const [answer] = (await slow.read()).responses;
  t.is(answer?.status, 200);
  t.is(answer?.body, 'ok');
  await draining;
});

test('what takes longer than its time is cut, and the shutdown ends', async (t) => {
  const { gateway, upstream } = await startBehind(t, { drain: { delay: '0s', timeout: '200ms' } }, () => undefined);
  const stuck = await connectRaw(gateway.port);
  stuck.write(requestBytes({ headers: [gateway.bearer()] }));
  await upstream.waitForRequests(1);
  await gateway.server.drain('SIGTERM');
  const [last, stopped] = gateway.lines.slice(-2);
  t.like(last, { aborted: true, path: '/' }, 'its line is written, and before the last one');
  t.like(stopped, { msg: 'stopped', cut: 1 });
  t.not((await stuck.read({ until: 'close' })).ended, 'timeout');
});

test('a kept connection closes behind the answer that was under way, and the shutdown does not wait for more', async (t) => {
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const { gateway, upstream } = await startBehind(
    t,
    { drain: { delay: '0s', timeout: '5m' } },
    async ({ target }, socket) => {
      if (target === '/begun') socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no');
      await released;
      return target === '/begun' ? 'k' : 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
    },
  );
  const ask = async (target: string) => {
    const client = await connectRaw(gateway.port);
    t.teardown(async () => client.destroy());
    client.write(requestBytes({ target, headers: [gateway.bearer()] }));
    return client;
  };
  const [begun, unbegun] = [await ask('/begun'), await ask('/unbegun')];
  await upstream.waitForRequests(2);
  const isBegun = async () => (await begun.read({ until: 'timeout', timeoutMs: 10 })).raw.endsWith('o');
  await until(isBegun, 'the beginning of the answer');
  const draining = gateway.server.drain('SIGTERM');
  await gateway.waitForLine(({ msg }) => String(msg).startsWith('no new requests'));
  release();
  for (const [client, connection] of [
    [begun, 'keep-alive'],
    [unbegun, 'close'],
  ] as const) {
    const { responses, ended } = await client.read({ until: 'close' });
    t.is(responses[0]?.body, 'ok');
    t.is(responses[0]?.header('connection'), connection);
    t.is(ended, 'close');
  }
  await draining;
});
