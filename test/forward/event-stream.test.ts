import test, { type ExecutionContext } from 'ava';
import { FakeClock } from '../support/clock.ts';
import { codeOf, requestBytes, startBehind } from '../support/gateway.ts';
import { connectRaw, type RawConnection } from '../support/raw-client.ts';
import { until } from '../support/until.ts';

const START = Date.UTC(2026, 10, 22, 10);
const EVENTS =
  'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n';
const EVENT = '9\r\ndata: 1\n\n\r\n';

async function underClock(t: ExecutionContext, route: object = {}, head = EVENTS) {
  const clock = new FakeClock(START);
  const world = await startBehind(
    t,
    {
      options: { clock },
      routes: [{ id: 'all', match: { path: '/**' }, ...route }],
      issuer: { clockTolerance: '10s' },
    },
    () => head + EVENT,
  );
  const ask = async (seconds: number, version = 'HTTP/1.1') => {
    const headers = [world.gateway.bearer({ iat: START / 1000, exp: START / 1000 + seconds })];
    const client = await connectRaw(world.gateway.port);
    t.teardown(async () => client.destroy());
    client.write(requestBytes({ headers, version }));
    await hears(client, 'data: 1');
    return client;
  };
  return { ...world, clock, ask };
}

async function hears(client: RawConnection, text: string): Promise<void> {
  await until(async () => (await client.read({ until: 'timeout', timeoutMs: 5 })).raw.includes(text), text);
}

async function openStreams(adminUrl: string): Promise<string | undefined> {
  const page = await (await fetch(`${adminUrl}/metrics`)).text();
  return /^bearergate_open_streams (\d+)$/m.exec(page)?.[1];
}

test('an event stream ends when its token does, with all that came, and does not look complete', async (t) => {
  const { gateway, upstream, clock, ask } = await underClock(t, { streams: { grace: '20s' } });
  const client = await ask(300);
  t.is(await openStreams(gateway.adminUrl), '1');
  clock.advance(329_000);
  t.is((await client.read({ until: 'timeout', timeoutMs: 50 })).ended, 'timeout');
  clock.advance(1_000);
  const { raw, responses, ended } = await client.read({ until: 'close' });
  t.is(ended, 'close');
  t.true(raw.endsWith(EVENT), 'without the last chunk');
  t.false(responses[0]?.complete);
  await upstream.waitUntil(() => upstream.connections[0]?.open === false, 'the upstream is let go');
  client.end();
  t.like(await gateway.waitForLine(({ status }) => status === 200), {
    msg: 'served',
    ended: 'token ended',
    aborted: undefined,
  });
  t.is(await openStreams(gateway.adminUrl), '0');
  // Who comes again with the same token learns why.
  const again = await gateway.ask(
    requestBytes({ headers: [gateway.bearer({ iat: START / 1000, exp: START / 1000 + 300 })] }),
  );
  t.is(codeOf(again), 'token.expired');
});

test('one whose end is the close of its connection ends by a reset', async (t) => {
  const { clock, ask } = await underClock(t);
  const client = await ask(300, 'HTTP/1.0');
  clock.advance(310_000);
  t.is((await client.read({ until: 'close' })).ended, 'reset');
});

test('other answers, public routes, and routes that say so outlive the token', async (t) => {
  const cases = [
    await underClock(t, {}, EVENTS.replace('text/event-stream', 'text/event-streams')),
    await underClock(t, { auth: 'public' }),
    await underClock(t, { streams: { endWithToken: false } }),
  ];
  for (const { gateway, clock, ask } of cases) {
    const client = await ask(300);
    clock.advance(86_400_000);
    t.is((await client.read({ until: 'timeout', timeoutMs: 50 })).ended, 'timeout');
    t.regex((await openStreams(gateway.adminUrl)) ?? '', /^[01]$/);
  }
});

test('a stream is counted until either side ends it', async (t) => {
  const { gateway, upstream, clock, ask } = await underClock(t);
  const waiting = clock.waiting.length;
  const one = await ask(300);
  const two = await ask(300);
  t.is(await openStreams(gateway.adminUrl), '2');
  one.destroy();
  await gateway.waitForLine(({ msg }) => msg === 'aborted');
  upstream.requests[1]?.connection.socket.write('0\r\n\r\n');
  t.true((await two.read()).responses[0]?.complete);
  t.is(await openStreams(gateway.adminUrl), '0');
  t.is(clock.waiting.length, waiting, 'no timer is left');
});
