import test from 'ava';
import fc from 'fast-check';
import type { Outcome } from '../../src/outcome.ts';
import { RawToken } from '../../src/token/raw-token.ts';
import type { Ask } from '../../src/verify/ask.ts';
import { TokenCache } from '../../src/verify/cache.ts';
import { CachedVerifier } from '../../src/verify/cached.ts';
import { KeySet } from '../../src/verify/keys.ts';
import { JwtVerifier } from '../../src/verify/kinds/jwt.ts';
import type { Verified } from '../../src/verify/verifier.ts';
import { FakeClock } from '../support/clock.ts';
import { issuerSettings, KeyLog } from '../support/issuers.ts';
import { makeKey, signToken } from '../support/keys.ts';
import { takeMonotonicTime } from '../support/monotonic.ts';

const passMonotonic = takeMonotonicTime();

const ISS = 'https://login.example.com';
const START = Date.UTC(2026, 10, 22, 10);
const KEYS = [makeKey('EdDSA', 'a'), makeKey('EdDSA', 'b'), makeKey('EdDSA', 'a')] as const;
const [A, B, C] = KEYS;

const at = (seconds: number) => START / 1000 + seconds;
const claims = (sub: string, over: Record<string, unknown> = {}) => ({
  iss: ISS,
  sub,
  aud: 'x',
  iat: at(-1_000),
  exp: at(2_000),
  ...over,
});

/** Good ones of each key, short and late ones, and some that are refused for one reason each. */
const TOKENS = [
  signToken(A, claims('of key a')),
  signToken(B, claims('of key b')),
  signToken(C, claims('of the other key named a')),
  signToken(A, claims('without kid'), { kid: undefined }),
  signToken(A, claims('short', { exp: at(20) })),
  signToken(A, claims('later', { nbf: at(40) })),
  signToken(A, claims('young', { iat: at(-10) })),
  signToken(A, claims('for y', { aud: 'y' })),
  signToken(A, claims('for both', { aud: ['y', 'x'] })),
  signToken(A, claims('for nobody', { aud: 'z' })),
  signToken(A, claims('without tenant', { aud: ['x', 'z'] })),
  signToken(A, claims('of an unknown key'), { kid: 'c' }),
  signToken(makeKey('EdDSA', 'a'), claims('forged')),
  signToken(A, claims('another type'), { typ: 'dpop+jwt' }),
];

type Step =
  | { readonly do: 'verify'; readonly token: number; readonly route: number }
  | { readonly do: 'advance' | 'jump'; readonly ms: number }
  | { readonly do: 'publish'; readonly keys: readonly number[] }
  | { readonly do: 'rename' }
  | { readonly do: 'outage' }
  | { readonly do: 'refresh' };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant('verify' as const),
      token: fc.oneof(fc.nat(3), fc.nat(TOKENS.length - 1)),
      route: fc.nat(3),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.constantFrom(1, 4_000, 25_000, 70_000) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('jump' as const),
      ms: fc.constantFrom(-100_000, -30_000, 15_000, 60_000, 300_000),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('publish' as const), keys: fc.subarray([0, 1, 2], { minLength: 1 }) }),
  },
  { weight: 1, arbitrary: fc.constant({ do: 'rename' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'outage' as const }) },
  { weight: 2, arbitrary: fc.constant({ do: 'refresh' as const }) },
);

interface Settings {
  readonly rejectedFor: number;
  readonly maxEntries: number;
}

const settings: fc.Arbitrary<Settings> = fc.record({
  rejectedFor: fc.constantFrom(0, 10_000),
  maxEntries: fc.constantFrom(1, 3, 100),
});

const seen = { hit: 0, refusedHit: 0, accepted: 0, delayed: 0, proved: 0 };

/** Everything that a client could tell apart. */
function answerOf(outcome: Outcome<Verified>): string {
  if (!outcome.ok) return `${outcome.fault.code}: ${outcome.fault.detail}`;
  const { issuer, claims: proved, scopes } = outcome.value;
  return JSON.stringify([issuer.name, proved, scopes]);
}

/** A world of two issuers with one name, four routes, one cache, and a provider that does as it is told. */
class Model {
  readonly #clock = new FakeClock(START);
  readonly #rejectedFor: number;
  readonly #cache: TokenCache;
  readonly #sets: readonly KeySet[];
  readonly #routes: readonly (readonly JwtVerifier[])[];
  readonly #cached: readonly CachedVerifier[];
  readonly #refusedAt = new Map<number, number>();
  #published: readonly object[] = KEYS.slice(0, 2).map(({ jwk }) => jwk);
  #down = false;
  #passed = 0;

