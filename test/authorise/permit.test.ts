import test from 'ava';
import { Permit } from '../../src/authorise/permit.ts';
import type { GuardSettings, RouteSettings } from '../../src/config/config.ts';
import type { ScopesRule } from '../../src/config/schema.ts';
import { RawToken } from '../../src/token/raw-token.ts';
import { TokenCache } from '../../src/verify/cache.ts';
import { CachedVerifier } from '../../src/verify/cached.ts';
import type { Verified } from '../../src/verify/verifier.ts';
import { FakeClock } from '../support/clock.ts';
import { inlineVerifier } from '../support/issuers.ts';
import { accessClaims, makeKey, signToken } from '../support/keys.ts';

const KEY = makeKey('EdDSA');
const GUARD: GuardSettings = { issuers: [], scopes: undefined, tokenFrom: [{ kind: 'authorization' }], claims: [] };

/** Of a route only its name and its guard are looked at here. */
function route(guard: 'public' | Partial<GuardSettings>): RouteSettings {
  return { id: 'orders', guard: guard === 'public' ? guard : { ...GUARD, ...guard } } as RouteSettings;
}

async function verified(claims: Record<string, unknown>): Promise<Verified> {
  const clock = new FakeClock();
  const issuer = await inlineVerifier([KEY], clock);
  const verifier = new CachedVerifier(
    [issuer],
    new TokenCache({ maxEntries: 1, maxAge: 1000, rejectedFor: 0 }),
    clock.now,
  );
  const token = signToken(KEY, accessClaims({ iss: issuer.issuer, ...claims }, clock.now()));
  const outcome = await verifier.verify(new RawToken(token), clock.now());
  if (!outcome.ok) throw new Error(outcome.fault.code);
  return outcome.value;
}

test('a verified token with the scopes and claims of a route gets its permit', async (t) => {
  const token = await verified({ scope: 'orders:read', tenant: 'acme' });
  const guarded = route({
    scopes: { kind: 'all', scopes: ['orders:read'] },
    claims: [['tenant', { kind: 'equals', value: 'acme' }]],
  });
  const permit = Permit.forToken(guarded, { id: '17' }, token);
  t.true(permit.ok);
  if (!permit.ok) return;
  t.true(permit.value instanceof Permit);
  t.is(permit.value.route, guarded);
  t.is(permit.value.token, token);
  t.deepEqual(permit.value.params, { id: '17' });
});

test('a guard without scopes and rules takes every verified token', async (t) => {
  t.true(Permit.forToken(route({}), {}, await verified({})).ok);
});

test('scopes come before claim rules', async (t) => {
  const token = await verified({ scope: 'orders:write' });
  const scopes: ScopesRule = { kind: 'any', scopes: ['orders:read'] };
  const claims = [['tenant', { kind: 'exists', exists: true }]] as const;
  t.like(Permit.forToken(route({ scopes, claims }), {}, token), { ok: false, fault: { code: 'authorise.scope' } });
  t.like(Permit.forToken(route({ claims }), {}, token), { ok: false, fault: { code: 'authorise.claim' } });
});

test('a public route gives a permit without a token', (t) => {
  const permit = Permit.forPublic(route('public'), {});
  t.true(permit.ok && permit.value.token === undefined);
});

test('nobody enters a guarded route as if it were public', (t) => {
  const permit = Permit.forPublic(route({}), {});
  t.like(permit, { ok: false, fault: { code: 'gateway.internal' } });
  t.regex(permit.ok ? '' : String(permit.fault.cause), /route orders is guarded/);
});

test('a token on a public route is a defect, not a permit', async (t) => {
  const permit = Permit.forToken(route('public'), {}, await verified({}));
  t.like(permit, { ok: false, fault: { code: 'gateway.internal' } });
  t.regex(permit.ok ? '' : String(permit.fault.cause), /route orders is public/);
});
