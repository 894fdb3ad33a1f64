import test, { type ExecutionContext } from 'ava';
import { RawToken } from '../../src/token/raw-token.ts';
import type { Algorithm } from '../../src/verify/algorithms.ts';
import { ask } from '../../src/verify/ask.ts';
import { TokenCache } from '../../src/verify/cache.ts';
import { CachedVerifier } from '../../src/verify/cached.ts';
import { KeySet } from '../../src/verify/keys.ts';
import { JwtVerifier } from '../../src/verify/kinds/jwt.ts';
import { FakeClock } from '../support/clock.ts';
import { inlineVerifier, issuerSettings, KeyLog } from '../support/issuers.ts';
import { accessClaims, makeKey, serveJwks, signToken, type TestKey } from '../support/keys.ts';

const MINUTE = 60_000;
const CACHE = { maxEntries: 100, maxAge: MINUTE, rejectedFor: 60 * MINUTE };

/** A key as issuers publish it that name none. */
function unnamed(key: TestKey): { readonly jwk: Record<string, unknown> } {
  const { kid, ...jwk } = key.jwk;
  return { jwk };
}

/** An issuer whose published keys may change, and how its tokens are answered. */
async function published(t: ExecutionContext, keys: readonly object[]) {
  const provider = await serveJwks(keys);
  const clock = new FakeClock();
  const settings = issuerSettings({ issuer: provider.issuer }, { source: { kind: 'url', url: provider.jwksUri } });
  const set = new KeySet(settings, clock, ask, new KeyLog());
  t.teardown(async () => {
    set.close();
    await provider.close();
  });
  await set.start();
  const verifier = new CachedVerifier([new JwtVerifier(settings, set)], new TokenCache(CACHE), clock.now);
  const answer = async (token: string) => {
    const outcome = await verifier.verify(new RawToken(token), clock.now());
    return outcome.ok ? 'accepted' : outcome.fault.code;
  };
  const sign = (key: TestKey, header?: Record<string, unknown>) =>
    signToken(key, accessClaims({ iss: provider.issuer }, clock.now()), header);
  return { provider, clock, answer, sign };
}

const EC = Array.from({ length: 5 }, (_, index) => makeKey('ES256', `ec-${index}`));
const [FIRST, SECOND] = EC as [TestKey, TestKey];

test('a token that names a key is tried with four keys that have no name, before it is called forged', async (t) => {
  const { answer, sign } = await published(
    t,
    EC.map((key) => unnamed(key).jwk),
  );
  for (const key of EC.slice(0, 4)) {
    t.is(await answer(sign(key)), 'accepted', key.kid);
    t.is(await answer(sign(key, { kid: undefined })), 'accepted', `${key.kid}, without kid`);
  }
  t.is(await answer(sign(EC[4] as TestKey)), 'token.signature', 'the fifth is not tried');
});

test('a key of the name that a token gives goes before those without a name', async (t) => {
  const { answer, sign } = await published(t, [...EC.slice(1).map((key) => unnamed(key).jwk), FIRST.jwk]);
  t.is(await answer(sign(FIRST)), 'accepted');
  t.is(await answer(sign(SECOND, { kid: FIRST.kid })), 'token.signature', 'the key that is named is the one');
  t.is(await answer(sign(SECOND)), 'accepted');
});

test('a key with another name is not tried', async (t) => {
  const { answer, sign } = await published(t, [FIRST.jwk]);
  t.is(await answer(sign(FIRST, { kid: 'another' })), 'token.key-unknown');
});

test('a key without a name that is new is asked for, and nothing is remembered of its absence', async (t) => {
  const { provider, clock, answer, sign } = await published(t, [unnamed(FIRST).jwk]);
  provider.publish([unnamed(SECOND).jwk]);
  t.is(await answer(sign(SECOND)), 'accepted', 'asked for at once');

  const third = sign(EC[2] as TestKey);
  provider.publish([unnamed(EC[2] as TestKey).jwk]);
  t.is(await answer(third), 'token.signature', 'the cooldown lasts');
  clock.advance(MINUTE);
  t.is(await answer(third), 'accepted');
});

test('each of several keys with one name may have signed', async (t) => {
  const { answer, sign } = await published(t, [FIRST.jwk, { ...SECOND.jwk, kid: FIRST.kid }]);
  t.is(await answer(sign(FIRST)), 'accepted');
  t.is(await answer(sign(SECOND, { kid: FIRST.kid })), 'accepted');
  t.is(await answer(sign(EC[2] as TestKey, { kid: FIRST.kid })), 'token.signature');
});

const NAMES = ['EdDSA', 'Ed25519'] as const;
const ED = makeKey('EdDSA', 'ed');

for (const configured of NAMES) {
  for (const published of [...NAMES, undefined]) {
    test(`with ${configured} accepted, a key for ${published ?? 'anything'} verifies EdDSA and Ed25519, which are one`, async (t) => {
      const clock = new FakeClock();
      const { alg, ...plain } = ED.jwk;
      const jwk = published === undefined ? plain : { ...plain, alg: published };
      const algorithms: readonly Algorithm[] = [configured];
      const issuer = await inlineVerifier([{ jwk }], clock, { algorithms });
      const verifier = new CachedVerifier([issuer], new TokenCache(CACHE), clock.now);
      const claims = accessClaims({ iss: issuer.issuer }, clock.now());
      for (const name of NAMES) {
        const good = await verifier.verify(new RawToken(signToken(ED, claims, { alg: name })), clock.now());
        t.true(good.ok, name);
        const forged = signToken(makeKey('EdDSA', 'ed'), claims, { alg: name });
        t.like(await verifier.verify(new RawToken(forged), clock.now()), {
          ok: false,
          fault: { code: 'token.signature' },
        });
      }
      const other = signToken(ED, claims, { alg: 'ES256' });
      t.like(await verifier.verify(new RawToken(other), clock.now()), {
        ok: false,
        fault: { code: 'token.algorithm' },
      });
    });
  }
}
