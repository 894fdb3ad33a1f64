import { createServer } from 'node:http';
import test, { type ExecutionContext } from 'ava';
import type { Outcome } from '../../src/outcome.ts';
import { RawToken } from '../../src/token/raw-token.ts';
import { type Ask, ask } from '../../src/verify/ask.ts';
import { TokenCache } from '../../src/verify/cache.ts';
import { CachedVerifier } from '../../src/verify/cached.ts';
import { KeySet } from '../../src/verify/keys.ts';
import { JwtVerifier } from '../../src/verify/kinds/jwt.ts';
import type { KeySettings } from '../../src/verify/settings.ts';
import type { Verified } from '../../src/verify/verifier.ts';
import { FakeClock } from '../support/clock.ts';
import { codeOf, requestBytes, startBehind, type TestGateway } from '../support/gateway.ts';
import { issuerSettings, KeyLog } from '../support/issuers.ts';
import {
  accessClaims,
  compactToken,
  type KeyServerBehaviour,
  makeKey,
  serveJwks,
  signToken,
  type TestKey,
} from '../support/keys.ts';
import { closeNow, listenOnLoopback } from '../support/listen.ts';
import { until } from '../support/until.ts';

// Outages of an identity provider, played through: one that really refuses, hangs or talks nonsense, over HTTP.

const OLD = makeKey('ES256', 'old');
const NEW = makeKey('ES256', 'new');
const MINUTE = 60_000;
/** Short, so that a whole outage is a dozen fetches. */
const KEYS = { refresh: MINUTE, maxStale: 3 * MINUTE, timeout: 10_000 };
/** What is waited for in vain goes on side by side, after all the rest: those tests sleep, and no work makes them late. */
const HANG = { timeout: 1_000, run: test };
const OTHERS = { timeout: 10_000, run: test.serial };

/** A provider that can fail and come back. */
interface Provider {
  readonly issuer: string;
  readonly jwksUri: string;
  fail(): Promise<void>;
  recover(): Promise<void>;
  close(): Promise<void>;
}

async function failingBy(behaviour: KeyServerBehaviour): Promise<Provider> {
  const server = await serveJwks([OLD]);
  const { issuer, jwksUri, close } = server;
  return { issuer, jwksUri, close, fail: () => server.behave(behaviour), recover: () => server.behave('serve') };
}

/** Sends 64 MiB where a key set belongs, and counts how much of it is taken. */
async function flooding(taken: { bytes: number }): Promise<Provider> {
  let floods = false;
  const server = createServer((_, response) => {
    if (!floods) return void response.end(JSON.stringify({ keys: [OLD.jwk] }));
    const chunk = Buffer.alloc(64 * 1024, ' ');
    let left = 1024;
    const more = () => {
      while (left > 0 && !response.destroyed) {
        left -= 1;
        taken.bytes += chunk.length;
        if (!response.write(chunk)) return void response.once('drain', more);
      }
      response.end();
    };
    more();
  });
  const { url } = await listenOnLoopback(server);
  const set = (value: boolean) => async () => {
    floods = value;
  };
  return { issuer: url, jwksUri: `${url}/jwks`, fail: set(true), recover: set(false), close: () => closeNow(server) };
}

function world(t: ExecutionContext, provider: Provider, keys: Partial<KeySettings> = KEYS) {
  const clock = new FakeClock();
  const log = new KeyLog();
  const source = { kind: 'url', url: provider.jwksUri } as const;
  const settings = issuerSettings({ issuer: provider.issuer }, { source, ...keys });
  const set = new KeySet(settings, clock, ask, log);
  t.teardown(async () => {
    set.close();
    await provider.close();
  });
  const cache = new TokenCache({ maxEntries: 1000, maxAge: MINUTE, rejectedFor: 10_000 });
  const verifier = new CachedVerifier([new JwtVerifier(settings, set)], cache, clock.now);
  const verify = (token: string) => verifier.verify(new RawToken(token), clock.now());
  const sign = (key: TestKey = OLD, header: Record<string, unknown> = {}, claims: Record<string, unknown> = {}) =>
    signToken(key, accessClaims({ iss: provider.issuer, ...claims }, clock.now()), header);
  /** Lets time pass up to `until`; the fetch that comes due, if one does, is awaited, and `during` runs while it is under way. */
  const pass = async (until: number, during: () => Promise<void>) => {
    while (clock.now() < until) {
      const [wait = Number.POSITIVE_INFINITY] = clock.waiting;
      const fetched = clock.now() + wait < until ? log.next() : undefined;
      clock.advance(Math.min(wait, until - clock.now()));
      await during();
      await fetched;
    }
  };
  return { clock, log, set, settings, cache, verify, sign, pass };
}

