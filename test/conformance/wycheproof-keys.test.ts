import { createHash, createHmac, createPrivateKey, createPublicKey, createSecretKey, sign, verify } from 'node:crypto';
import type { ExecutionContext } from 'ava';
import { issuerRules } from '../../src/config/issuer-rules.ts';
import { extractToken } from '../../src/token/extract.ts';
import type { Algorithm } from '../../src/verify/algorithms.ts';
import { TokenCache } from '../../src/verify/cache.ts';
import { CachedVerifier } from '../../src/verify/cached.ts';
import { joseVerdict } from '../../src/verify/jose.ts';
import { readJwks } from '../../src/verify/jwks.ts';
import { FakeClock } from '../support/clock.ts';
import { inlineVerifier, issuerSettings } from '../support/issuers.ts';
import { accessClaims, compactToken, makeKey, signToken } from '../support/keys.ts';
import { vectorTest } from '../support/vectors.ts';

/*
 * test/verify/jwks.test.ts holds the published verdicts against the key reader. Here the keys stand in an issuer's set,
 * beside a good one, and access tokens that are right in everything are signed with them: no bad key opens anything.
 * The payload of the published tokens is the word foo, which is no JWT: their own signatures are judged by jose alone.
 */

type Jwk = Record<string, unknown> & { readonly kty: string };

interface Group {
  readonly comment: string;
  readonly private: { readonly keys: readonly Jwk[] };
  readonly public?: { readonly keys: readonly Jwk[] };
  readonly tests: readonly { readonly tcId: number; readonly jws: string; readonly result: string }[];
}

interface Vectors {
  readonly testGroups: readonly Group[];
}

const FILE = 'wycheproof/json_web_key_test.json';
const CLOCK = new FakeClock();
const ISS = 'https://login.example.com';
const GOOD = makeKey('EdDSA', 'good');

/** The file's private members are test data, and no member of a published key. */
function published(jwk: Jwk): Jwk {
  const { d, p, q, dp, dq, qi, ...rest } = jwk;
  return rest as Jwk;
}

async function verifierOf(keys: readonly Jwk[]): Promise<CachedVerifier> {
  const issuer = await inlineVerifier(
    [...keys, GOOD.jwk].map((jwk) => ({ jwk })),
    CLOCK,
  );
  const cache = new TokenCache({ maxEntries: 10, maxAge: 1000, rejectedFor: 0 });
  return new CachedVerifier([issuer], cache, CLOCK.now);
}

async function sent(token: string, verifier: CachedVerifier): Promise<string> {
  const request = { authorization: [`Bearer ${token}`], headerValues: () => [] };
  const found = extractToken(request, '', [{ kind: 'authorization' }], 8192);
  if (!found.ok) return found.fault.code;
  const outcome = await verifier.verify(found.value, CLOCK.now());
  return outcome.ok ? 'accepted' : outcome.fault.code;
}

const claims = () => JSON.stringify(accessClaims({ iss: ISS }, CLOCK.now()));

/** An access token of good claims, signed with a key of the file as its `alg` says. */
function tokenOf(jwk: Jwk, alg: string): string {
  const header = JSON.stringify({ alg, typ: 'at+jwt', kid: jwk.kid });
  const key = createPrivateKey({ key: jwk, format: 'jwk' });
  return compactToken(header, claims(), (input) =>
    sign('sha256', input, alg.startsWith('ES') ? { key, dsaEncoding: 'ieee-p1363' } : key),
  );
}

/** Bad for what its metadata says. `mend` is the same key as it would be right, which is the control. */
const MISLABELLED: Readonly<Record<number, { readonly alg: string; readonly mend: Record<string, unknown> }>> = {
  6: { alg: 'RS256', mend: { use: 'sig', alg: 'RS256' } },
  19: { alg: 'ES256', mend: { alg: 'ES256' } },
  20: { alg: 'ES256', mend: { alg: 'ES256' } },
  21: { alg: 'ES256', mend: { use: 'sig' } },
};

