import { generateKeyPairSync, sign } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import type { Outcome } from '../../src/outcome.ts';
import { RawToken } from '../../src/token/raw-token.ts';
import type { Ask } from '../../src/verify/ask.ts';
import { TokenCache } from '../../src/verify/cache.ts';
import { CachedVerifier } from '../../src/verify/cached.ts';
import { KeySet } from '../../src/verify/keys.ts';
import { IntrospectionVerifier } from '../../src/verify/kinds/introspection.ts';
import { JwtVerifier } from '../../src/verify/kinds/jwt.ts';
import type { IssuerSettings, KeySettings } from '../../src/verify/settings.ts';
import type { IssuerVerifier, Verified } from '../../src/verify/verifier.ts';
import { Semaphore, Waiters, WaitLimit } from '../../src/verify/waiters.ts';
import { FakeClock } from '../support/clock.ts';
import { issuerSettings, KeyLog } from '../support/issuers.ts';
import { accessClaims, compactToken, makeKey, signToken, type TestKey } from '../support/keys.ts';
import { until } from '../support/until.ts';

// Whoever invents tokens decides how many requests wait, and for what: a signature, a fetch of keys, an issuer's word.
// Each of them holds its head. Where 1024 wait, the next is answered at once.

const MOST = 1024;
const MINUTE = 60_000;
const KEY = makeKey('ES256', 'known');
const STRANGER = makeKey('ES256', 'known');
const P384 = generateKeyPairSync('ec', { namedCurve: 'P-384' });
const P384_JWK = { ...P384.publicKey.export({ format: 'jwk' }), kid: 'p384' };

/** A way to the issuer that hangs until it is let go, and answers these keys. */
function heldAsk() {
  let release: () => void = () => {};
  let held = Promise.resolve();
  const state = { asked: 0, keys: [KEY.jwk, P384_JWK] as object[] };
  const ask: Ask = async () => {
    state.asked += 1;
    await held;
    return Response.json({ keys: state.keys });
  };
  const hold = () => {
    held = new Promise((resolve) => {
      release = resolve;
    });
  };
  return Object.assign(state, { ask, hold, release: () => release() });
}

async function world(t: ExecutionContext, keys: Partial<KeySettings> = {}, over: Partial<IssuerSettings> = {}) {
  const clock = new FakeClock();
  const issuer = heldAsk();
  const source = { kind: 'url', url: 'https://login.example.com/jwks' } as const;
  const settings = issuerSettings(over as object, { source, timeout: 10 * MINUTE, ...keys });
  const set = new KeySet(settings, clock, issuer.ask, new KeyLog());
  t.teardown(() => set.close());
  const by = (one: IssuerVerifier) =>
    new CachedVerifier([one], new TokenCache({ maxEntries: 9999, maxAge: MINUTE, rejectedFor: MINUTE }), clock.now);
  const verifier = by(new JwtVerifier(settings, set));
  const verify = (token: string, client?: { closed: boolean }) =>
    verifier.verify(new RawToken(token), clock.now(), client);
  const claims = (more: object = {}) => accessClaims({ iss: settings.issuer, ...more }, clock.now());
  const token = (key: TestKey = KEY, header: Record<string, unknown> = {}) => signToken(key, claims(), header);
  return { clock, issuer, settings, set, by, verify, claims, token };
}

function told(outcome: Outcome<Verified>): string {
  return outcome.ok ? 'accepted' : outcome.fault.code;
}

/** Asks so many questions at once; how many of them are still without an answer a moment later, and the others' codes. */
async function ask(count: number, question: (index: number) => Outcome<Verified> | Promise<Outcome<Verified>>) {
  const answered: string[] = [];
  const all = Array.from({ length: count }, async (_, index) => {
    const code = told(await question(index));
    answered.push(code);
    return code;
  });
  // What is refused at once is so within microtasks: nothing that takes a turn of the event loop has happened yet.
  for (let microtask = 0; microtask < 50; microtask += 1) await undefined;
  return { waiting: count - answered.length, atOnce: tally(answered), all: async () => tally(await Promise.all(all)) };
}

