import { createHmac } from 'node:crypto';
import test from 'ava';
import { type JoseVerdict, joseVerdict } from '../../src/verify/jose.ts';
import { readJwks, type VerificationKey } from '../../src/verify/jwks.ts';
import type { IssuerSettings } from '../../src/verify/settings.ts';
import { issuerSettings } from '../support/issuers.ts';
import { accessClaims, compactToken, makeKey, signToken, type TestKey } from '../support/keys.ts';

const NOW = Date.UTC(2026, 10, 22, 10);
const ISSUER = issuerSettings();
const EC = makeKey('ES256');
const RSA = makeKey('RS256');
const ED = makeKey('EdDSA');
const CLAIMS = accessClaims({ iss: ISSUER.issuer }, NOW);

function published(key: TestKey): VerificationKey {
  const [read] = readJwks({ keys: [key.jwk] }).keys;
  if (!read) throw new Error('no key');
  return read;
}

function verdictOn(token: string, key: TestKey, over: Partial<IssuerSettings> = {}): Promise<JoseVerdict> {
  return joseVerdict(token, published(key), { ...ISSUER, ...over }, NOW);
}

for (const key of [EC, RSA, ED, makeKey('PS256')]) {
  test(`jose verifies a token signed with ${key.alg}`, async (t) => {
    t.deepEqual(await verdictOn(signToken(key, CLAIMS), key), { ok: true });
  });
}

const REFUSED: readonly (readonly [
  title: string,
  code: string,
  proved: boolean,
  token: string,
  key: TestKey,
  over?: Partial<IssuerSettings>,
])[] = [
  ['an EC signature and an RSA key', 'token.algorithm', false, signToken(EC, CLAIMS), RSA],
  ['an RSA signature and an EC key', 'token.algorithm', false, signToken(RSA, CLAIMS), EC],
  ['an RSA signature that says ES256', 'token.algorithm', false, signToken(RSA, CLAIMS, { alg: 'ES256' }), RSA],
  ['an Ed25519 signature that says ES256', 'token.algorithm', false, signToken(ED, CLAIMS, { alg: 'ES256' }), ED],
  ['the signature of another key', 'token.signature', false, signToken(makeKey('ES256'), CLAIMS), EC],
  [
    'an algorithm that is not on the list',
    'token.algorithm',
    false,
    signToken(EC, CLAIMS),
    EC,
    { algorithms: ['RS256'] },
  ],
  ['a critical extension', 'token.algorithm', false, signToken(EC, CLAIMS, { crit: ['x'], x: 1 }), EC],
  ['a list of critical extensions that is no list', 'token.malformed', false, signToken(EC, CLAIMS, { crit: 'x' }), EC],
  ['an expired token', 'token.expired', true, signToken(EC, { ...CLAIMS, exp: 1 }), EC],
  ['another audience', 'token.claims', true, signToken(EC, { ...CLAIMS, aud: 'x' }), EC],
  ['a date that is text', 'token.claims', true, signToken(EC, { ...CLAIMS, nbf: 'x' }), EC],
  ['no exp', 'token.claims', true, signToken(EC, { ...CLAIMS, exp: undefined }), EC],
];

/** A key of another kind than the algorithm asks for: jose says so in an error of its own or, on newer Nodes, a TypeError. */
const MISFITS = ['token.algorithm', 'token.signature'];

for (const [title, code, proved, token, key, over] of REFUSED) {
  test(`jose's no to ${title} is ${code}${proved ? ', of a signature that held' : ''}`, async (t) => {
    const verdict = await verdictOn(token, key, over);
    t.like(verdict, { ok: false, proved } as never);
    const codes = /and an? (?:RSA|EC) key|that says ES256/.test(title) ? MISFITS : [code];
    t.true(!verdict.ok && codes.includes(verdict.code), JSON.stringify(verdict));
    t.true(!verdict.ok && verdict.cause instanceof Error);
  });
}

for (const [title, secret] of [
  ['PEM', RSA.publicKey.export({ type: 'spki', format: 'pem' })],
  ['DER', RSA.publicKey.export({ type: 'spki', format: 'der' })],
  ['JWK', Buffer.from(JSON.stringify(RSA.jwk))],
  ['modulus', Buffer.from(String(RSA.jwk.n), 'base64url')],
] as const) {
  test(`an HMAC keyed with the public key as ${title} is no signature, even where HS256 is on the list`, async (t) => {
    const token = compactToken(JSON.stringify({ alg: 'HS256', kid: RSA.kid }), JSON.stringify(CLAIMS), (input) =>
      createHmac('sha256', secret).update(input).digest(),
    );
    t.like(await verdictOn(token, RSA, { algorithms: ['RS256', 'HS256'] }), {
      ok: false,
      code: 'token.signature',
      proved: false,
    });
  });
}
