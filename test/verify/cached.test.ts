import { createHmac } from 'node:crypto';
import test from 'ava';
import type { Outcome } from '../../src/outcome.ts';
import { RawToken } from '../../src/token/raw-token.ts';
import { ask } from '../../src/verify/ask.ts';
import { TokenCache } from '../../src/verify/cache.ts';
import { CachedVerifier } from '../../src/verify/cached.ts';
import { KeySet } from '../../src/verify/keys.ts';
import type { TokenCacheSettings } from '../../src/verify/settings.ts';
import type { IssuerVerifier, Verified } from '../../src/verify/verifier.ts';
import { FakeClock } from '../support/clock.ts';
import { CountingVerifier, inlineVerifier, issuerSettings, KeyLog } from '../support/issuers.ts';
import { accessClaims, compactToken, makeKey, serveJwks, signToken } from '../support/keys.ts';

const KEY = makeKey('ES256', 'k1');
const RSA = makeKey('RS256', 'rsa');
const STRANGER = makeKey('ES256', 'k1');
const ISS = 'https://login.example.com';

type Over = Parameters<typeof issuerSettings>[0];

/** One issuer with one key, its verifier, its cache and a clock. */
async function world(over: Over = {}, cacheSettings: Partial<TokenCacheSettings> = {}) {
  const clock = new FakeClock();
  const cache = new TokenCache({ maxEntries: 100, maxAge: 300_000, rejectedFor: 10_000, ...cacheSettings });
  const issuer = await inlineVerifier([KEY, RSA], clock, over);
  const by = (...issuers: IssuerVerifier[]) => new CachedVerifier(issuers, cache, clock.now);
  const verifier = by(issuer);
  const verify = (token: string, through = verifier) => through.verify(new RawToken(token), clock.now());
  const claims = (more: Record<string, unknown> = {}) => accessClaims({ iss: ISS, ...more }, clock.now());
  return { clock, cache, issuer, by, verify, claims };
}

function told(outcome: Outcome<Verified>): string {
  return outcome.ok ? 'accepted' : outcome.fault.code;
}

test('a token is proved once; then it is remembered and answered without a promise', async (t) => {
  const { verify, claims, issuer, cache } = await world();
  const token = signToken(KEY, claims({ scope: 'orders:read orders:write' }));
  const first = verify(token);
  t.true(first instanceof Promise);
  const proved = await first;
  t.true(proved.ok);
  const second = verify(token);
  t.false(second instanceof Promise);
  t.is(second, proved, 'the very same outcome: a hit allocates nothing');
  t.is(issuer.proofs, 1);
  t.deepEqual(cache.counts, { hit: 1, miss: 1, joined: 0, refusedHit: 0 });
  if (!proved.ok) return;
  t.is(proved.value.issuer, issuer);
  t.deepEqual(proved.value.scopes, ['orders:read', 'orders:write']);
  t.like(proved.value.claims, { sub: 'user-1', iss: ISS });
});

test('the same unknown token 100 times at once is proved once', async (t) => {
  const { verify, claims, issuer, cache } = await world();
  const token = signToken(KEY, claims());
  const outcomes = await Promise.all(Array.from({ length: 100 }, () => verify(token)));
  t.true(outcomes.every((outcome) => outcome.ok && outcome === outcomes[0]));
  t.is(issuer.proofs, 1);
  t.like(cache.counts, { miss: 1, joined: 99 });
});

test('the same forged token 100 times at once is proved once, and then remembered', async (t) => {
  const { verify, claims, issuer, cache } = await world();
  const token = signToken(STRANGER, claims());
  const outcomes = await Promise.all(Array.from({ length: 100 }, () => verify(token)));
  t.true(outcomes.every((outcome) => told(outcome) === 'token.signature'));
  t.is(issuer.proofs, 1);
  t.false(verify(token) instanceof Promise);
  t.deepEqual(cache.counts, { hit: 0, miss: 1, joined: 99, refusedHit: 1 });
});

