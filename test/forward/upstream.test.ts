import { createServer } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { type Holding, Holdings } from '../../src/forward/share.ts';
import type { Target } from '../../src/forward/target.ts';
import { type Picked, type Sending, Upstream } from '../../src/forward/upstream.ts';
import { FakeClock } from '../support/clock.ts';
import { listenOnLoopback, quietPort } from '../support/listen.ts';
import {
  type RecordingUpstream,
  rawResponse,
  startRecordingUpstream,
  type UpstreamAnswer,
} from '../support/upstream.ts';
import { routeOf } from './facts.ts';

/** What the upstream told, a line each. */
function observed() {
  const lines: string[] = [];
  return {
    lines,
    observer: {
      targetLeftOut: (_upstream: string, target: string) => void lines.push(`out ${target}`),
      targetBack: (_upstream: string, target: string) => void lines.push(`back ${target}`),
    },
  };
}

function makeUpstream(t: ExecutionContext, settings: object) {
  const clock = new FakeClock();
  const { lines, observer } = observed();
  const { upstream: entry } = routeOf({}, { url: undefined, ...settings });
  const upstream = new Upstream(entry, { clock, observer });
  t.teardown(() => upstream.destroy());
  return { upstream, clock, lines };
}

async function startTarget(t: ExecutionContext, answer?: UpstreamAnswer): Promise<RecordingUpstream> {
  const target = await startRecordingUpstream(answer);
  t.teardown(target.close);
  return target;
}

/** A port that nobody listens on. */
function nobody(): { readonly url: string; readonly port: number } {
  const port = quietPort();
  return { url: `http://127.0.0.1:${port}`, port };
}

/** A request as an exchange makes it, which is not sent again. Settles when it is over. */
class Plain implements Sending {
  readonly options;
  target: Target | undefined;
  behind: Sending['behind'];
  ahead: Sending['ahead'];
  readonly fresh = false;
  readonly holding: Holding | undefined;
  /** Where it went, and how that ended. */
  readonly over: Promise<readonly [url: string | undefined, error: Error | undefined]>;
  readonly #upstream: Upstream;
  #url: string | undefined;
  #settle: (error: Error | undefined) => void = () => {};

  constructor(upstream: Upstream, path = '/', client?: Holdings) {
    this.#upstream = upstream;
    this.holding = client?.of(upstream);
    this.options = { method: 'GET' as const, path, headers: ['Host', 'api.example.com'], body: null };
    this.over = new Promise((resolve) => {
      this.#settle = (error) => resolve([this.#url, error]);
    });
    upstream.send(this);
  }

  sent(target: Target): void {
    this.#url = target.url;
  }

  onConnect(): void {
    this.target?.reached();
  }

  onHeaders(): boolean {
    return true;
  }

  onData(): boolean {
    return true;
  }

  onComplete(): void {
    this.#upstream.leave(this);
    this.#settle(undefined);
  }

  onError(error: Error): void {
    this.#upstream.leave(this, error);
    this.#settle(error);
  }
}

/** Where so many requests, one after the other, go. */
async function wander(upstream: Upstream, count: number): Promise<(string | undefined)[]> {
  const urls: (string | undefined)[] = [];
  for (let index = 0; index < count; index++) urls.push((await new Plain(upstream).over)[0]);
  return urls;
}

test('a target that can not be connected to is left out for a growing while, and tried by one request after it', async (t) => {
  const gone = nobody();
  const here = await startTarget(t);
  const { upstream, clock, lines } = makeUpstream(t, { urls: [gone.url, here.url] });
  const whiles: number[] = [];
  for (let round = 0; round < 8; round++) {
    const [first] = await wander(upstream, 1);
    t.is(first, gone.url, `trial ${round}`);
    t.deepEqual(await wander(upstream, 3), [here.url, here.url, here.url], `left out ${round}`);
    const [wait] = clock.waiting as [number];
    whiles.push(wait);
    clock.advance(wait - 1);
    t.deepEqual(await wander(upstream, 1), [here.url]);
    clock.advance(1);
  }
  for (const [index, longest] of [1, 2, 4, 8, 16, 30, 30, 30].entries()) {
    const wait = (whiles[index] as number) / 1000;
    t.true(wait <= longest && wait >= longest * 0.8, `${whiles}`);
  }
  t.deepEqual(lines, [`out ${gone.url}`]);
});