function tally(codes: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const code of codes) counts[code] = (counts[code] ?? 0) + 1;
  return counts;
}

const TOO_MANY = { 'verify.keys-unavailable': 76 };

for (const [title, header] of [
  ['of a key that is unknown', (index: number) => ({ kid: `invented-${index}` })],
  ['without kid', () => ({ kid: undefined })],
] as const) {
  test.serial(`of tokens ${title}, 1024 wait for a fetch, and the next are answered at once`, async (t) => {
    const { issuer, clock, set, verify, token } = await world(t);
    await set.start();
    for (let round = 0; round < 2; round += 1) {
      issuer.hold();
      // Those without kid are looked at first, in a line of their own, and wait for the fetch behind that.
      const flood = await ask(MOST, (index) => verify(token(STRANGER, header(index))));
      await until(() => issuer.asked === round + 2, 'keys are asked for');
      for (let turn = 0; turn < 500; turn += 1) await nextTurn(); // 8 looks at least in each
      const late = await ask(76, () => verify(token(STRANGER, { kid: `late-${crypto.randomUUID()}` })));
      t.deepEqual(late.atOnce, TOO_MANY);
      t.is(told(await verify(token())), 'accepted', 'a token whose key is known is not held up');
      issuer.release();
      t.deepEqual(await flood.all(), { [title === 'without kid' ? 'token.signature' : 'token.key-unknown']: MOST });
      t.is(issuer.asked, round + 2);
      clock.jump(MINUTE);
    }
  });
}

test.serial('before the first keys have come 1024 requests wait for them', async (t) => {
  const { issuer, set, verify, token } = await world(t);
  issuer.hold();
  void set.start();
  const flood = await ask(MOST + 76, () => verify(token()));
  t.is(flood.waiting, MOST);
  t.deepEqual(flood.atOnce, TOO_MANY);
  issuer.release();
  t.deepEqual(await flood.all(), { accepted: MOST, ...TOO_MANY });
  t.is(told(await verify(token())), 'accepted');
});

test.serial('requests that bring one token wait as others do', async (t) => {
  const { issuer, set, verify, token } = await world(t);
  issuer.hold();
  void set.start();
  const same = token();
  const flood = await ask(MOST + 76, () => verify(same));
  t.is(flood.waiting, MOST);
  t.deepEqual(flood.atOnce, TOO_MANY);
  issuer.release();
  t.deepEqual(await flood.all(), { accepted: MOST, ...TOO_MANY });
});

test.serial('of signatures that are looked at in place, 1024 wait', async (t) => {
  const { set, verify, token } = await world(t);
  await set.start();
  for (let round = 0; round < 2; round += 1) {
    const forged = Array.from({ length: MOST + 76 }, () => token(STRANGER));
    const flood = await ask(forged.length, (index) => verify(forged[index] as string));
    t.is(flood.waiting, MOST);
    t.deepEqual(flood.atOnce, TOO_MANY);
    t.deepEqual(await flood.all(), { 'token.signature': MOST, ...TOO_MANY });
  }
});

test.serial('of signatures that are checked by threads, 1024 wait', async (t) => {
  const { set, verify, claims } = await world(t);
  await set.start();
  const header = JSON.stringify({ alg: 'ES384', typ: 'at+jwt', kid: 'p384' });
  const token = (good: boolean) =>
    compactToken(header, JSON.stringify(claims()), (input) =>
      good ? sign('sha384', input, { key: P384.privateKey, dsaEncoding: 'ieee-p1363' }) : Buffer.alloc(96, 1),
    );
  for (let round = 0; round < 2; round += 1) {
    const tokens = Array.from({ length: MOST + 76 }, (_, index) => token(index === 1000));
    const flood = await ask(tokens.length, (index) => verify(tokens[index] as string));
    t.is(flood.waiting, MOST);
    t.deepEqual(flood.atOnce, TOO_MANY);
    t.deepEqual(await flood.all(), { accepted: 1, 'token.signature': MOST - 1, ...TOO_MANY });
  }
});