test('a remembered token is refused once it expires, by the wall clock, and good again when that goes back', async (t) => {
  const { clock, verify, claims, issuer } = await world();
  const token = signToken(KEY, claims());
  t.is(told(await verify(token)), 'accepted');
  clock.jump(329_999);
  t.is(told(await verify(token)), 'accepted', 'five minutes and the tolerance are not over');
  clock.jump(1);
  const late = verify(token);
  t.false(late instanceof Promise);
  t.is(told(await late), 'token.expired');
  clock.jump(-1);
  t.is(told(await verify(token)), 'accepted');
  clock.jump(-359_999 - 1_000);
  const early = verify(token);
  t.false(early instanceof Promise);
  t.is(told(await early), 'token.not-yet-valid', 'a clock that is behind its issuance is wrong');
  clock.jump(3_600_000);
  t.is(told(await verify(token)), 'token.expired');
  t.is(issuer.proofs, 1);
});

test('a remembered token becomes too old', async (t) => {
  const { clock, verify, claims } = await world({ maxTokenAge: 60_000 });
  const token = signToken(KEY, claims());
  t.is(told(await verify(token)), 'accepted');
  clock.jump(90_000);
  t.is(told(await verify(token)), 'accepted');
  clock.jump(1_000);
  t.is(told(await verify(token)), 'token.too-old');
});

test("what another route's issuers have proved is no proof here", async (t) => {
  const { verify, claims, by, clock, issuer } = await world();
  const namesake = await inlineVerifier([makeKey('ES256', 'k1')], clock);
  const stranger = await inlineVerifier([KEY], clock, { name: 'stranger', issuer: 'https://other.example.com' });
  const token = signToken(KEY, claims());
  t.is(told(await verify(token)), 'accepted');
  t.is(told(await verify(token, by(stranger))), 'token.issuer');
  t.is(told(await verify(token, by(namesake))), 'token.signature', 'nor what another issuer of the same name has');
  t.is(told(await verify(token)), 'accepted');
  t.is(issuer.proofs, 1);
});

test('a refusal by one issuer is none by another of the same name', async (t) => {
  const { verify, claims, by, clock, issuer } = await world();
  const namesake = await inlineVerifier([STRANGER], clock);
  const token = signToken(KEY, claims());
  t.is(told(await verify(token, by(namesake))), 'token.signature');
  t.is(told(await verify(token, by(issuer))), 'accepted');
});

test('a key of one issuer never proves a token of another, whatever its kid', async (t) => {
  const { by, clock, issuer } = await world();
  const other = await inlineVerifier([makeKey('ES256', 'k1')], clock, {
    name: 'other',
    issuer: 'https://other.example.com',
  });
  const token = signToken(KEY, accessClaims({ iss: 'https://other.example.com' }, clock.now()));
  t.is(told(await by(issuer, other).verify(new RawToken(token), clock.now())), 'token.signature');
});

test('of two issuers with the same iss the audience chooses, in whatever order they stand', async (t) => {
  const { by, clock } = await world();
  const orders = await inlineVerifier([KEY], clock, { name: 'orders', audience: ['orders-api', 'orders-old'] });
  const stock = await inlineVerifier([KEY], clock, { name: 'stock', audience: ['stock-api'] });
  for (const verifier of [by(orders, stock), by(stock, orders)]) {
    for (const [aud, name] of [
      ['orders-api', 'orders'],
      ['stock-api', 'stock'],
      [['x', 'orders-old'], 'orders'],
    ] as const) {
      const token = signToken(KEY, accessClaims({ iss: ISS, aud }, clock.now()));
      const outcome = await verifier.verify(new RawToken(token), clock.now());
      t.is(outcome.ok ? outcome.value.issuer.name : outcome.fault.code, name);
    }
    const lost = signToken(KEY, accessClaims({ iss: ISS, aud: 'nobody' }, clock.now()));
    t.is(told(await verifier.verify(new RawToken(lost), clock.now())), 'token.audience');
    const none = signToken(KEY, accessClaims({ iss: ISS, aud: undefined }, clock.now()));
    t.is(told(await verifier.verify(new RawToken(none), clock.now())), 'token.audience');
  }
});

test('a token that a route with fewer issuers refused is still good on a route whose other issuer takes it', async (t) => {
  const { by, clock, verify, claims } = await world();
  const orders = await inlineVerifier([KEY], clock, { name: 'orders', audience: ['orders-api'] });
  const stock = await inlineVerifier([KEY], clock, { name: 'stock', audience: ['stock-api'] });
  const token = signToken(KEY, claims({ aud: 'stock-api' }));
  t.is(told(await verify(token, by(orders))), 'token.audience');
  t.is(told(await verify(token, by(orders, stock))), 'accepted');
});

