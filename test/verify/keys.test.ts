import test, { type ExecutionContext } from 'ava';
import type { Outcome } from '../../src/outcome.ts';
import { RawToken } from '../../src/token/raw-token.ts';
import { ask } from '../../src/verify/ask.ts';
import { TokenCache } from '../../src/verify/cache.ts';
import { CachedVerifier } from '../../src/verify/cached.ts';
import type { VerificationKey } from '../../src/verify/jwks.ts';
import { KeySet } from '../../src/verify/keys.ts';
import { JwtVerifier } from '../../src/verify/kinds/jwt.ts';
import type { KeySettings } from '../../src/verify/settings.ts';
import { FakeClock } from '../support/clock.ts';
import { issuerSettings, KeyLog } from '../support/issuers.ts';
import { accessClaims, makeKey, serveJwks, signToken, type TestKey } from '../support/keys.ts';

const OLD = makeKey('ES256', 'old');
const NEW = makeKey('ES256', 'new');
const OTHER = makeKey('ES256', 'other');
const EDWARDS = makeKey('EdDSA', 'old');

/** A key server, the key set that asks it, and a clock that both obey. */
async function world(
  t: ExecutionContext,
  published: readonly (TestKey | object)[] = [OLD],
  keys: Partial<KeySettings> = {},
) {
  const server = await serveJwks(published);
  const clock = new FakeClock();
  const log = new KeyLog();
  const settings = issuerSettings({ issuer: server.issuer }, { source: { kind: 'url', url: server.jwksUri }, ...keys });
  const set = new KeySet(settings, clock, ask, log);
  t.teardown(async () => {
    set.close();
    await server.close();
  });
  const find = (kid: string | undefined) => set.find('ES256', kid, clock.now());
  return { server, clock, log, set, settings, find };
}

function told(found: Outcome<readonly VerificationKey[]>): string {
  return found.ok ? found.value.map(({ kid }) => kid).join() : found.fault.code;
}

test('a loaded key is found at once, without a promise', async (t) => {
  const { set, find } = await world(t);
  await set.start();
  const found = find('old');
  t.false(found instanceof Promise);
  t.is(told(await found), 'old');
});

test('a key is found by its algorithm as well as by its kid', async (t) => {
  const { set, clock } = await world(t, [OLD, EDWARDS]);
  await set.start();
  const found = await set.find('EdDSA', 'old', clock.now());
  t.true(found.ok && found.value.length === 1 && found.value[0]?.key.equals(EDWARDS.publicKey));
});

test('a token without kid is tried with every key of its algorithm, but with four at most', async (t) => {
  const keys = Array.from({ length: 6 }, (_, index) => makeKey('ES256', `k${index}`));
  const { set, find } = await world(t, [EDWARDS, ...keys]);
  await set.start();
  t.is(told(await find(undefined)), 'k0,k1,k2,k3');
});

test('several keys of one kid are all candidates', async (t) => {
  const { set, find } = await world(t, [OLD, { ...NEW.jwk, kid: 'old' }]);
  await set.start();
  t.is(told(await find('old')), 'old,old');
});

test('before it is started, no token can be checked', async (t) => {
  const { find, server, set, clock } = await world(t);
  const found = await find('old');
  t.like(found, { ok: false, fault: { code: 'verify.keys-unavailable', retryAfter: 5 } });
  t.regex(found.ok ? '' : (found.fault.detail ?? ''), /have not been fetched yet/);
  t.deepEqual(set.status(clock.now()), { usable: false, age: undefined, error: undefined });
  t.is(server.requests.jwks, 0);
});

for (const patience of [1, 1.5]) {
  test(`keys are fetched again at ${patience} times their age, a little spread, where that is somebody else's first`, async (t) => {
    const server = await serveJwks([OLD]);
    const refresh = 24 * 86_400_000;
    const settings = issuerSettings({}, { source: { kind: 'url', url: server.jwksUri }, refresh });
    const clock = new FakeClock();
    const set = new KeySet(settings, clock, ask, new KeyLog(), undefined, patience);
    t.teardown(async () => {
      set.close();
      await server.close();
    });
    await set.start();
    const [wait = 0] = clock.waiting;
    t.true(wait > refresh * patience * 0.79 && wait <= refresh * patience, String(wait / refresh));
  });
}