test('while a trial is under way, others go elsewhere; when it succeeds, the target is one like others', async (t) => {
  const gone = nobody();
  const here = await startTarget(t);
  const { upstream, clock, lines } = makeUpstream(t, { urls: [gone.url, here.url] });
  await wander(upstream, 1);
  clock.advance(1000);
  const back = createServer((socket) => {
    socket.on('error', () => {}).on('data', () => socket.end(rawResponse(200, 'back')));
  });
  await listenOnLoopback(back, gone.port);
  t.teardown(async () => void (await new Promise((resolve) => back.close(resolve))));
  const trial = new Plain(upstream);
  const others = [new Plain(upstream), new Plain(upstream)];
  t.deepEqual(await Promise.all(others.map(async ({ over }) => (await over)[0])), [here.url, here.url]);
  t.deepEqual(await trial.over, [gone.url, undefined]);
  t.deepEqual(lines, [`out ${gone.url}`, `back ${gone.url}`]);
  t.deepEqual(clock.waiting, []);
  t.deepEqual(new Set(await wander(upstream, 2)), new Set([gone.url, here.url]));
});

test('when all are out, the one that is due soonest is tried', async (t) => {
  const [one, other] = [nobody(), nobody()];
  const { upstream, clock } = makeUpstream(t, { urls: [one.url, other.url] });
  t.deepEqual(await wander(upstream, 1), [one.url]);
  clock.advance(500);
  // The other one fails later, so that the first one is due sooner.
  t.deepEqual(await wander(upstream, 1), [other.url]);
  t.deepEqual(await wander(upstream, 3), [one.url, one.url, one.url]);
});

test('a target alone is always tried, and never told to be left out', async (t) => {
  const gone = nobody();
  const { upstream, lines } = makeUpstream(t, { urls: [gone.url] });
  t.deepEqual(await wander(upstream, 3), [gone.url, gone.url, gone.url]);
  t.deepEqual(lines, []);
});

test('who waits is served when a target comes back', async (t) => {
  const gone = nobody();
  const busy = await startTarget(t, () => undefined);
  const { upstream, clock } = makeUpstream(t, { urls: [gone.url, busy.url], connections: 1, queue: 1 });
  await wander(upstream, 1);
  const hanging = new Plain(upstream);
  await busy.waitForRequests(1);
  t.true(upstream.hasRoom(undefined));
  const waiting = new Plain(upstream);
  t.is(waiting.target, undefined);
  t.false(upstream.hasRoom(undefined));
  clock.advance(1000);
  t.is(waiting.target?.url, gone.url);
  t.is((await waiting.over)[0], gone.url);
  await upstream.destroy();
  t.regex(String((await hanging.over)[1]), /destroyed|closed/);
});

function pickFrom(upstream: Upstream): Picked {
  const picked = upstream.pick();
  if (picked === undefined) throw new Error('there is no place');
  return picked;
}

test('there are as many picked connections as the pools may have, and a place that is left is free again', async (t) => {
  const [one, other] = [await startTarget(t), await startTarget(t)];
  const { upstream } = makeUpstream(t, { urls: [one.url, other.url], connections: 1 });
  const [first] = [pickFrom(upstream), pickFrom(upstream)];
  t.is(upstream.pick(), undefined);
  first.leave();
  first.leave();
  t.truthy(upstream.pick());
  t.is(upstream.pick(), undefined);
});

test('a picked connection counts as busy until it leaves, and takes no connection from others', async (t) => {
  const [one, other] = [await startTarget(t), await startTarget(t)];
  const { upstream } = makeUpstream(t, { urls: [one.url, other.url], connections: 1 });
  const picked = pickFrom(upstream);
  t.like(picked, { url: one.url, host: new URL(one.url).host, tls: undefined });
  t.deepEqual(await wander(upstream, 3), [other.url, other.url, other.url]);
  const second = pickFrom(upstream);
  t.is(second.url, other.url);
  t.deepEqual(new Set(await wander(upstream, 2)), new Set([one.url, other.url]));
  picked.leave();
  picked.leave();
  t.deepEqual(await wander(upstream, 2), [one.url, one.url]);
  second.leave();
});