test('which route a token was used on first does not decide by whose rules it is judged', async (t) => {
  const { by, clock, verify, claims } = await world();
  const lenient = await inlineVerifier([KEY], clock, { name: 'lenient', audience: ['a'] });
  const strict = await inlineVerifier([KEY], clock, { name: 'strict', audience: ['b'], requiredClaims: ['tenant'] });
  const token = signToken(KEY, claims({ aud: ['a', 'b'] }));
  const both = by(strict, lenient);
  t.is(told(await verify(token, by(lenient))), 'accepted');
  t.is(told(await verify(token, both)), 'token.claims', 'the strict one comes first here');
  t.is(told(await verify(token, by(lenient))), 'accepted');
  t.is(told(await verify(token, both)), 'token.claims');
});

const HOUR = 3_600_000;

for (const [title, over, dates, words] of [
  [
    'expired',
    {},
    { iat: -600, exp: -60 },
    ['It expired 1 min ago, at 2026-11-22T09:59:00Z', 'It expired 1 h 1 min ago, at 2026-11-22T09:59:00Z'],
  ],
  [
    'is too old',
    { maxTokenAge: 60_000 },
    { iat: -120, exp: 7200 },
    ['It was issued 2 min ago', 'It was issued 1 h 2 min ago'],
  ],
] as const) {
  test(`that a token ${title} is remembered, and told in the words of the moment`, async (t) => {
    const { clock, verify, claims, issuer, cache } = await world(over, { rejectedFor: 24 * HOUR });
    const seconds = clock.now() / 1000;
    const token = signToken(KEY, claims({ iat: seconds + dates.iat, exp: seconds + dates.exp }));
    const detail = async () => {
      const outcome = await verify(token);
      return outcome.ok ? 'accepted' : (outcome.fault.detail ?? '');
    };
    t.true((await detail()).startsWith(words[0]));
    t.true((await detail()).startsWith(words[0]));
    clock.advance(HOUR);
    t.true((await detail()).startsWith(words[1]), await detail());
    t.is(issuer.proofs, 1, 'the signature is not looked at again');
    t.is(cache.counts.refusedHit, 3);

    clock.jump(-HOUR - 80_000);
    t.is(await detail(), 'accepted', 'a clock that was ahead made it so');
    t.is(issuer.proofs, 2);
  });
}

test('what expires while its keys are fetched is refused', async (t) => {
  const server = await serveJwks([KEY]);
  const clock = new FakeClock();
  const settings = issuerSettings({ issuer: server.issuer }, { source: { kind: 'url', url: server.jwksUri } });
  const set = new KeySet(settings, clock, ask, new KeyLog());
  t.teardown(async () => {
    set.close();
    await server.close();
  });
  await server.behave('hang');
  void set.start();
  const cache = new TokenCache({ maxEntries: 100, maxAge: 300_000, rejectedFor: 10_000 });
  const verifier = new CachedVerifier([new CountingVerifier(settings, set)], cache, clock.now);
  const seconds = clock.now() / 1000;
  const outcomes = [3, 600].map((left) =>
    verifier.verify(
      new RawToken(signToken(KEY, accessClaims({ iss: server.issuer, exp: seconds + left }, clock.now()))),
      clock.now(),
    ),
  );
  clock.jump(60_000);
  await server.behave('serve');
  const [late, good] = await Promise.all(outcomes);
  t.like(late, { ok: false, fault: { code: 'token.expired' } });
  t.like(good, { ok: true });
});

/** What a token may be refused for once an issuer judges it, and whether that is remembered. */
const REASONS: readonly (readonly [
  code: string,
  remembered: boolean,
  token: (claims: Record<string, unknown>) => string,
  over?: Over,
])[] = [
  ['token.algorithm', true, (claims) => signToken(KEY, claims), { algorithms: ['RS256'] }],
  ['token.signature', true, (claims) => signToken(STRANGER, claims)],
  ['token.type', true, (claims) => signToken(KEY, claims, { typ: 'dpop+jwt' })],
  ['token.claims', true, (claims) => signToken(KEY, { ...claims, sub: 7 })],
  ['token.audience', true, (claims) => signToken(KEY, { ...claims, aud: 'other' })],
  ['token.expired', true, (claims) => signToken(KEY, { ...claims, exp: 1 })],
  ['token.too-old', true, (claims) => signToken(KEY, { ...claims, iat: 1 }), { maxTokenAge: 60_000 }],
  ['token.key-unknown', false, (claims) => signToken(KEY, claims, { kid: 'k2' })],
  ['token.not-yet-valid', false, (claims) => signToken(KEY, { ...claims, nbf: 1e10 })],
];