test('requests that come while the first fetch is under way wait for it', async (t) => {
  const { server, set, find } = await world(t);
  await server.behave('hang');
  const starting = set.start();
  const waiting = [find('old'), find('old'), find('other')];
  t.true(waiting.every((found) => found instanceof Promise));
  await server.behave('serve');
  t.deepEqual((await Promise.all(waiting)).map(told), ['old', 'old', 'token.key-unknown']);
  await starting;
  t.is(server.requests.jwks, 1);
});

test('it starts while the provider is down, and recovers by itself', async (t) => {
  const { server, clock, log, set, find } = await world(t);
  await server.behave('refuse');
  await set.start();
  t.regex(log.lines[0] ?? '', /could not be fetched: ECONNREFUSED$/);
  t.is(told(await find('old')), 'verify.keys-unavailable');
  t.like(set.status(clock.now()), { usable: false, age: undefined });
  t.regex(set.status(clock.now()).error ?? '', /ECONNREFUSED/);

  await server.behave('serve');
  const recovery = log.next();
  clock.advance(1_000);
  t.is(await recovery, 'main: 1 keys');
  t.is(told(await find('old')), 'old');
  t.deepEqual(set.status(clock.now()), { usable: true, age: 0, error: undefined });
});

test('an outage is no reason to ask more often: requests wait for the backoff', async (t) => {
  const { server, set, find } = await world(t);
  await server.behave('error');
  await set.start();
  for (let count = 0; count < 20; count += 1) t.is(told(await find(`kid-${count}`)), 'verify.keys-unavailable');
  t.is(server.requests.jwks, 1);
});