test.serial('a refusal for too many says so, and is not remembered', async (t) => {
  const { issuer, set, verify, token } = await world(t);
  issuer.hold();
  void set.start();
  const flood = await ask(MOST, () => verify(token()));
  const good = token();
  t.like(await verify(good), {
    ok: false,
    fault: {
      code: 'verify.keys-unavailable',
      detail: 'Too many requests wait for the keys of https://login.example.com already.',
      retryAfter: 5,
    },
  });
  issuer.release();
  await flood.all();
  t.is(told(await verify(good)), 'accepted');
});

test.serial('of a flood whose clients have left nothing is looked at', async (t) => {
  const { set, verify, token, claims } = await world(t);
  await set.start();
  const header = JSON.stringify({ alg: 'ES384', typ: 'at+jwt', kid: 'p384' });
  const slow = () => compactToken(header, JSON.stringify(claims()), () => Buffer.alloc(96, 1));
  for (const forged of [() => token(STRANGER), slow]) {
    const clients = Array.from({ length: 500 }, () => ({ closed: false }));
    const flood = await ask(500, (index) => verify(forged(), clients[index]));
    for (const client of clients.slice(100)) client.closed = true;
    const counts = await flood.all();
    // The first few may have been begun.
    t.true((counts['verify.keys-unavailable'] ?? 0) >= 400 - 64, JSON.stringify(counts));
    t.true((counts['token.signature'] ?? 0) >= 100, JSON.stringify(counts));
  }
});

test.serial('a token of which one client is left is verified, and a late one begins anew', async (t) => {
  const { issuer, set, verify, token } = await world(t);
  issuer.hold();
  void set.start();
  const [shared, left] = [token(), token()];
  const gone = { closed: false };
  const first = verify(shared, gone);
  const second = verify(shared);
  const abandoned = verify(left, gone);
  gone.closed = true;
  const late = verify(left);
  issuer.release();
  t.deepEqual((await Promise.all([first, second, late])).map(told), ['accepted', 'accepted', 'accepted']);
  t.is(told(await abandoned), 'verify.keys-unavailable');
});

const OPAQUE = {
  name: 'opaque',
  issuer: 'https://login.example.com',
  audience: ['orders-api'],
  clockTolerance: 0,
  maxTokenAge: undefined,
  requiredClaims: [],
  introspection: {
    url: 'https://login.example.com/introspect',
    clientId: 'gw',
    clientSecret: 'secret',
    auth: 'basic',
    allowHttp: false,
    cacheFor: 0,
    timeout: 10 * MINUTE,
  },
} as const;

/** An issuer that is asked about tokens and hangs until it is let go. */
async function asked(t: ExecutionContext) {
  const { by, clock } = await world(t);
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const questions: string[] = [];
  const verifier = new IntrospectionVerifier(OPAQUE, async (_, { body = '', signal }) => {
    questions.push(new URLSearchParams(body).get('token') ?? '');
    if (signal?.aborted) throw signal.reason;
    const left = new Promise<never>((_, reject) =>
      signal?.addEventListener('abort', () => reject(signal.reason), { once: true }),
    );
    await Promise.race([held, left]);
    return Response.json({ active: true, aud: 'orders-api' });
  });
  t.teardown(() => verifier.close());
  const cached = by(verifier);
  const verify = (token: string, client?: { closed: boolean }) =>
    cached.verify(new RawToken(token), clock.now(), client);
  return { verify, questions, release: () => release(), verifier };
}

test.serial('of 1100 opaque tokens 64 are asked about, 1024 wait, and the next are answered at once', async (t) => {
  const { verify, questions, release } = await asked(t);
  const flood = await ask(1100, (index) => verify(`opaque-${index}`));
  t.is(flood.waiting, 64 + MOST);
  t.deepEqual(flood.atOnce, { 'verify.introspection-unavailable': 12 });
  t.deepEqual(
    questions,
    Array.from({ length: 64 }, (_, index) => `opaque-${index}`),
  );
  release();
  t.deepEqual(await flood.all(), { accepted: 64 + MOST, 'verify.introspection-unavailable': 12 });
  t.is(questions.length, 64 + MOST, 'in the order in which they came');
  t.deepEqual(
    questions,
    Array.from({ length: 64 + MOST }, (_, index) => `opaque-${index}`),
  );
});