for (const [code, remembered, make, over] of REASONS) {
  test(`a refusal for ${code} is ${remembered ? 'remembered' : 'not remembered: it may heal by itself'}`, async (t) => {
    const { verify, claims, issuer, cache } = await world(over);
    const token = make(claims());
    t.is(told(await verify(token)), code);
    const second = verify(token);
    t.is(second instanceof Promise, !remembered);
    t.is(told(await second), code);
    t.is(issuer.proofs, remembered ? 1 : 2);
    t.is(cache.counts.refusedHit, remembered ? 1 : 0);
    t.is(cache.size, 0);
  });
}

test('an outage is not remembered: the token is good as soon as the keys are there', async (t) => {
  const server = await serveJwks([KEY]);
  t.teardown(server.close);
  const { by, clock, verify } = await world();
  const settings = issuerSettings({ issuer: server.issuer });
  const set = new KeySet(settings, clock, ask, new KeyLog());
  t.teardown(() => set.close());
  const verifier = by(new CountingVerifier(settings, set));
  const token = signToken(KEY, accessClaims({ iss: server.issuer }, clock.now()));
  t.is(told(await verify(token, verifier)), 'verify.keys-unavailable');
  await set.start();
  t.is(told(await verify(token, verifier)), 'accepted');
});

test('a remembered token ends with its key', async (t) => {
  const next = makeKey('ES256', 'k2');
  const server = await serveJwks([KEY, next]);
  t.teardown(server.close);
  const { by, cache, clock, verify } = await world();
  const settings = issuerSettings({ issuer: server.issuer });
  const set = new KeySet(settings, clock, ask, new KeyLog());
  t.teardown(() => set.close());
  await set.start();
  const issuer = new CountingVerifier(settings, set);
  const verifier = by(issuer);
  const claims = accessClaims({ iss: server.issuer }, clock.now());
  const [old, young] = [signToken(KEY, claims), signToken(next, claims)];
  for (const token of [old, young]) t.is(told(await verify(token, verifier)), 'accepted');
  server.publish([next]);
  await set.start();
  t.is(told(await verify(old, verifier)), 'token.key-unknown');
  t.is(cache.size, 1, 'and makes room');
  const kept = verify(young, verifier);
  t.false(kept instanceof Promise, 'a token of a key that stays is not proved again');
  t.is(told(await kept), 'accepted');
  t.is(issuer.proofs, 3);
});

test('remembered tokens are not used when the keys they rest on are too stale', async (t) => {
  const server = await serveJwks([KEY]);
  t.teardown(server.close);
  const { by, clock, verify } = await world();
  const settings = issuerSettings({ issuer: server.issuer, clockTolerance: 7_200_000 }, { maxStale: 3_600_000 });
  const set = new KeySet(settings, clock, ask, new KeyLog());
  t.teardown(() => set.close());
  await set.start();
  const verifier = by(new CountingVerifier(settings, set));
  const token = signToken(KEY, accessClaims({ iss: server.issuer }, clock.now()));
  t.is(told(await verify(token, verifier)), 'accepted');
  await server.behave('error');
  clock.jump(3_600_000);
  t.is(told(await verify(token, verifier)), 'verify.keys-unavailable');
});

test('a flood of forged tokens leaves the good ones where they are', async (t) => {
  const { verify, claims, issuer, cache } = await world({}, { maxEntries: 10 });
  const good = Array.from({ length: 10 }, () => signToken(KEY, claims()));
  for (const token of good) t.is(told(await verify(token)), 'accepted');
  for (let count = 0; count < 200; count += 1)
    t.is(told(await verify(signToken(STRANGER, claims()))), 'token.signature');
  const { proofs } = issuer;
  for (const token of good) t.is(told(await verify(token)), 'accepted');
  t.is(issuer.proofs, proofs);
  t.is(cache.size, 10);
});