vectorTest<Vectors>('a key that is labelled for something else opens nothing', FILE, async (t, { testGroups }) => {
  let judged = 0;
  for (const [tcId, { alg, mend }] of Object.entries(MISLABELLED)) {
    const group = groupOf(t, testGroups, Number(tcId));
    const [jwk] = group.private.keys as [Jwk];
    const verifier = await verifierOf([published(jwk)]);
    const token = tokenOf(jwk, alg);
    t.is(await sent(token, verifier), 'token.key-unknown', tcId);
    t.is(await sent(signToken(GOOD, JSON.parse(claims())), verifier), 'accepted', 'the key beside it works');
    t.is(await sent(token, await verifierOf([{ ...published(jwk), ...mend }])), 'accepted', `control of ${tcId}`);
    judged += 1;
  }
  t.is(judged, 4);
});

/** Bad in itself: Node takes these for keys, and their signatures for good ones. */
const WEAK: readonly (readonly [tcId: number, reason: RegExp])[] = [
  [7, /ROCA/],
  [8, /1024 bits/],
  [9, /exponent is even or below 65537/],
];

vectorTest<Vectors>('a weak RSA key opens nothing, although its signatures hold', FILE, async (t, { testGroups }) => {
  for (const [tcId, reason] of WEAK) {
    const group = groupOf(t, testGroups, tcId);
    const [jwk] = group.private.keys as [Jwk];
    const open = published(jwk);
    const key = createPublicKey({ key: open, format: 'jwk' });
    const jws = group.tests[0]?.jws ?? '';
    const [head, body, signature] = jws.split('.');
    const held = verify('sha256', Buffer.from(`${head}.${body}`), key, Buffer.from(signature ?? '', 'base64url'));
    t.true(held, `control of ${tcId}: Node says that the published signature holds`);
    const verifier = await verifierOf([open]);
    t.is(await sent(weakToken(jwk), verifier), 'token.key-unknown', String(tcId));
    t.is(await sent(signToken(GOOD, JSON.parse(claims())), verifier), 'accepted', 'the key beside it works');
    t.throws(() => readJwks({ keys: [open] }), { message: reason });
  }
});

/** With exponent 1 a signature is its own message: everybody can write it, and OpenSSL makes no private key of it. */
function weakToken(jwk: Jwk): string {
  if (jwk.e !== 'AQ') return tokenOf(jwk, 'RS256');
  const header = JSON.stringify({ alg: 'RS256', typ: 'at+jwt', kid: jwk.kid });
  return compactToken(header, claims(), (input) => {
    const digest = createHash('sha256').update(input).digest();
    const info = Buffer.from('3031300d060960864801650304020105000420', 'hex');
    const padding = Buffer.alloc(256 - 3 - info.length - digest.length, 0xff);
    return Buffer.concat([Buffer.from([0, 1]), padding, Buffer.from([0]), info, digest]);
  });
}

vectorTest<Vectors>('a point off its curve and a key of another type are no keys', FILE, async (t, { testGroups }) => {
  for (const tcId of [22, 23, 24]) {
    const group = groupOf(t, testGroups, tcId);
    const [jwk] = group.private.keys as [Jwk];
    const verifier = await verifierOf([published(jwk)]);
    t.throws(() => readJwks({ keys: [published(jwk)] }));
    t.is(await sent(signToken(GOOD, JSON.parse(claims())), verifier), 'accepted', 'the key beside it works');
    // Its private part signs where it is one: the control is a good key of that kid, which a token of it is accepted for.
    const honest = makeKey('ES256', String(jwk.kid));
    const token = signToken(honest, JSON.parse(claims()));
    t.is(await sent(token, verifier), 'token.key-unknown', String(tcId));
    t.is(await sent(token, await verifierOf([honest.jwk as Jwk])), 'accepted');
  }
});