test.serial('requests that bring one opaque token are bounded too', async (t) => {
  const { verify, questions, release } = await asked(t);
  const flood = await ask(1100, () => verify('opaque'));
  t.is(flood.waiting, 64 + MOST);
  t.deepEqual(flood.atOnce, { 'verify.introspection-unavailable': 12 });
  release();
  await flood.all();
  t.is(questions.length, 1);
});

test.serial('about the tokens of clients that have left nobody is asked', async (t) => {
  const { verify, questions, release } = await asked(t);
  const clients = Array.from({ length: 300 }, () => ({ closed: false }));
  const flood = await ask(300, (index) => verify(`opaque-${index}`, clients[index]));
  for (const client of clients.slice(64, 290)) client.closed = true;
  release();
  t.deepEqual(await flood.all(), { accepted: 74, 'verify.introspection-unavailable': 226 });
  t.is(questions.length, 74);
});

test.serial('closing ends the questions that are under way, and those behind them', async (t) => {
  const { verify, verifier, questions } = await asked(t);
  const flood = await ask(100, (index) => verify(`opaque-${index}`));
  t.is(questions.length, 64);
  verifier.close();
  t.deepEqual(await flood.all(), { 'verify.introspection-unavailable': 100 });
});

test.serial('closing ends a fetch of keys that is under way', async (t) => {
  const signals: (AbortSignal | undefined)[] = [];
  const hanging: Ask = (_, { signal }) => {
    signals.push(signal);
    if (signal?.aborted) return Promise.reject(signal.reason);
    return new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason), { once: true }));
  };
  const set = new KeySet(issuerSettings({}, { timeout: 10 * MINUTE }), new FakeClock(), hanging, new KeyLog());
  const started = set.start();
  t.is(signals.length, 1);
  set.close();
  t.true(signals[0]?.aborted);
  await started;
});

test.serial('a key that goes while its signature is looked at vouches for nothing afterwards', async (t) => {
  const { issuer, set, verify, token } = await world(t);
  await set.start();
  issuer.keys = [P384_JWK];
  const good = token();
  const looking = verify(good);
  await set.refresh();
  t.is(told(await looking), 'accepted', 'it was there when the token came');
  t.is(told(await verify(good)), 'token.key-unknown');
});

test('places are taken whole or not at all, and given back', (t) => {
  const limit = new WaitLimit(3);
  t.true(limit.enter(2));
  t.false(limit.enter(2));
  t.is(limit.waiting, 2);
  t.true(limit.enter(1));
  t.false(limit.enter(1));
  limit.leave(3);
  t.is(limit.waiting, 0);
});

test('requests that wait together move together, and their places come free once', (t) => {
  const [first, second, full] = [new WaitLimit(2), new WaitLimit(3), new WaitLimit(1)];
  const waiters = new Waiters({ closed: false });
  t.true(waiters.join({ closed: false }), 'before they wait for anything');
  t.true(waiters.moveTo(first));
  t.true(waiters.moveTo(first));
  t.is(first.waiting, 2);
  t.false(waiters.join({ closed: false }));
  t.true(waiters.moveTo(second));
  t.true(waiters.join({ closed: false }));
  t.deepEqual([first.waiting, second.waiting], [0, 3]);
  t.false(waiters.moveTo(full));
  t.deepEqual([second.waiting, full.waiting], [0, 0]);
  waiters.leave();
  t.deepEqual([first.waiting, second.waiting, full.waiting], [0, 0, 0]);
});

test('a semaphore lets so many in at once, and passes a place to the caller that has waited longest', async (t) => {
  const places = new Semaphore(2);
  t.is(places.acquire(), undefined);
  t.is(places.acquire(), undefined);
  const order: string[] = [];
  const waiting = ['a', 'b'].map((name) => places.acquire()?.then(() => order.push(name)));
  places.release();
  await waiting[0];
  t.deepEqual(order, ['a']);
  t.true(places.acquire() instanceof Promise, 'a newcomer does not take the place between');
  places.release();
  await waiting[1];
  t.deepEqual(order, ['a', 'b']);
});