test('a picked connection that can not be made leaves its target out', async (t) => {
  const [one, other] = [nobody(), await startTarget(t)];
  const { upstream, clock, lines } = makeUpstream(t, { urls: [one.url, other.url] });
  const picked = pickFrom(upstream);
  picked.unreachable(new Error('refused'));
  picked.leave();
  t.deepEqual(lines, [`out ${one.url}`]);
  t.is(pickFrom(upstream).url, other.url);
  clock.advance(1000);
  const trial = pickFrom(upstream);
  t.is(trial.url, one.url);
  t.is(pickFrom(upstream).url, other.url);
  trial.reached();
  t.deepEqual(lines, [`out ${one.url}`, `back ${one.url}`]);
});

test('close lets what is under way and what waits come to its end', async (t) => {
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const target = await startTarget(t, async () => {
    await released;
    return rawResponse(200, 'ok');
  });
  const { upstream } = makeUpstream(t, { urls: [target.url], connections: 1 });
  const [first, second] = [new Plain(upstream), new Plain(upstream)];
  await target.waitForRequests(1);
  let closed = false;
  const closing = upstream.close().then(() => {
    closed = true;
  });
  t.false(closed);
  release();
  t.deepEqual(await first.over, [target.url, undefined]);
  t.deepEqual(await second.over, [target.url, undefined]);
  await closing;
  await target.waitUntil(() => target.connections.every(({ open }) => !open), 'its connections are closed');
});

test('destroy ends what is under way and what waits, and forgets its timers', async (t) => {
  const target = await startTarget(t, () => undefined);
  const gone = nobody();
  const { upstream, clock } = makeUpstream(t, { urls: [gone.url, target.url], connections: 1 });
  await wander(upstream, 1);
  const [first, second] = [new Plain(upstream), new Plain(upstream)];
  await target.waitForRequests(1);
  t.is(clock.waiting.length, 1);
  await upstream.destroy();
  for (const { over } of [first, second]) t.truthy((await over)[1]);
  t.deepEqual(clock.waiting, []);
});

test('what undici will not send is an error, and its place is free again', async (t) => {
  const target = await startTarget(t);
  const { upstream } = makeUpstream(t, { urls: [target.url], connections: 1, queue: 0 });
  const [, error] = await new Plain(upstream, '/\r\n').over;
  t.like(error, { code: 'UND_ERR_INVALID_ARG' });
  t.true(upstream.hasRoom(undefined));
  t.deepEqual(await new Plain(upstream).over, [target.url, undefined]);
});

test('the figures of an upstream say what waits, what is busy and which endpoints are ejected', async (t) => {
  const gone = nobody();
  const busy = await startTarget(t, () => undefined);
  const { upstream } = makeUpstream(t, { urls: [gone.url, busy.url], connections: 1, queue: 5 });
  const endpoint = (url: string, over: object = {}) => ({ url, healthy: true, busy: 0, upgraded: 0, ...over });
  t.deepEqual(upstream.figures(), { name: 'legacy', queued: 0, endpoints: [endpoint(gone.url), endpoint(busy.url)] });
  await wander(upstream, 1);
  const picked = pickFrom(upstream);
  const [first, second, third] = [new Plain(upstream), new Plain(upstream), new Plain(upstream)];
  t.deepEqual(upstream.figures(), {
    name: 'legacy',
    queued: 2,
    endpoints: [endpoint(gone.url, { healthy: false }), endpoint(busy.url, { busy: 1, upgraded: 1 })],
  });
  picked.leave();
  await upstream.destroy();
  await Promise.all([first, second, third].map(({ over }) => over));
  t.like(upstream.figures(), { queued: 0 });
  t.deepEqual(
    upstream.figures().endpoints.map((one) => one.busy + one.upgraded),
    [0, 0],
  );
});