for (const [title, secret] of [
  ['PEM', RSA.publicKey.export({ type: 'spki', format: 'pem' })],
  ['DER', RSA.publicKey.export({ type: 'spki', format: 'der' })],
  ['JWK', Buffer.from(JSON.stringify(RSA.jwk))],
  ['modulus', Buffer.from(String(RSA.jwk.n), 'base64url')],
  ['modulus as text', Buffer.from(String(RSA.jwk.n))],
] as const) {
  test(`HS256 keyed with the public key as ${title} is refused, even where HS256 is accepted`, async (t) => {
    const { verify, claims, by, clock } = await world();
    const confusable = await inlineVerifier([RSA], clock, { name: 'confusable', algorithms: ['RS256', 'HS256'] });
    const token = compactToken(
      JSON.stringify({ alg: 'HS256', typ: 'at+jwt', kid: 'rsa' }),
      JSON.stringify(claims()),
      (input) => createHmac('sha256', secret).update(input).digest(),
    );
    t.is(told(await verify(token)), 'token.algorithm');
    t.is(told(await verify(token, by(confusable))), 'token.key-unknown');
  });
}

const HEADERS: readonly (readonly [title: string, header: Record<string, unknown>, code: string])[] = [
  ['a kid that is a number', { kid: 1 }, 'token.malformed'],
  ['a kid that is a list', { kid: ['k1'] }, 'token.malformed'],
  ['a kid that is a path', { kid: '../../../../dev/null' }, 'token.key-unknown'],
  ['a kid that is SQL', { kid: "' UNION SELECT 'x" }, 'token.key-unknown'],
  ['a kid of 4 KiB', { kid: 'k'.repeat(4096) }, 'token.key-unknown'],
  ['an empty kid', { kid: '' }, 'token.key-unknown'],
  ['a kid that every object has', { kid: '__proto__' }, 'token.key-unknown'],
  ['crit with an unknown extension', { crit: ['x'], x: 1 }, 'token.algorithm'],
  ['crit with a known one', { crit: ['b64'], b64: true }, 'token.algorithm'],
  ['crit that is empty', { crit: [] }, 'token.algorithm'],
  ['crit that is null', { crit: null }, 'token.algorithm'],
  ['b64 false', { crit: ['b64'], b64: false }, 'token.algorithm'],
  ['b64 without crit', { b64: false }, 'token.algorithm'],
  ['alg none with a signature', { alg: 'none' }, 'token.algorithm'],
  ['alg NONE', { alg: 'NONE' }, 'token.algorithm'],
  ['no alg', { alg: undefined }, 'token.algorithm'],
  ['a list as alg', { alg: ['ES256'] }, 'token.algorithm'],
  ['an alg that every object has', { alg: 'constructor' }, 'token.algorithm'],
  ['the alg of another key', { alg: 'RS256' }, 'token.key-unknown'],
  ['another alg of the key', { kid: 'rsa', alg: 'PS256' }, 'token.key-unknown'],
  ['a key of its own (jwk)', { jwk: STRANGER.jwk, kid: 'k9' }, 'token.key-unknown'],
  [
    'an address of keys (jku)',
    { jku: 'http://127.0.0.1:1/jwks', x5u: 'http://127.0.0.1:1/', kid: 'k9' },
    'token.key-unknown',
  ],
];

for (const [title, header, code] of HEADERS) {
  test(`a token is refused with ${code}: ${title}`, async (t) => {
    const { verify, claims } = await world();
    t.is(told(await verify(signToken(KEY, claims(), header))), code);
  });
}

test('a token without kid is proved by whichever key of its algorithm fits', async (t) => {
  const { verify, claims } = await world();
  t.is(told(await verify(signToken(RSA, claims(), { kid: undefined }))), 'accepted');
  t.is(told(await verify(signToken(STRANGER, claims(), { kid: undefined }))), 'token.signature');
});

test('alg none with its empty signature is refused for its algorithm', async (t) => {
  const { verify, claims } = await world();
  const token = compactToken('{"alg":"none"}', JSON.stringify(claims()), () => Buffer.alloc(0));
  t.is(told(await verify(token)), 'token.algorithm');
});