function told(outcome: Outcome<Verified>): string {
  return outcome.ok ? 'accepted' : outcome.fault.code;
}

const OUTAGES: readonly (readonly [how: string, seen: RegExp, provider: () => Promise<Provider>])[] = [
  ['refuses connections', /ECONNREFUSED/, () => failingBy('refuse')],
  ['hangs', /did not answer within 1000 ms/, () => failingBy('hang')],
  ['resets connections', /ECONNRESET|other side closed|UND_ERR_SOCKET/, () => failingBy('reset')],
  ['answers 500', /answered 500/, () => failingBy('error')],
  ['answers HTML', /did not answer JSON/, () => failingBy('html')],
  ['answers 64 MiB', /answered more than 524288 bytes/, () => flooding({ bytes: 0 })],
  ['answers a redirect', /answered 302/, () => failingBy('redirect')],
  ['answers an empty set', /the key set is empty/, () => failingBy('empty')],
  ['answers half a document', /did not answer JSON/, () => failingBy('bad-json')],
];

for (const [how, seen, start] of OUTAGES) {
  const { timeout, run } = how === 'hangs' ? HANG : OTHERS;
  run(
    `a provider that ${how}: known keys go on until \`maxStale\`, then it is 503 and never 401, and it heals by itself`,
    async (t) => {
      const provider = await start();
      const { clock, log, set, verify, sign, pass } = world(t, provider, { ...KEYS, timeout });
      await set.start();
      const end = clock.now() + KEYS.maxStale;
      const longLived = sign(OLD, {}, { exp: Math.floor(end / 1000) + 3_600 });
      t.is(told(await verify(longLived)), 'accepted');
      await provider.fail();

      let served = 0;
      await pass(end - 1, async () => {
        const outcomes = [verify(sign()), verify(longLived)];
        t.false(outcomes[1] instanceof Promise, 'a remembered token never waits');
        for (const outcome of outcomes) t.is(told(await outcome), 'accepted', `at ${clock.now() - end}`);
        served += 1;
      });
      t.true(served > 5, `${served}`);
      t.regex(log.lines.at(-1) ?? '', seen);
      t.regex(log.lines.at(-1) ?? '', /keys still usable/);

      clock.jump(1);
      for (const token of [sign(), longLived, sign(NEW), sign(NEW, { kid: 'old' }), sign(NEW, { kid: undefined })]) {
        const outcome = await verify(token);
        t.like(outcome, { ok: false, fault: { code: 'verify.keys-unavailable', retryAfter: 5 } });
      }
      t.false(set.status(clock.now()).usable);

      await provider.recover();
      const back = clock.now();
      while (!set.status(clock.now()).usable) {
        const [wait = Number.POSITIVE_INFINITY] = clock.waiting;
        t.true(clock.now() + wait - back <= 5_000, `it would be asked only ${wait} ms from now`);
        const next = log.next();
        clock.advance(wait);
        await next;
      }
      t.is(told(await verify(sign())), 'accepted');
      t.is(told(await verify(longLived)), 'accepted', 'what was refused for the outage is not remembered');
    },
  );

  run(`a key set that starts while its provider ${how} says why, answers 503 and recovers within 5 s`, async (t) => {
    const provider = await start();
    await provider.fail();
    const { clock, log, set, verify, sign } = world(t, provider, { ...KEYS, timeout });
    await set.start();
    for (let round = 0; round < (how === 'hangs' ? 3 : 6); round += 1) {
      t.like(await verify(sign()), { ok: false, fault: { code: 'verify.keys-unavailable', retryAfter: 5 } });
      t.regex(set.status(clock.now()).error ?? '', seen);
      const next = log.next();
      clock.advance(clock.waiting[0] ?? 0);
      await next;
    }
    await provider.recover();
    const [wait = Number.POSITIVE_INFINITY] = clock.waiting;
    t.true(wait <= 4_000, `${wait}`);
    const next = log.next();
    clock.advance(wait);
    await next;
    t.is(told(await verify(sign())), 'accepted');
    t.is(set.status(clock.now()).error, undefined);
  });
}

