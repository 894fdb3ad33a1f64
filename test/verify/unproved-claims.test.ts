import { randomBytes, type webcrypto } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import { RawToken } from '../../src/token/raw-token.ts';
import { TokenCache } from '../../src/verify/cache.ts';
import { CachedVerifier } from '../../src/verify/cached.ts';
import { FakeClock } from '../support/clock.ts';
import { codeOf, requestBytes, startBehind } from '../support/gateway.ts';
import { inlineVerifier } from '../support/issuers.ts';
import { accessClaims, compactToken, makeKey } from '../support/keys.ts';
import { needsNode } from '../support/needs.ts';

// Only what a signature has proved may be judged and told. ES256, RSA up to 4096 bits and HMAC are turned away before jose
// sees them; what takes longer is jose's alone, and its refusal has to mean the same.

const MARK = 'q7Zk9';

function curveKey(namedCurve: 'P-384' | 'P-521' | 'Ed25519'): Promise<object> {
  const algorithm = namedCurve === 'Ed25519' ? { name: 'Ed25519' } : { name: 'ECDSA', namedCurve };
  return crypto.subtle
    .generateKey(algorithm, true, ['sign', 'verify'])
    .then((pair) => crypto.subtle.exportKey('jwk', (pair as webcrypto.CryptoKeyPair).publicKey));
}

/** Nobody has to know its factors in order not to have signed with it. */
function rsaKey(bits: number): object {
  const modulus = randomBytes(bits / 8);
  modulus[0] = 0xc1;
  modulus[modulus.length - 1] = (modulus.at(-1) as number) | 1;
  return { kty: 'RSA', n: modulus.toString('base64url'), e: 'AQAB' };
}

interface Forged {
  readonly alg: string;
  readonly key: () => object | Promise<object>;
  readonly signature: () => Buffer;
}

const FORGED: readonly (Forged & { readonly title: string })[] = [
  { title: 'EdDSA', alg: 'EdDSA', key: () => curveKey('Ed25519'), signature: () => randomBytes(64) },
  { title: 'Ed25519', alg: 'Ed25519', key: () => curveKey('Ed25519'), signature: () => randomBytes(64) },
  { title: 'ES384', alg: 'ES384', key: () => curveKey('P-384'), signature: () => randomBytes(96) },
  { title: 'ES512', alg: 'ES512', key: () => curveKey('P-521'), signature: () => Buffer.alloc(132, 1) },
  { title: 'RS256 of 8192 bits', alg: 'RS256', key: () => rsaKey(8192), signature: () => signatureBelow(8192) },
  { title: 'PS512 of 8192 bits', alg: 'PS512', key: () => rsaKey(8192), signature: () => signatureBelow(8192) },
  { title: 'ES256', alg: 'ES256', key: () => makeKey('ES256').jwk, signature: () => randomBytes(64) },
];

function signatureBelow(bits: number): Buffer {
  const bytes = randomBytes(bits / 8);
  bytes[0] = 0;
  return bytes;
}

/** Each would be a refusal of its own, and some would tell the claim, were the claims looked at. */
const CLAIMS: readonly Record<string, unknown>[] = [
  {},
  { aud: MARK },
  { exp: 1_000_000_000 },
  { nbf: 9_000_000_000 },
  { iat: 9_000_000_000 },
  { iat: 1_000_000_000 },
  { sub: undefined },
  { scope: { [MARK]: 1 } },
  { at_hash: MARK },
  { typ: 'ID' },
];

async function neverJudged(t: ExecutionContext, { alg, key, signature }: Forged): Promise<void> {
  const clock = new FakeClock();
  const { kid: _, ...jwk } = { ...(await key()), alg, kid: 'k' } as Record<string, unknown>;
  const over = { maxTokenAge: 3_600_000, requiredClaims: ['sub'] };
  const issuer = await inlineVerifier([{ jwk: { ...jwk, kid: 'k' } }], clock, over);
  const cache = new TokenCache({ maxEntries: 100, maxAge: 1000, rejectedFor: 10_000 });
  const verifier = new CachedVerifier([issuer], cache, clock.now);
  for (const claims of CLAIMS) {
    const payload = accessClaims({ iss: issuer.issuer, ...claims }, clock.now());
    const token = compactToken(JSON.stringify({ alg, kid: 'k' }), JSON.stringify(payload), signature);
    for (const round of ['first', 'remembered']) {
      const outcome = await verifier.verify(new RawToken(token), clock.now());
      const { cause, ...said } = outcome.ok ? { cause: undefined } : outcome.fault;
      t.deepEqual({ ...said }, SIGNATURE, `${JSON.stringify(claims)}, ${round}`);
    }
  }
}

const SIGNATURE = {
  code: 'token.signature',
  detail:
    'The signature does not fit the token: it was cut, changed or damaged after it was issued, or signed by somebody else.',
};

for (const { title, ...forged } of FORGED) {
  test(`claims of a forged token are neither judged nor told: ${title}`, (t) => neverJudged(t, forged));
}

needsNode(24)('claims of a forged token are neither judged nor told: ML-DSA-65', async (t) => {
  const pair = await crypto.subtle.generateKey({ name: 'ML-DSA-65' }, true, ['sign', 'verify']);
  const key = await crypto.subtle.exportKey('jwk', (pair as webcrypto.CryptoKeyPair).publicKey);
  await neverJudged(t, { alg: 'ML-DSA-65', key: () => key, signature: () => randomBytes(3309) });
});

test('through a gateway, what a forged EdDSA token says is in no answer and no line', async (t) => {
  const { gateway } = await startBehind(t);
  const key = makeKey('EdDSA', 'ed');
  gateway.keyServer.publish([gateway.key, key]);
  for (const claims of CLAIMS) {
    const payload = accessClaims({ iss: gateway.keyServer.issuer, name: MARK, ...claims });
    const header = JSON.stringify({ alg: 'EdDSA', kid: 'ed' });
    const token = compactToken(header, JSON.stringify(payload), () => randomBytes(64));
    const refused = await gateway.ask(requestBytes({ headers: [['Authorization', `Bearer ${token}`]] }));
    t.is(refused.status, 401);
    t.is(codeOf(refused), 'token.signature');
    t.false(refused.head.includes(MARK) || refused.body.includes(MARK));
  }
  t.false(JSON.stringify(gateway.lines).includes(MARK));
});
