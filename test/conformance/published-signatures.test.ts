import { createHmac, createSecretKey } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { calculateJwkThumbprint, importJWK, type JWK, SignJWT } from 'jose';
import { readCompact } from '../../src/token/compact.ts';
import { extractToken } from '../../src/token/extract.ts';
import { RawToken } from '../../src/token/raw-token.ts';
import type { Algorithm } from '../../src/verify/algorithms.ts';
import { TokenCache } from '../../src/verify/cache.ts';
import { CachedVerifier } from '../../src/verify/cached.ts';
import { joseVerdict } from '../../src/verify/jose.ts';
import { readJwks, type VerificationKey } from '../../src/verify/jwks.ts';
import { JwtVerifier } from '../../src/verify/kinds/jwt.ts';
import { SharedSecret } from '../../src/verify/secret.ts';
import { FakeClock } from '../support/clock.ts';
import { inlineVerifier, issuerSettings } from '../support/issuers.ts';
import { accessClaims } from '../support/keys.ts';
import { vectorTest } from '../support/vectors.ts';

/*
 * What RFCs and the JOSE cookbook publish as examples. No example is an access token by our rules: most have a line of
 * prose for a payload, the rest lack an audience. So each signed one is checked in two steps. Its own signature: jose's
 * verdict, with the key as our key reader gives it, has to come from behind the signature (a changed one is told
 * apart). Then the whole path: an access token that is signed with the same key is accepted.
 */

/** When RFC 7519's example, issued by joe, is still good. */
const CLOCK = new FakeClock(Date.UTC(2011, 2, 22));
const ISS = 'joe';

type Key = JWK & Record<string, unknown>;

/** A secret of any bytes, where the config has text. */
class PublishedSecret extends SharedSecret {
  readonly #key: VerificationKey;

  constructor(jwk: Key, alg: Algorithm) {
    super('', [alg]);
    const key = createSecretKey(Buffer.from(jwk.k ?? '', 'base64url'));
    this.#key = { id: 'published', kid: undefined, algorithms: [alg], key, jwk: undefined };
  }