/** In the order of checks. Each token has all faults from its own on; the last has none. */
test('one token has one answer: the checks come in their order', async (t) => {
  const { verify, claims, clock } = await world({ requiredClaims: ['sub'] });
  const past = Math.floor(clock.now() / 1000) - 1_000;
  const faults: readonly (readonly [code: string, claims: Record<string, unknown>, header: Record<string, unknown>])[] =
    [
      ['token.malformed', {}, { cty: 1 }],
      ['token.issuer', { iss: 'https://other.example.com' }, {}],
      ['token.algorithm', {}, { crit: ['x'] }],
      ['token.key-unknown', {}, { kid: 'k2' }],
      ['token.signature', {}, {}],
      ['token.type', {}, { typ: 'dpop+jwt' }],
      ['token.claims', { sub: undefined }, {}],
      ['token.claims', { client_id: 7 }, {}],
      ['token.audience', { aud: 'other' }, {}],
      ['token.expired', { exp: past }, {}],
      ['accepted', {}, {}],
    ];
  const signature = faults.findIndex(([code]) => code === 'token.signature');
  for (const [first, [code]] of faults.entries()) {
    const rest = faults.slice(first);
    const body = claims(Object.assign({}, ...rest.map(([, members]) => members)) as Record<string, unknown>);
    const head = Object.assign({}, ...rest.map(([, , members]) => members)) as Record<string, unknown>;
    t.is(told(await verify(signToken(first <= signature ? STRANGER : KEY, body, head))), code, `${first}`);
  }
});

for (const [title, iss, code, detail] of [
  ['no iss', undefined, 'token.claims', 'The token lacks the claim iss: it does not say who issued it.'],
  ['an iss that is a number', 7, 'token.claims', 'The claim iss has the wrong type: it has to be text.'],
  ['an iss that is a list', [ISS], 'token.claims', 'The claim iss has the wrong type: it has to be text.'],
  [
    'a slash behind iss',
    `${ISS}/`,
    'token.issuer',
    `The token names an issuer that is not accepted here; accepted: ${ISS}. It differs only in the slash at its end.`,
  ],
  [
    'iss in capitals',
    ISS.toUpperCase(),
    'token.issuer',
    `The token names an issuer that is not accepted here; accepted: ${ISS}. It differs only in capital and small letters.`,
  ],
  [
    'an iss that every object has',
    '__proto__',
    'token.issuer',
    `The token names an issuer that is not accepted here; accepted: ${ISS}.`,
  ],
] as const) {
  test(`a token is refused with ${code}: ${title}`, async (t) => {
    const { verify, claims } = await world();
    const outcome = await verify(signToken(KEY, claims({ iss })));
    t.deepEqual(outcome, { ok: false, fault: { code, detail } });
  });
}

test('claims whose signature is not proved never reach a refusal', async (t) => {
  const { verify, claims } = await world();
  const secrets = claims({ sub: 'S3CRET', aud: 'S3CRET', jti: 'S3CRET', nonce: 'S3CRET', scope: 'S3CRET', exp: 1 });
  const outcomes = await Promise.all([
    verify(signToken(STRANGER, secrets)),
    verify(signToken(KEY, secrets, { kid: 'S3CRET' })),
    verify(signToken(KEY, secrets, { alg: 'S3CRET' })),
    verify(signToken(KEY, secrets, { crit: ['S3CRET'], S3CRET: 1 })),
    verify(signToken(KEY, { ...secrets, iss: 'https://S3CRET' })),
    verify(`${signToken(KEY, secrets)}=`),
  ]);
  for (const outcome of outcomes) {
    t.false(outcome.ok);
    if (outcome.ok) continue;
    const { cause: _, ...told } = outcome.fault;
    t.false(JSON.stringify(told).includes('S3CRET'), JSON.stringify(told));
  }
});

test('whether a key is unknown or a signature is wrong, nothing says how near a forger came', async (t) => {
  const { verify, claims } = await world();
  const [one, other] = [
    await verify(signToken(STRANGER, claims())),
    await verify(signToken(STRANGER, claims({ exp: 1 }))),
  ];
  t.deepEqual(one.ok || { ...one.fault, cause: undefined }, other.ok || { ...other.fault, cause: undefined });
});