vectorTest<Vectors>('a shared secret in a published set opens nothing', FILE, async (t, { testGroups }) => {
  const groups = testGroups.filter((group) => group.private.keys.some(({ kty }) => kty === 'oct'));
  t.is(groups.length, 14);
  for (const { private: set, tests } of groups) {
    const verifier = await verifierOf(set.keys);
    const { leftOut } = readJwks({ keys: [...set.keys, GOOD.jwk] });
    t.is(
      leftOut.filter((line) => /shared secret/.test(line)).length,
      set.keys.filter(({ kty }) => kty === 'oct').length,
    );
    for (const jwk of set.keys.filter(({ kty }) => kty === 'oct')) {
      const header = JSON.stringify({ alg: 'HS256', typ: 'at+jwt', kid: jwk.kid });
      const token = compactToken(header, claims(), (input) =>
        createHmac('sha256', Buffer.from(String(jwk.k), 'base64url'))
          .update(input)
          .digest(),
      );
      t.is(await sent(token, verifier), 'token.algorithm');
    }
    t.is(await sent(signToken(GOOD, JSON.parse(claims())), verifier), 'accepted', 'the key beside it works');
    for (const { jws } of tests) t.not(await sent(jws, verifier), 'accepted');
  }
});

vectorTest<Vectors>(
  'a secret that is shared by the config has to be as long as its hash',
  FILE,
  (t, { testGroups }) => {
    const lengths: string[] = [];
    for (const tcId of [10, 11, 12, 16, 17, 18, 13, 14, 15]) {
      const [jwk] = groupOf(t, testGroups, tcId).private.keys as [Jwk];
      const bytes = Buffer.from(String(jwk.k), 'base64url').length;
      // The config has text, so it is one of the same length.
      const issuer = { issuer: ISS, algorithms: [jwk.alg], keys: { secret: 's'.repeat(bytes) } };
      const refused = JSON.stringify(issuerRules('legacy', issuer as never)).includes('short-secret');
      t.is(refused, ![13, 14, 15].includes(tcId), `case ${tcId}: ${bytes} bytes for ${jwk.alg}`);
      lengths.push(`${jwk.alg}:${bytes}`);
    }
    t.is(lengths.length, 9);
  },
);

vectorTest<Vectors>('the valid signatures of shared secrets hold, the changed one does not', FILE, async (t, all) => {
  const verdicts: Record<number, string> = {};
  for (const { private: set, tests } of all.testGroups) {
    for (const { tcId, jws } of tests.filter((one) => [2, 3, 13, 14, 15].includes(one.tcId))) {
      const { alg, kid } = JSON.parse(Buffer.from(jws.split('.')[0] ?? '', 'base64url').toString());
      const jwk = set.keys.find((key) => key.kid === kid);
      const key = createSecretKey(Buffer.from(String(jwk?.k), 'base64url'));
      const settings = issuerSettings({ algorithms: [alg as Algorithm] });
      const own = { id: 's', kid: undefined, algorithms: [alg as Algorithm], key, jwk: undefined };
      const verdict = await joseVerdict(jws, own, settings, CLOCK.now());
      verdicts[tcId] = verdict.ok ? 'accepted' : verdict.code;
    }
  }
  // token.malformed: the signature held, and foo is no JWT.
  const held = 'token.malformed';
  t.deepEqual(verdicts, { 2: held, 3: 'token.signature', 13: held, 14: held, 15: held });
});

vectorTest<Vectors>(
  'each of the 26 cases is refused as a bearer token, with its keys in the set',
  FILE,
  async (t, all) => {
    let judged = 0;
    for (const group of all.testGroups) {
      const verifier = await verifierOf((group.public ?? group.private).keys.map(published));
      for (const { tcId, jws } of group.tests) {
        t.is(await sent(jws, verifier), 'token.malformed', `case ${tcId}: its payload is foo`);
        judged += 1;
      }
    }
    t.is(judged, 26);
  },
);

function groupOf(t: ExecutionContext, groups: readonly Group[], tcId: number): Group {
  const found = groups.find(({ tests }) => tests.some((one) => one.tcId === tcId));
  if (found === undefined) {
    t.fail(`there is no case ${tcId}`);
    throw new Error('no case');
  }
  return found;
}