/** Answers each request when its test says so, be that before or after it has arrived. */
async function startHeld(t: ExecutionContext) {
  const gates = new Map<string, { readonly opened: Promise<void>; readonly open: () => void }>();
  const gateOf = (path: string) => {
    const known = gates.get(path);
    if (known !== undefined) return known;
    let open = () => {};
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    const gate = { opened, open };
    gates.set(path, gate);
    return gate;
  };
  const target = await startTarget(t, async ({ target: path }) => {
    await gateOf(path).opened;
    return rawResponse(200, 'ok');
  });
  const arrived = (count: number) =>
    target.waitUntil(() => target.requests.length === count, `${count} requests`, 30_000);
  return { target, arrived, release: (path: string) => gateOf(path).open() };
}

test('one client has a quarter of the connections while others wait, and before that never all', async (t) => {
  const { target, arrived, release } = await startHeld(t);
  const { upstream } = makeUpstream(t, { urls: [target.url], connections: 8, queue: 100 });
  const [greedy, honest, third] = [new Holdings(), new Holdings(), new Holdings()];
  const all = Array.from({ length: 20 }, (_, index) => new Plain(upstream, `/greedy/${index}`, greedy));
  await arrived(7);
  t.like(upstream.figures(), { queued: 13, endpoints: [{ busy: 7 }] });
  // Another one is served at once, whatever waits before it.
  const others = [new Plain(upstream, '/other/0', honest)];
  t.truthy(others[0]?.target);
  await arrived(8);
  // What comes free goes past the one that has more than its share, to those that came behind it.
  others.push(new Plain(upstream, '/other/1', honest), new Plain(upstream, '/other/2', third));
  others.push(new Plain(upstream, '/other/3', third), new Plain(upstream, '/other/4', new Holdings()));
  for (const count of [9, 10, 11, 12]) {
    release(`/greedy/${count - 9}`);
    await all[count - 9]?.over;
    await arrived(count);
    t.is(target.requests.at(-1)?.target, `/other/${count - 8}`);
  }
  // Nobody else waits any more: it gets what comes free, but for the last place.
  release('/greedy/4');
  release('/other/0');
  await arrived(13);
  t.is(target.requests.at(-1)?.target, '/greedy/7');
  for (const index of others.keys()) release(`/other/${index}`);
  for (const index of all.keys()) release(`/greedy/${index}`);
  const results = await Promise.all([...all, ...others].map(({ over }) => over));
  t.true(results.every(([, error]) => error === undefined));
  t.deepEqual(greedy.of(upstream), { upstream, underWay: 0, waiting: 0 });
});

test('one client fills no queue', async (t) => {
  const target = await startTarget(t, () => undefined);
  const { upstream } = makeUpstream(t, { urls: [target.url], connections: 1, queue: 8 });
  const [greedy, honest] = [new Holdings(), new Holdings()];
  const all: Plain[] = [];
  while (upstream.hasRoom(greedy.of(upstream)) && all.length < 100) all.push(new Plain(upstream, '/', greedy));
  t.is(all.length, 1 + 7);
  t.true(upstream.hasRoom(honest.of(upstream)));
  all.push(new Plain(upstream, '/', honest));
  t.false(upstream.hasRoom(honest.of(upstream)));
  t.false(upstream.hasRoom(undefined));
  await upstream.destroy();
  await Promise.all(all.map(({ over }) => over));
  t.deepEqual(greedy.of(upstream), { upstream, underWay: 0, waiting: 0 });
});

test('where there is one connection, every client may have it', async (t) => {
  const target = await startTarget(t);
  const { upstream } = makeUpstream(t, { urls: [target.url], connections: 1, queue: 1 });
  for (const client of [new Holdings(), new Holdings()]) {
    t.is((await new Plain(upstream, '/', client).over)[1], undefined);
  }
});

test('a client connection keeps no upstream that it has nothing of any more', (t) => {
  const holdings = new Holdings();
  const [one, other] = [{}, {}];
  const held = holdings.of(one);
  held.underWay = 1;
  holdings.of(other);
  t.is(holdings.of(one), held);
  held.underWay = 0;
  holdings.of({});
  t.not(holdings.of(one), held);
});
