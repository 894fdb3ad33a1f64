import { createPrivateKey, sign } from 'node:crypto';
import { extractToken } from '../../src/token/extract.ts';
import { RawToken } from '../../src/token/raw-token.ts';
import { TokenCache } from '../../src/verify/cache.ts';
import { CachedVerifier } from '../../src/verify/cached.ts';
import { FakeClock } from '../support/clock.ts';
import { inlineVerifier } from '../support/issuers.ts';
import { accessClaims, compactToken } from '../support/keys.ts';
import { vectorTest } from '../support/vectors.ts';

type Jwk = Record<string, unknown> & { readonly kty: string };

interface Vectors {
  readonly testGroups: readonly {
    readonly private: Jwk;
    readonly tests: readonly { readonly tcId: number; readonly jwe: string; readonly result: string }[];
  }[];
}

const CLOCK = new FakeClock();
const ISS = 'https://login.example.com';
const ALGORITHMS: Readonly<Record<string, string>> = { RSA: 'RS256', 'P-256': 'ES256', 'P-384': 'ES384' };

/** An issuer that publishes what can be published of a decryption key, as a signature key, and a token of that key. */
async function worldOf({ d, p, q, dp, dq, qi, use, alg: _, key_ops, ...open }: Jwk) {
  const alg = ALGORITHMS[String(open.kty === 'RSA' ? 'RSA' : open.crv)];
  if (alg === undefined) return undefined;
  const issuer = await inlineVerifier([{ jwk: open }], CLOCK);
  const key = createPrivateKey({ key: { ...open, d, p, q, dp, dq, qi } as never, format: 'jwk' });
  const header = JSON.stringify({ alg, typ: 'at+jwt', kid: open.kid });
  const hash = alg.endsWith('384') ? 'sha384' : 'sha256';
  const token = compactToken(header, JSON.stringify(accessClaims({ iss: ISS }, CLOCK.now())), (input) =>
    sign(hash, input, { key, dsaEncoding: 'ieee-p1363' }),
  );
  return { verifier: verifierOf(issuer), token };
}

function verifierOf(issuer: Awaited<ReturnType<typeof inlineVerifier>>): CachedVerifier {
  const cache = new TokenCache({ maxEntries: 1000, maxAge: 1000, rejectedFor: 1000 });
  return new CachedVerifier([issuer], cache, CLOCK.now);
}

async function judged(token: string, verifier: CachedVerifier): Promise<string> {
  const request = { authorization: [`Bearer ${token}`], headerValues: () => [] };
  const found = extractToken(request, '', [{ kind: 'authorization' }], 8192);
  if (!found.ok) return `${found.fault.code}: ${found.fault.detail}`;
  const outcome = await verifier.verify(found.value, CLOCK.now());
  return outcome.ok ? 'accepted' : `${outcome.fault.code}: ${outcome.fault.detail}`;
}

const JWE =
  'token.malformed: This is not a usable token: it has 5 parts: it is an encrypted token (JWE), and only signed ones (JWS) are accepted.';
const FOUR = 'token.malformed: This is not a usable token: it has 4 parts where 3 are needed.';
const JSON_FORM =
  'token.request: The token is in JSON form (JWS or JWE JSON serialization); only the compact form, three parts with dots between them, is accepted.';

vectorTest<Vectors>(
  'each of the 139 JWEs is refused as a bearer token, by an issuer with that very key',
  'wycheproof/json_web_encryption_test.json',
  async (t, { testGroups }) => {
    const first = (await Promise.all(testGroups.map((group) => worldOf(group.private)))).find(Boolean);
    if (first === undefined) return t.fail('no group has a key that could sign');
    let controls = 0;
    const answers: Record<string, number> = {};
    for (const group of testGroups) {
      // A shared secret is published nowhere; an issuer with another key stands in for its group.
      const own = await worldOf(group.private);
      const { verifier, token } = own ?? first;
      t.is(await judged(token, verifier), 'accepted', 'the control');
      if (own) controls += 1;
      for (const { tcId, jwe } of group.tests) {
        const answer = await judged(jwe, verifier);
        answers[answer] = (answers[answer] ?? 0) + 1;
        t.not(answer, 'accepted', `case ${tcId}`);
        const again = await verifier.verify(new RawToken(jwe), CLOCK.now());
        t.false(again.ok, `case ${tcId}, asked directly and again`);
      }
    }
    t.is(controls, testGroups.filter((group) => group.private.kty !== 'oct').length);
    t.deepEqual(answers, { [JWE]: 128, [FOUR]: 10, [JSON_FORM]: 1 });
  },
);