test.serial('of 64 MiB where a key set belongs, little more than 512 KiB is taken', async (t) => {
  const taken = { bytes: 0 };
  const provider = await flooding(taken);
  await provider.fail();
  const { set } = world(t, provider, { ...KEYS, timeout: 10_000 });
  await set.start();
  t.true(taken.bytes < 16 * 1024 * 1024, `${taken.bytes}: the rest is what sockets buffer`);
});

test.serial('time that a provider let us wait in vain counts as waited', async (t) => {
  const provider = await failingBy('hang');
  await provider.fail();
  const { clock, set, log } = world(t, provider, { ...KEYS, timeout: 50 });
  const starting = set.start();
  clock.jump(5_000); // what the real timeout of 50 ms stands for
  await starting;
  t.is(log.lines.length, 1);
  t.deepEqual(clock.waiting, [200]);
});

for (const behaviour of ['serve', 'error', 'hang'] as const) {
  test.serial(
    `10,000 tokens with forged kids cause one fetch a cooldown, from a provider that does this: ${behaviour}`,
    async (t) => {
      const server = await serveJwks([OLD]);
      const provider = { ...server, fail: async () => {}, recover: async () => {} };
      const { clock, set, verify, sign } = world(t, provider, {
        cooldown: 30_000,
        timeout: 20_000,
      });
      await set.start();
      await server.behave(behaviour);
      const forged = (kid: number) =>
        compactToken(
          JSON.stringify({ alg: 'ES256', typ: 'at+jwt', kid: `forged-${kid}` }),
          JSON.stringify(accessClaims({ iss: provider.issuer }, clock.now())),
          () => Buffer.alloc(64, 1),
        );
      const answers = new Map<string, number>();
      for (let round = 0; round < 5; round += 1) {
        const before = server.requests.jwks;
        const batch = Array.from({ length: 2_000 }, (_, count) => verify(forged(round * 2_000 + count)));
        t.is(told(await verify(sign())), 'accepted', 'good traffic does not wait for it');
        if (behaviour === 'hang') {
          await until(() => server.requests.jwks > before, 'the provider is asked');
          await server.behave('error');
          await server.behave('hang');
        }
        for (const outcome of await Promise.all(batch))
          answers.set(told(outcome), (answers.get(told(outcome)) ?? 0) + 1);
        t.is(told(await verify(forged(-round))), 'token.key-unknown', 'nor does a failed fetch allow another one');
        t.is(server.requests.jwks - before, 1);
        clock.jump(30_000);
      }
      // 1024 may wait for a fetch; the others are not told that their key is unknown, since nobody knows yet.
      t.deepEqual(Object.fromEntries(answers), { 'token.key-unknown': 5 * 1024, 'verify.keys-unavailable': 5 * 976 });
    },
  );
}

for (const [title, header] of [
  ['with their kid', {}],
  ['without a kid', { kid: undefined }],
] as const) {
  test.serial(
    `tokens of a new key that come ${title}, 100 at once during the rotation, are all accepted by one fetch`,
    async (t) => {
      const server = await serveJwks([OLD]);
      const provider = { ...server, fail: async () => {}, recover: async () => {} };
      const { set, verify, sign } = world(t, provider);
      await set.start();
      const old = Array.from({ length: 20 }, () => verify(sign(OLD, header)));
      server.publish([NEW, OLD]);
      const inFlight = Array.from({ length: 100 }, () => verify(sign(NEW, header)));
      const outcomes = await Promise.all([...old, ...inFlight]);
      t.deepEqual([...new Set(outcomes.map(told))], ['accepted']);
      t.is(server.requests.jwks, 2);
    },
  );
}