  override find() {
    return { ok: true, value: [this.#key] } as const;
  }
}

function publicPart({ d, p, q, dp, dq, qi, ...jwk }: Key): Key {
  return jwk;
}

async function verifierOf(jwk: Key, alg: Algorithm, iss = ISS): Promise<CachedVerifier> {
  const over = { issuer: iss, algorithms: [alg] };
  const issuer =
    jwk.kty === 'oct'
      ? new JwtVerifier(issuerSettings(over), new PublishedSecret(jwk, alg))
      : await inlineVerifier([{ jwk: publicPart(jwk) }], CLOCK, over);
  const cache = new TokenCache({ maxEntries: 10, maxAge: 1000, rejectedFor: 0 });
  return new CachedVerifier([issuer], cache, CLOCK.now);
}

/** What a client gets that sends this behind `Bearer `. */
async function sent(text: string, verifier: CachedVerifier): Promise<string> {
  const request = { authorization: [`Bearer ${text}`], headerValues: () => [] };
  const token = extractToken(request, '', [{ kind: 'authorization' }], 8192);
  return token.ok ? given(token.value.reveal(), verifier) : `${token.fault.code}: ${token.fault.detail}`;
}

/** What the verifier says of a text, wherever it comes from. */
async function given(text: string, verifier: CachedVerifier): Promise<string> {
  const outcome = await verifier.verify(new RawToken(text), CLOCK.now());
  return outcome.ok ? 'accepted' : `${outcome.fault.code}: ${outcome.fault.detail ?? ''}`;
}

async function signed(jwk: Key, alg: Algorithm, iss = ISS): Promise<string> {
  const header = { alg, typ: 'at+jwt', ...(jwk.kid === undefined ? {} : { kid: jwk.kid }) };
  const claims = accessClaims({ iss }, CLOCK.now());
  return new SignJWT(claims).setProtectedHeader(header).sign(await importJWK(jwk, alg));
}

/** jose's verdict on a compact JWS, and on the same with one bit of its signature changed. */
async function signatureVerdicts(jws: string, jwk: Key, alg: Algorithm, iss: string): Promise<readonly string[]> {
  const settings = issuerSettings({ issuer: iss, algorithms: [alg] });
  const ring =
    jwk.kty === 'oct' ? new PublishedSecret(jwk, alg).find().value : readJwks({ keys: [publicPart(jwk)] }).keys;
  const [key] = ring;
  if (key === undefined) throw new Error('no key');
  const [head, body, signature = ''] = jws.split('.');
  const bytes = Buffer.from(signature, 'base64url');
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
  const changed = `${head}.${body}.${bytes.toString('base64url')}`;
  const verdicts: string[] = [];
  for (const token of [jws, changed]) {
    const verdict = await joseVerdict(token, key, settings, CLOCK.now());
    verdicts.push(verdict.ok ? 'accepted' : verdict.code);
  }
  return verdicts;
}

/** That a key works on the whole path, so that a refusal beside it is for the token. */
async function control(t: ExecutionContext, jwk: Key, alg: Algorithm): Promise<void> {
  t.is(await sent(await signed(jwk, alg), await verifierOf(jwk, alg)), 'accepted', `${alg} with a token of ours`);
}

// ---- RFC 7515, 8037, 9449, 7638 -------------------------------------------------------------------------------------

interface RfcVector {
  readonly id: string;
  readonly key?: Key | null;
  readonly jws?: unknown;
  readonly alg?: Algorithm;
  readonly access_token?: string;
  readonly thumbprint?: string;
}

const NO_AUDIENCE = 'token.audience: The token needs the audience orders-api; it names no audience.';
const NO_ISSUER = 'token.claims: The token lacks the claim iss: it does not say who issued it.';
const PROSE = 'token.malformed: This is not a usable token: its payload is not JSON.';
const JSON_FORM =
  'token.request: The token is in JSON form (JWS or JWE JSON serialization); only the compact form, three parts with dots between them, is accepted.';

/** By vector: the verdict on its signature (absent: it has none to check), and what a client gets for it. */
const RFC: Readonly<Record<string, { readonly signature?: string; readonly answer?: string }>> = {
  'RFC7515-A.1-HS256': { signature: 'token.claims', answer: NO_AUDIENCE },
  'RFC7515-A.2-RS256': { signature: 'token.claims', answer: NO_AUDIENCE },
  'RFC7515-A.3-ES256': { signature: 'token.claims', answer: NO_AUDIENCE },
  'RFC7515-A.5-none': {},
  'RFC7515-A.6-general-json': {},
  'RFC8037-A.4-EdDSA': { signature: 'token.malformed', answer: PROSE },
  'RFC9449-Fig2-dpop-token-endpoint': { signature: 'token.claims', answer: NO_ISSUER },
  'RFC9449-Fig13-dpop-resource': { signature: 'token.claims', answer: NO_ISSUER },
  'RFC7638-3.1-thumbprint': {},
};

type RfcFile = { readonly vectors: readonly RfcVector[] };

/** The key of a vector; a DPoP proof carries its own in its header. */
function keyOf({ key, jws }: RfcVector): Key {
  if (key) return key;
  return JSON.parse(Buffer.from(String(jws).split('.')[0] ?? '', 'base64url').toString()).jwk as Key;
}

vectorTest<RfcFile>('each RFC vector gets its verdict', 'rfc/rfc_vectors.json', async (t, { vectors }) => {
  t.deepEqual(vectors.map(({ id }) => id).sort(), Object.keys(RFC).sort(), 'all nine are there and judged');
  for (const vector of vectors) {
    const { signature, answer } = RFC[vector.id] ?? {};
    if (signature === undefined || vector.alg === undefined) continue;
    const { alg } = vector;
    const jwk = keyOf(vector);
    t.deepEqual(await signatureVerdicts(String(vector.jws), jwk, alg, ISS), [signature, 'token.signature'], vector.id);
    t.is(await sent(String(vector.jws), await verifierOf(jwk, alg)), answer ?? '', vector.id);
    if (jwk.kty === 'oct') await control(t, jwk, alg);
  }
});

vectorTest<RfcFile>(
  'unsigned and JSON forms of RFC 7515 are refused by the keys of its signed ones',
  'rfc/rfc_vectors.json',
  async (t, { vectors }) => {
    const find = (id: string) => vectors.find((vector) => vector.id === id) as RfcVector;
    const signedOnes = vectors.filter(({ id }) => /^RFC7515-A\.[123]/.test(id));
    t.is(signedOnes.length, 3);
    for (const { key, alg } of signedOnes) {
      const verifier = await verifierOf(key as Key, alg as Algorithm);
      t.regex(await sent(String(find('RFC7515-A.5-none').jws), verifier), /^token\.algorithm: The token is not signed/);
      const json = JSON.stringify(find('RFC7515-A.6-general-json').jws);
      t.is(await sent(json, verifier), JSON_FORM);
      t.regex(await given(json, verifier), /^token\.malformed: /);
    }
  },
);

vectorTest<RfcFile>(
  'a DPoP proof is refused although its key is published, and so is the token beside it',
  'rfc/rfc_vectors.json',
  async (t, { vectors }) => {
    const proofs = vectors.filter(({ id }) => id.startsWith('RFC9449'));
    t.is(proofs.length, 2);
    for (const proof of proofs) t.is(await sent(String(proof.jws), await verifierOf(keyOf(proof), 'ES256')), NO_ISSUER);
    // Opaque with a dot in it: its second part begins as no JWT's payload does.
    const { access_token: token = '' } = proofs.find((proof) => proof.access_token !== undefined) ?? {};
    t.regex(await sent(token, await verifierOf(keyOf(proofs[0] as RfcVector), 'ES256')), /^token\.malformed: /);
  },
);

vectorTest<RfcFile>('the key of RFC 7638 is read as that key', 'rfc/rfc_vectors.json', async (t, { vectors }) => {
  const vector = vectors.find(({ id }) => id === 'RFC7638-3.1-thumbprint');
  const [key] = readJwks({ keys: [vector?.key] }).keys;
  t.is(await calculateJwkThumbprint(key?.jwk as JWK), vector?.thumbprint ?? '');
});

// ---- JOSE cookbook (RFC 7520, 8037, 7797) ---------------------------------------------------------------------------

interface Output {
  readonly compact?: string;
  readonly json?: object;
  readonly json_flat?: object;
}

interface Recipe {
  readonly input: { readonly key?: Key | readonly Key[]; readonly alg: Algorithm | readonly Algorithm[] };
  readonly output: Output;
}

const NESTED = '6.nesting_signatures_and_encryption.json';
const DETACHED =
  'token.malformed: This is not a usable token: its payload is missing: nothing stands between its dots.';
const JWE =
  'token.malformed: This is not a usable token: it has 5 parts: it is an encrypted token (JWE), and only signed ones (JWS) are accepted.';

/** By file: what a client gets for the compact form, where the file has one. */
const SIGNED: Readonly<Record<string, string | undefined>> = {
  'jws/4_1.rsa_v15_signature.json': PROSE,
  'jws/4_2.rsa-pss_signature.json': PROSE,
  'jws/4_3.ecdsa_signature.json': PROSE,
  'jws/4_4.hmac-sha2_integrity_protection.json': PROSE,
  'jws/4_5.signature_with_detached_content.json': DETACHED,
  'jws/4_6.protecting_specific_header_fields.json': undefined,
  'jws/4_7.protecting_content_only.json': undefined,
  'jws/4_8.multiple_signatures.json': undefined,
  'curve25519/jws.json': PROSE,
  'rfc7797/4.2.hmac-sha2_b64_false.json': undefined,
  'rfc7797/hmac-sha2_b64_false.json': "token.request: There are several words behind 'Bearer': one token is expected.",
};

const ENCRYPTED = [
  'curve25519/ecdh-es.json',
  'jwe/5_1.key_encryption_using_rsa_v15_and_aes-hmac-sha2.json',
  'jwe/5_2.key_encryption_using_rsa-oaep_with_aes-gcm.json',
  'jwe/5_3.key_wrap_using_pbes2-aes-keywrap_with-aes-cbc-hmac-sha2.json',
  'jwe/5_4.key_agreement_with_key_wrapping_using_ecdh-es_and_aes-keywrap_with_aes-gcm.json',
  'jwe/5_5.key_agreement_using_ecdh-es_with_aes-cbc-hmac-sha2.json',
  'jwe/5_6.direct_encryption_using_aes-gcm.json',
  'jwe/5_7.key_wrap_using_aes-gcm_keywrap_with_aes-cbc-hmac-sha2.json',
  'jwe/5_8.key_wrap_using_aes-keywrap_with_aes-gcm.json',
  'jwe/5_9.compressed_content.json',
  'jwe/5_10.including_additional_authentication_data.json',
  'jwe/5_11.protecting_specific_header_fields.json',
  'jwe/5_12.protecting_content_only.json',
  'jwe/5_13.encrypting_to_multiple_recipients.json',
];

const KEYS = [
  'jwk/3_1.ec_public_key.json',
  'jwk/3_2.ec_private_key.json',
  'jwk/3_3.rsa_public_key.json',
  'jwk/3_4.rsa_private_key.json',
  'jwk/3_5.symmetric_key_mac_computation.json',
  'jwk/3_6.symmetric_key_encryption.json',
];

vectorTest<unknown>('every file of the cookbook is in one of these tests', `jose-cookbook/${NESTED}`, (t) => {
  const folder = process.env.BEARERGATE_VECTORS ?? join(import.meta.dirname, '../../../shared/vectors');
  const files = readdirSync(join(folder, 'jose-cookbook'), { recursive: true, encoding: 'utf8' });
  const read = [NESTED, ...Object.keys(SIGNED), ...ENCRYPTED, ...KEYS];
  t.deepEqual(files.filter((file) => file.endsWith('.json')).sort(), read.sort());
  t.is(read.length, 32);
});

/** The forms of an output in JSON, as text. */
function jsonForms({ json, json_flat }: Output): string[] {
  return [json, json_flat].filter((form) => form !== undefined).map((form) => JSON.stringify(form));
}

async function refuseJsonForms(t: ExecutionContext, output: Output, verifier: CachedVerifier): Promise<void> {
  const forms = jsonForms(output);
  t.true(forms.length > 0, 'there is at least one JSON form');
  for (const form of forms) {
    t.is(await sent(form, verifier), JSON_FORM);
    t.regex(await given(form, verifier), /^token\.malformed: /);
    t.regex(await given(Buffer.from(form).toString('base64url'), verifier), /^token\.malformed: /);
  }
}

for (const [file, answer] of Object.entries(SIGNED)) {
  vectorTest<Recipe>(`cookbook: ${file}`, `jose-cookbook/${file}`, async (t, { input, output }) => {
    const keys = [input.key as Key].flat();
    const algorithms = [input.alg].flat();
    t.is(keys.length, algorithms.length);
    for (const [index, jwk] of keys.entries()) {
      const alg = algorithms[index] as Algorithm;
      await control(t, jwk, alg);
      const verifier = await verifierOf(jwk, alg);
      await refuseJsonForms(t, output, verifier);
      t.is(output.compact === undefined, answer === undefined);
      if (output.compact === undefined) continue;
      t.is(await sent(output.compact, verifier), answer ?? '');
      t.regex(await given(output.compact, verifier), /^token\.malformed: /);
      // The payload is prose: jose says so behind the signature only.
      if (answer === PROSE)
        t.deepEqual(await signatureVerdicts(output.compact, jwk, alg, ISS), ['token.malformed', 'token.signature']);
    }
  });
}

vectorTest<Recipe>(
  'an unencoded payload (b64) is refused whatever it holds, as is any crit',
  'jose-cookbook/rfc7797/hmac-sha2_b64_false.json',
  async (t, { input }) => {
    const jwk = input.key as Key;
    const verifier = await verifierOf(jwk, 'HS256');
    await control(t, jwk, 'HS256');
    // What is signed is the same text, whether that payload is taken for encoded or for itself.
    for (const extension of [
      { b64: false, crit: ['b64'] },
      { b64: true, crit: ['b64'] },
      { b64: true },
      { crit: [] },
    ]) {
      const header = { alg: 'HS256', ...extension };
      const claims = Buffer.from(JSON.stringify(accessClaims({ iss: ISS }, CLOCK.now()))).toString('base64url');
      const text = `${Buffer.from(JSON.stringify(header)).toString('base64url')}.${claims}`;
      const mac = createHmac('sha256', Buffer.from(jwk.k ?? '', 'base64url'))
        .update(text)
        .digest();
      t.regex(await sent(`${text}.${mac.toString('base64url')}`, verifier), /^token\.algorithm: .*crit/);
    }
  },
);

interface Nested {
  readonly sign: Recipe;
  readonly encrypt: { readonly input: { readonly key: Key }; readonly output: Output };
}

vectorTest<Nested>(
  'the signed JWT inside the nested one is proved, the nested one is refused',
  `jose-cookbook/${NESTED}`,
  async (t, { sign, encrypt }) => {
    const jwk = sign.input.key as Key;
    const iss = 'hobbiton.example';
    const jws = sign.output.compact ?? '';
    t.true(readCompact(jws).ok);
    t.deepEqual(await signatureVerdicts(jws, jwk, 'PS256', iss), ['token.claims', 'token.signature']);
    const verifier = await verifierOf(jwk, 'PS256', iss);
    t.is(await sent(jws, verifier), NO_AUDIENCE);
    // Its header names no key although the key has a kid; so does this one's.
    const { kid: _, ...nameless } = jwk;
    t.is(await sent(await signed(nameless, 'PS256', iss), verifier), 'accepted');
    t.is(await sent(encrypt.output.compact ?? '', verifier), JWE);
    await refuseJsonForms(t, encrypt.output, verifier);
  },
);

const CURVES: Readonly<Record<string, Algorithm>> = { 'P-256': 'ES256', 'P-384': 'ES384', 'P-521': 'ES512' };

/** The signature algorithm that a key of any purpose could be used with. */
function signatureAlgorithm({ kty, crv }: Key): Algorithm | undefined {
  if (kty === 'EC') return CURVES[crv ?? ''];
  return kty === 'RSA' ? 'RS256' : kty === 'oct' ? 'HS256' : undefined;
}

for (const file of ENCRYPTED) {
  vectorTest<Recipe>(`cookbook: ${file}`, `jose-cookbook/${file}`, async (t, { input, output }) => {
    const keys = [input.key ?? []].flat() as readonly Key[];
    // Password-based keys and X25519 sign nothing: a secret stands in for them.
    const usable = keys.filter((jwk) => signatureAlgorithm(jwk) !== undefined);
    const standIn: Key = { kty: 'oct', k: Buffer.alloc(32, 7).toString('base64url') };
    for (const { use: _, alg: __, kid: ___, ...jwk } of usable.length ? usable : [standIn]) {
      const alg = signatureAlgorithm(jwk as Key) as Algorithm;
      // The control: the very key that decrypts these signs tokens that are accepted, where it is published for that.
      await control(t, jwk as Key, alg);
      const verifier = await verifierOf(jwk as Key, alg);
      if (output.compact !== undefined) t.is(await sent(output.compact, verifier), JWE);
      await refuseJsonForms(t, output, verifier);
    }
  });
}

for (const [index, file] of KEYS.entries()) {
  vectorTest<Key>(`cookbook: ${file}`, `jose-cookbook/${file}`, (t, jwk) => {
    const expected = [undefined, /private member d/, undefined, /private member d/, /shared secret/, /shared secret/];
    const reason = expected[index];
    if (reason === undefined) t.is(readJwks({ keys: [jwk] }).keys.length, 1);
    else {
      t.throws(() => readJwks({ keys: [jwk] }), { message: reason });
      if (jwk.kty !== 'oct') t.is(readJwks({ keys: [publicPart(jwk)] }).keys.length, 1);
    }
  });
}

for (const [secret, open, alg] of [
  ['jwk/3_2.ec_private_key.json', 'jwk/3_1.ec_public_key.json', 'ES512'],
  ['jwk/3_4.rsa_private_key.json', 'jwk/3_3.rsa_public_key.json', 'RS256'],
] as const) {
  vectorTest<Key>(`cookbook: ${secret} signs for what the public file publishes`, `jose-cookbook/${secret}`, (t, jwk) =>
    control(t, jwk, alg),
  );
  vectorTest<Key>(`cookbook: ${open} is enough to verify`, `jose-cookbook/${open}`, (t, jwk) => {
    t.is(jwk.d, undefined);
    t.true(readJwks({ keys: [jwk] }).keys[0]?.algorithms.includes(alg));
  });
}

test('the tables hold 9 RFC vectors and 31 recipes and keys beside the nested one', (t) => {
  t.is(Object.keys(RFC).length, 9);
  t.is(Object.keys(SIGNED).length + ENCRYPTED.length + KEYS.length, 31);
});