  constructor({ rejectedFor, maxEntries }: Settings) {
    this.#rejectedFor = rejectedFor;
    this.#cache = new TokenCache({ maxEntries, maxAge: 60_000, rejectedFor });
    const provider: Ask = async () =>
      this.#down ? new Response('', { status: 500 }) : Response.json({ keys: this.#published });
    const keys = { source: { kind: 'url', url: `${ISS}/jwks` }, maxStale: 500_000, cooldown: 5_000 } as const;
    const issuers = [
      issuerSettings({ name: 'x', issuer: ISS, audience: ['x'] }, keys),
      issuerSettings({ name: 'y', issuer: ISS, audience: ['y'], maxTokenAge: 1_300_000 }, keys),
    ];
    this.#sets = issuers.map((issuer) => new KeySet(issuer, this.#clock, provider, new KeyLog()));
    const [x, y] = issuers.map((issuer, index) => new JwtVerifier(issuer, this.#sets[index] as KeySet)) as [
      JwtVerifier,
      JwtVerifier,
    ];
    this.#routes = [[x], [y], [x, y], [y, x]];
    this.#cached = this.#routes.map((route) => new CachedVerifier(route, this.#cache, this.#clock.now));
  }

  async take(next: Step): Promise<void> {
    switch (next.do) {
      case 'verify':
        return this.#compare(next.token, next.route);
      case 'advance':
        this.#passed += next.ms;
        this.#clock.advance(next.ms);
        passMonotonic(next.ms);
        // Whatever the timers began has to end before anything is compared.
        return this.refresh();
      case 'jump':
        return this.#clock.jump(next.ms);
      case 'publish':
        this.#published = next.keys.map((index) => (KEYS[index] as (typeof KEYS)[number]).jwk);
        return;
      case 'rename':
        this.#published = this.#published.map((jwk) => ({ ...jwk, kid: 'c' }));
        return;
      case 'outage':
        this.#down = !this.#down;
        return;
      case 'refresh':
        return this.refresh();
    }
  }

  async refresh(): Promise<void> {
    await Promise.all(this.#sets.map((set) => set.start()));
  }

  close(): void {
    for (const set of this.#sets) set.close();
    seen.hit += this.#cache.counts.hit;
    seen.refusedHit += this.#cache.counts.refusedHit;
    seen.proved += this.#cache.counts.miss;
  }

  async #compare(token: number, route: number): Promise<void> {
    const raw = new RawToken(TOKENS[token] as string);
    const before = this.#cache.counts.refusedHit;
    const cached = await (this.#cached[route] as CachedVerifier).verify(raw, this.#clock.now());
    const rememberedRefusal = this.#cache.counts.refusedHit > before;
    const fresh = new TokenCache({ maxEntries: 1, maxAge: 1, rejectedFor: 0 });
    const uncached = await new CachedVerifier(this.#routes[route] ?? [], fresh, this.#clock.now).verify(
      raw,
      this.#clock.now(),
    );
    if (uncached.ok) seen.accepted += 1;
    if (!cached.ok && !rememberedRefusal) this.#refusedAt.set(token, this.#passed);
    if (answerOf(cached) === answerOf(uncached)) return;
    // The one difference that is allowed: a refusal that was right when it was given, for rejectedFor and no longer.
    const age = this.#passed - (this.#refusedAt.get(token) ?? Number.NEGATIVE_INFINITY);
    if (!cached.ok && rememberedRefusal && age <= this.#rejectedFor + 1_000) seen.delayed += 1;
    else throw new Error(`token ${token} on route ${route}: ${answerOf(cached)}, but uncached ${answerOf(uncached)}`);
  }
}

test('whatever happens to tokens, keys and clocks, a remembered answer is the one that would be found anew', async (t) => {
  await fc.assert(
    fc.asyncProperty(settings, fc.array(step, { minLength: 10, maxLength: 60, size: 'max' }), async (rules, steps) => {
      const model = new Model(rules);
      await model.refresh();
      try {
        for (const next of steps) await model.take(next);
      } finally {
        model.close();
      }
    }),
    { numRuns: 300 },
  );
  for (const [what, count] of Object.entries(seen)) t.true(count > 0, what);
  t.log(seen);
});