test.serial(
  'a token without kid whose old keys were tried just before the new one came is not refused for the cooldown',
  async (t) => {
    const server = await serveJwks([OLD]);
    const provider = { ...server, fail: async () => {}, recover: async () => {} };
    const { settings, clock, log, sign } = world(t, provider);
    let release = () => {};
    /** Answers the first question late, with the keys of the time it was asked. */
    class SlowKeySet extends KeySet {
      #first = true;

      override find(...question: Parameters<KeySet['find']>): ReturnType<KeySet['find']> {
        const found = super.find(...question);
        if (!this.#first) return found;
        this.#first = false;
        return new Promise<void>((resolve) => {
          release = resolve;
        }).then(() => found);
      }
    }
    const set = new SlowKeySet(settings, clock, ask, log);
    t.teardown(() => set.close());
    await set.start();
    const issuer = new JwtVerifier(settings, set);
    const cache = new TokenCache({ maxEntries: 10, maxAge: MINUTE, rejectedFor: 0 });
    const verifier = new CachedVerifier([issuer], cache, clock.now);
    const verify = (token: string) => verifier.verify(new RawToken(token), clock.now());
    server.publish([NEW]);
    const early = verify(sign(NEW, { kid: undefined }));
    t.is(told(await verify(sign(NEW, { kid: undefined }))), 'accepted');
    release();
    t.is(told(await early), 'accepted');
    t.is(server.requests.jwks, 2);
  },
);

test.serial('forged tokens without kid cause one fetch a cooldown too', async (t) => {
  const server = await serveJwks([OLD]);
  const provider = { ...server, fail: async () => {}, recover: async () => {} };
  const { clock, set, verify, sign } = world(t, provider);
  await set.start();
  for (let round = 0; round < 3; round += 1) {
    for (let count = 0; count < 50; count += 1)
      t.is(told(await verify(sign(NEW, { kid: undefined }))), 'token.signature');
    t.is(server.requests.jwks, 2 + round);
    clock.jump(30_000);
  }
});

// The same through a whole gateway.

async function readiness(gateway: TestGateway) {
  const answer = await fetch(`${gateway.adminUrl}/readyz`);
  const page = (await answer.json()) as {
    ready: boolean;
    issuers: Record<string, { usable: boolean; error?: string }>;
  };
  return { status: answer.status, ...page };
}

const isAboutKeys = (line: Readonly<Record<string, unknown>>) => /keys/.test(String(line.msg));

/** A gateway whose clock is `clock`, and which counts what it asks its provider. */
async function startAsking(t: ExecutionContext, issuer: object) {
  const clock = new FakeClock();
  let asked = 0;
  const counting: Ask = (...question) => {
    asked += 1;
    return ask(...question);
  };
  const { gateway } = await startBehind(t, { issuer, options: { clock, ask: counting } });
  /** Lets time pass until the next fetch of keys has ended. Resolves with how long it took to begin, or with undefined at `end`. */
  const nextFetch = async (end = Number.POSITIVE_INFINITY): Promise<number | undefined> => {
    const [before, lines, start] = [asked, gateway.lines.filter(isAboutKeys).length, clock.now()];
    // Other timers than that of the keys may come first.
    while (asked === before) {
      const wait = Math.min(...clock.waiting);
      if (clock.now() + wait >= end) return undefined;
      clock.advance(wait);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await gateway.waitForLine((line) => isAboutKeys(line) && gateway.lines.filter(isAboutKeys).length > lines);
    // The timer of the next one is set in the turn after the line.
    await new Promise((resolve) => setImmediate(resolve));
    return clock.now() - start;
  };
  return { gateway, clock, nextFetch };
}

for (const [behaviour, seen] of [
  ['refuse', /ECONNREFUSED/],
  ['hang', /did not answer within 1000 ms/],
  ['reset', /ECONNRESET|UND_ERR_SOCKET|other side closed/],
  ['error', /answered 500/],
] as const) {
  const { timeout, run } = behaviour === 'hang' ? HANG : OTHERS;
  run(
    `through a gateway whose provider does this: ${behaviour}, requests are served until \`maxStale\` and then get 503`,
    async (t) => {
      const server = await serveJwks([OLD]);
      const keys = { url: server.jwksUri, refresh: '1m', maxStale: '3m', timeout: `${timeout}ms` };
      const { gateway, clock, nextFetch } = await startAsking(t, { issuer: server.issuer, keys });
      t.teardown(() => server.close());
      const ask = (key: TestKey = OLD) => {
        const token = signToken(key, accessClaims({ iss: server.issuer }, clock.now()));
        return gateway.ask(requestBytes({ headers: [['Authorization', `Bearer ${token}`]] }));
      };
      const end = clock.now() + 3 * MINUTE;
      t.is((await ask()).status, 200);
      t.like(await readiness(gateway), { status: 200, ready: true });
      await server.behave(behaviour);
      let fetches = 0;
      for (; (await nextFetch(end)) !== undefined; fetches += 1) t.is((await ask()).status, 200);
      t.true(fetches > 5, `${fetches}`);
      const failing = await readiness(gateway);
      t.is(failing.status, 200, 'an outage that is bridged is no reason to take the gateway out');
      t.regex(failing.issuers.main?.error ?? '', seen);

      clock.jump(end - clock.now());
      for (const key of [OLD, NEW]) {
        const refused = await ask(key);
        t.is(refused.status, 503);
        t.is(codeOf(refused), 'verify.keys-unavailable');
        t.is(refused.header('retry-after'), '5');
        t.is(refused.header('www-authenticate'), undefined);
      }
      const down = await readiness(gateway);
      t.is(down.status, 503);
      t.false(down.issuers.main?.usable);
      t.regex(down.issuers.main?.error ?? '', seen);

      await server.behave('serve');
      let waited = 0;
      while ((await readiness(gateway)).status !== 200) {
        waited += (await nextFetch()) ?? 0;
        t.true(waited <= 5_000, `${waited}`);
      }
      t.is((await ask()).status, 200);
      t.is(gateway.lines.filter(({ status }) => status === 401).length, 0);
    },
  );

  run(`a gateway started while its provider does this: ${behaviour}, says so and recovers within 5 s`, async (t) => {
    const server = await serveJwks([OLD]);
    await server.behave(behaviour);
    const keys = { url: server.jwksUri, timeout: `${timeout}ms` };
    const { gateway, clock, nextFetch } = await startAsking(t, { issuer: server.issuer, keys });
    t.teardown(() => server.close());
    const ask = () => {
      const token = signToken(OLD, accessClaims({ iss: server.issuer }, clock.now()));
      return gateway.ask(requestBytes({ headers: [['Authorization', `Bearer ${token}`]] }));
    };
    const line = await gateway.waitForLine(isAboutKeys);
    t.like(line, { level: 'error', issuer: 'main', msg: 'no usable keys: tokens of this issuer get 503' });
    t.regex(String(line.error), seen);
    for (let round = 0; round < (behaviour === 'hang' ? 2 : 4); round += 1) {
      const down = await readiness(gateway);
      t.is(down.status, 503);
      t.regex(down.issuers.main?.error ?? '', seen);
      const refused = await ask();
      t.is(refused.status, 503);
      t.is(refused.header('retry-after'), '5');
      await nextFetch();
    }
    await server.behave('serve');
    t.true(Number(await nextFetch()) <= 5_000);
    t.is((await readiness(gateway)).status, 200);
    t.is((await ask()).status, 200);
  });
}

test.serial('a rotation while 100 requests are on their way through a gateway fails none of them', async (t) => {
  const server = await serveJwks([OLD]);
  const { gateway, upstream } = await startBehind(t, {
    issuer: { issuer: server.issuer, keys: { url: server.jwksUri } },
  });
  t.teardown(() => server.close());
  const ask = (key: TestKey, header: Record<string, unknown>) => {
    const token = signToken(key, accessClaims({ iss: server.issuer }), header);
    return gateway.ask(requestBytes({ headers: [['Authorization', `Bearer ${token}`]] }));
  };
  const answers = Array.from({ length: 50 }, () => ask(OLD, {}));
  server.publish([OLD, NEW]);
  for (let count = 0; count < 50; count += 1) answers.push(ask(NEW, count % 2 ? {} : { kid: undefined }));
  t.deepEqual([...new Set((await Promise.all(answers)).map(({ status }) => status))], [200]);
  t.is(upstream.requests.length, 100);
  t.is(server.requests.jwks, 2);
});