test('without keys the waits grow to four seconds, with keys to a minute', async (t) => {
  const { server, clock, log, set } = await world(t);
  const waits = async (count: number) => {
    const seen: number[] = [];
    for (let round = 0; round < count; round += 1) {
      const [wait = 0] = clock.waiting;
      seen.push(wait);
      const next = log.next();
      clock.advance(wait);
      await next;
    }
    return seen;
  };
  const within = (seen: readonly number[], full: readonly number[]) =>
    t.true(
      seen.every((wait, at) => wait >= 0.8 * (full[at] ?? 0) && wait <= (full[at] ?? 0)),
      JSON.stringify(seen),
    );
  await server.behave('error');
  await set.start();
  within(await waits(5), [1_000, 2_000, 4_000, 4_000, 4_000]);
  await server.behave('serve');
  await waits(1);
  await server.behave('error');
  within(await waits(9), [600_000, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
  t.true(set.status(clock.now()).usable);
});

test('keys are renewed in the background at the age of `refresh`, and nobody waits', async (t) => {
  const { server, clock, log, set, find } = await world(t);
  await set.start();
  const [wait = 0] = clock.waiting;
  t.true(wait >= 480_000 && wait <= 600_000, `${wait}`);
  await server.behave('hang');
  const renewed = log.next();
  clock.advance(600_000);
  t.false(find('old') instanceof Promise);
  await server.behave('serve');
  t.is(await renewed, 'main: 1 keys');
  t.is(server.requests.jwks, 2);
  t.is(clock.waiting.length, 1);
});

test('an unknown kid has the keys fetched once in a cooldown, however many come', async (t) => {
  const { server, clock, set, find } = await world(t);
  await set.start();
  for (let count = 0; count < 50; count += 1) t.is(told(await find(`forged-${count}`)), 'token.key-unknown');
  t.is(server.requests.jwks, 2);
  clock.advance(29_999);
  t.is(told(await find('forged')), 'token.key-unknown');
  t.is(server.requests.jwks, 2);
  clock.advance(1);
  t.is(told(await find('forged')), 'token.key-unknown');
  t.is(server.requests.jwks, 3);
});

test('a failed fetch for an unknown kid uses up the cooldown too, and known keys go on', async (t) => {
  const { server, set, find, log, clock } = await world(t);
  await set.start();
  await server.behave('error');
  t.is(told(await find('forged-1')), 'token.key-unknown');
  t.is(told(await find('forged-2')), 'token.key-unknown');
  t.is(server.requests.jwks, 2);
  t.regex(log.lines.at(-1) ?? '', /answered 500 \(keys still usable\)$/);
  t.is(told(await find('old')), 'old');
  clock.advance(600);
  t.is(told(await find('forged-3')), 'token.key-unknown');
  t.is(server.requests.jwks, 2);
});

test('a wall clock that is set back does not stretch the cooldown', async (t) => {
  const { server, clock, set, find } = await world(t);
  await set.start();
  await find('forged');
  clock.jump(-3_600_000);
  await find('forged');
  t.is(server.requests.jwks, 3);
});

test('keys that stand in the settings are never asked for', async (t) => {
  const clock = new FakeClock();
  const asked: string[] = [];
  const spying: typeof fetch = async (url) => {
    asked.push(String(url));
    throw new Error('not here');
  };
  const set = new KeySet(
    issuerSettings({}, { source: { kind: 'inline', keys: [OLD.jwk] } }),
    clock,
    spying,
    new KeyLog(),
  );
  t.teardown(() => set.close());
  await set.start();
  t.is(told(await set.find('ES256', 'forged', clock.now())), 'token.key-unknown');
  clock.jump(10 * 365 * 86_400_000);
  t.is(told(await set.find('ES256', 'old', clock.now())), 'old');
  t.deepEqual(asked, []);
});

test('a rotation with 100 requests in flight costs one fetch and refuses nobody', async (t) => {
  const { server, clock, set, settings } = await world(t);
  await set.start();
  const verifier = new CachedVerifier(
    [new JwtVerifier(settings, set)],
    new TokenCache({ maxEntries: 1000, maxAge: 60_000, rejectedFor: 10_000 }),
    clock.now,
  );
  await server.behave('hang');
  server.publish([OLD, NEW]);
  const tokens = Array.from({ length: 100 }, () => signToken(NEW, accessClaims({ iss: server.issuer }, clock.now())));
  const inFlight = tokens.map((token) => verifier.verify(new RawToken(token), clock.now()));
  t.true(inFlight.every((outcome) => outcome instanceof Promise));
  await server.behave('serve');
  const outcomes = await Promise.all(inFlight);
  t.true(outcomes.every((outcome) => outcome.ok));
  t.is(server.requests.jwks, 2);
});

test('the last good keys serve until they are `maxStale` old, then the answer is an outage and no refusal', async (t) => {
  const { server, clock, log, set, find } = await world(t, [OLD], { maxStale: 3_600_000 });
  await set.start();
  await server.behave('error');
  const failed = log.next();
  clock.advance(3_599_999);
  await failed;
  t.is(told(await find('old')), 'old');
  t.true(set.status(clock.now()).usable);
  clock.jump(1);
  const found = await find('old');
  t.like(found, { ok: false, fault: { code: 'verify.keys-unavailable', retryAfter: 5 } });
  t.regex(found.ok ? '' : (found.fault.detail ?? ''), /could not be renewed for too long/);
  t.is(told(await find('forged')), 'verify.keys-unavailable', 'nor is an unknown key the fault of its token');
  t.like(set.status(clock.now()), { usable: false, age: 3_600_000 });
});

test('keys that ran out while the machine slept are fetched at once, and the first request waits for them', async (t) => {
  const { server, clock, set, find } = await world(t);
  await set.start();
  clock.jump(2 * 86_400_000);
  t.deepEqual((await Promise.all([find('old'), find('old')])).map(told), ['old', 'old']);
  t.is(server.requests.jwks, 2);
});

test('keys that ran out while the machine slept, of a provider that is down, are asked for once and then by the backoff', async (t) => {
  const { server, clock, set, find } = await world(t);
  await set.start();
  await server.behave('error');
  clock.jump(2 * 86_400_000);
  for (let count = 0; count < 5; count += 1) t.is(told(await find('old')), 'verify.keys-unavailable');
  t.is(server.requests.jwks, 2);
});

for (const behaviour of ['empty', 'html', 'bad-json', 'huge', 'redirect', 'error', 'reset'] as const) {
  test(`keys that work are not lost to an answer that is ${behaviour}`, async (t) => {
    const { server, clock, log, set, find } = await world(t);
    await set.start();
    const { generation } = set;
    await server.behave(behaviour);
    const failed = log.next();
    clock.advance(600_000);
    t.regex(await failed, /keys still usable/);
    t.is(told(await find('old')), 'old');
    t.is(set.generation, generation);
  });
}

test('a set whose keys are all bad is a failed fetch, and a bad key among good ones is said', async (t) => {
  const { server, clock, log, set, find } = await world(t, [OLD, { kty: 'oct', k: 'AA', kid: 'secret' }]);
  await set.start();
  t.deepEqual(log.leftOut, [
    'key 2 (kid "secret"): is a shared secret (oct), which does not belong into a published set',
  ]);
  server.publish([OLD.privateJwk]);
  const failed = log.next();
  clock.advance(600_000);
  t.regex(await failed, /no key of the set can be used.*private member d.*keys still usable/);
  t.is(told(await find('old')), 'old');
});

test('a removed key is not found any more, and the generation goes up only when a key goes', async (t) => {
  const { server, set, find } = await world(t);
  await set.start();
  const first = set.generation;
  server.publish([OLD, NEW]);
  await set.start();
  t.is(set.generation, first, 'a key that comes takes nothing away');
  server.publish([NEW, OTHER]);
  await set.start();
  t.is(set.generation, first + 1);
  t.is(told(await find('old')), 'token.key-unknown');
  server.publish([OTHER, NEW]);
  await set.start();
  t.is(set.generation, first + 1, 'their order means nothing');
  server.publish([OTHER, { ...NEW.jwk, kid: 'renamed' }]);
  await set.start();
  t.is(set.generation, first + 2, 'a kid that goes takes its tokens along');
});

test('the token endpoint is learned by discovery', async (t) => {
  const { server, set } = await world(t, [OLD], { source: { kind: 'discovery' } });
  t.is(set.tokenEndpoint, undefined);
  await set.start();
  t.is(set.tokenEndpoint, `${server.url}/token`);
});

test('closing stops the timer', async (t) => {
  const { clock, set, server } = await world(t);
  await set.start();
  t.is(clock.waiting.length, 1);
  set.close();
  t.is(clock.waiting.length, 0);
  clock.advance(86_400_000);
  t.is(server.requests.jwks, 1);
});

test('closing ends a fetch that is under way, tells nobody and starts no timer', async (t) => {
  const { clock, log, set, server } = await world(t);
  await server.behave('hang');
  const starting = set.start();
  set.close();
  await starting;
  t.deepEqual(log.lines, []);
  t.is(clock.waiting.length, 0);
});

test('closing during an outage stops the timer', async (t) => {
  const { clock, set, server } = await world(t);
  await server.behave('error');
  await set.start();
  set.close();
  t.is(clock.waiting.length, 0);
});

test('a provider that does not answer is given up after `timeout`', async (t) => {
  const { log, set, server, find } = await world(t, [OLD], { timeout: 50 });
  await server.behave('hang');
  await set.start();
  t.regex(log.lines[0] ?? '', /did not answer within 50 ms$/);
  t.is(told(await find('old')), 'verify.keys-unavailable');
});

test('keys that stand in the settings are all there are: nothing is waited for', async (t) => {
  const settings = issuerSettings({}, { source: { kind: 'inline', keys: [OLD.jwk] } });
  const clock = new FakeClock();
  const set = new KeySet(settings, clock, ask, new KeyLog());
  t.teardown(() => set.close());
  await set.start();
  const found = set.find('ES256', 'unknown', clock.now());
  t.false(found instanceof Promise);
  t.like(found, { ok: false, fault: { code: 'token.key-unknown' } });
  t.deepEqual(await set.renew(clock.now()), { ok: true, value: false });
});

test('a fetch that brings nothing new is no arrival', async (t) => {
  const { set, server } = await world(t);
  await set.start();
  const { arrivals } = set;
  await set.refresh();
  t.is(set.arrivals, arrivals);
  server.publish([OLD, NEW]);
  await set.refresh();
  t.is(set.arrivals, arrivals + 1);
});

test('in place of a set whose last fetch failed, another one fetches at once', async (t) => {
  const { set, server, settings, clock, log } = await world(t);
  await set.start();
  await server.behave('error');
  await set.refresh();
  const changed = { ...settings, keys: { ...settings.keys, refresh: 1_200_000 } };
  const next = new KeySet(changed, clock, ask, log, set);
  t.teardown(() => next.close());
  set.close();
  t.deepEqual(clock.waiting, []);
  await next.start();
  t.deepEqual(clock.waiting, [0]);
  t.regex(next.status(clock.now()).error ?? '', /answered 500/);
});

test('what comes after the end is not taken', async (t) => {
  let answer = (_: Response) => {};
  const log = new KeyLog();
  const clock = new FakeClock();
  const source = { kind: 'url', url: 'https://login.example.com/jwks' } as const;
  // One that does not hear that it is given up.
  const deaf = () => new Promise<Response>((resolve) => (answer = resolve));
  const set = new KeySet(issuerSettings({}, { source }), clock, deaf, log);
  const started = set.start();
  set.close();
  answer(Response.json({ keys: [OLD.jwk] }));
  await started;
  t.deepEqual(log.lines, []);
  t.false(set.status(clock.now()).usable);
  t.deepEqual(clock.waiting, []);
});
