import { createHmac, randomBytes } from 'node:crypto';
import test from 'ava';
import { loadConfig } from '../../src/config/load.ts';
import { renderProblems } from '../../src/config/render.ts';
import type { Outcome } from '../../src/outcome.ts';
import { RawToken } from '../../src/token/raw-token.ts';
import { type Algorithm, SYMMETRIC_ALGORITHMS } from '../../src/verify/algorithms.ts';
import { TokenCache } from '../../src/verify/cache.ts';
import { CachedVerifier } from '../../src/verify/cached.ts';
import { JwtVerifier } from '../../src/verify/kinds/jwt.ts';
import { SharedSecret } from '../../src/verify/secret.ts';
import type { IssuerVerifier, Verified } from '../../src/verify/verifier.ts';
import { FakeClock } from '../support/clock.ts';
import { codeOf, requestBytes, startBehind } from '../support/gateway.ts';
import { inlineVerifier, issuerSettings } from '../support/issuers.ts';
import { accessClaims, compactToken, makeKey, signToken } from '../support/keys.ts';

const ISS = 'https://login.example.com';
const SECRET = 'a-secret-that-is-as-long-as-SHA-512-asks-for-0123456789-abcdefghi';
const HASHES = { HS256: 'sha256', HS384: 'sha384', HS512: 'sha512' } as const;
type Symmetric = keyof typeof HASHES;
const RSA = makeKey('RS256', 'rsa');
const EC = makeKey('ES256', 'ec');

const clock = new FakeClock();
const claims = (over: Record<string, unknown> = {}) => accessClaims({ iss: ISS, ...over }, clock.now());

function hmacToken(
  alg: Symmetric,
  secret: string | Buffer,
  over: Record<string, unknown> = {},
  body = claims(),
): string {
  return compactToken(JSON.stringify({ alg, typ: 'at+jwt', ...over }), JSON.stringify(body), (input) =>
    createHmac(HASHES[alg], secret).update(input).digest(),
  );
}

function sharing(secret: string, algorithms: readonly Algorithm[], more: Parameters<typeof issuerSettings>[0] = {}) {
  return new JwtVerifier(issuerSettings({ algorithms, secret, ...more }), new SharedSecret(secret, algorithms));
}

async function judge(token: string, ...issuers: IssuerVerifier[]): Promise<string> {
  const cache = new TokenCache({ maxEntries: 10, maxAge: 60_000, rejectedFor: 0 });
  const verifier = new CachedVerifier(issuers, cache, clock.now);
  const outcome: Outcome<Verified> = await verifier.verify(new RawToken(token), clock.now());
  const again = await verifier.verify(new RawToken(token), clock.now());
  return outcome.ok && again === outcome ? 'accepted' : outcome.ok ? 'not remembered' : outcome.fault.code;
}

for (const alg of SYMMETRIC_ALGORITHMS) {
  test(`${alg} is accepted with the secret, whatever kid it names, and refused with any other`, async (t) => {
    const issuer = sharing(SECRET, [alg]);
    t.is(await judge(hmacToken(alg, SECRET), issuer), 'accepted');
    for (const kid of ['', 'any', '../../dev/null'])
      t.is(await judge(hmacToken(alg, SECRET, { kid }), issuer), 'accepted');
    for (const other of [
      `${SECRET} `,
      SECRET.slice(1),
      SECRET.toUpperCase(),
      '',
      '\0',
      Buffer.alloc(64),
      randomBytes(64),
    ])
      t.is(await judge(hmacToken(alg, other), issuer), 'token.signature');
    const [head, body, signature = ''] = hmacToken(alg, SECRET).split('.');
    const bytes = Buffer.from(signature, 'base64url');
    for (const cut of [bytes.subarray(0, 1), bytes.subarray(0, -1), Buffer.concat([bytes, Buffer.alloc(1)])])
      t.is(await judge(`${head}.${body}.${cut.toString('base64url')}`, issuer), 'token.signature');
    t.is(await judge(`${head}.${body}.`, issuer), 'token.malformed');
  });

  test(`${alg} is for those issuers alone that name it, right secret or not`, async (t) => {
    for (const other of SYMMETRIC_ALGORITHMS)
      if (other !== alg) t.is(await judge(hmacToken(alg, SECRET), sharing(SECRET, [other])), 'token.algorithm');
    t.is(await judge(hmacToken(alg, SECRET), sharing(SECRET, [...SYMMETRIC_ALGORITHMS])), 'accepted');
  });

  test(`a header that says ${alg} over the HMAC of another hash is refused`, async (t) => {
    const issuer = sharing(SECRET, [...SYMMETRIC_ALGORITHMS]);
    for (const other of SYMMETRIC_ALGORITHMS)
      if (other !== alg) t.is(await judge(hmacToken(other, SECRET, { alg }), issuer), 'token.signature');
  });
}

test('a secret is text: it is used as it is written, not as the base64 it may look like', async (t) => {
  const text = Buffer.alloc(48, 7).toString('base64');
  const issuer = sharing(text, ['HS256']);
  t.is(await judge(hmacToken('HS256', text), issuer), 'accepted');
  t.is(await judge(hmacToken('HS256', Buffer.from(text, 'base64')), issuer), 'token.signature');
  const umlauts = 'ä'.repeat(32);
  t.is(await judge(hmacToken('HS256', Buffer.from(umlauts, 'utf8')), sharing(umlauts, ['HS256'])), 'accepted');
  t.is(await judge(hmacToken('HS256', Buffer.from(umlauts, 'latin1')), sharing(umlauts, ['HS256'])), 'token.signature');
});

// Algorithm confusion (CVE-2015-9235): a public key is no secret, and a secret is no public key.

const FORMS: readonly (readonly [form: string, bytes: (key: typeof RSA) => string | Buffer])[] = [
  ['PEM', (key) => key.publicKey.export({ type: 'spki', format: 'pem' })],
  ['PEM without its last line break', (key) => String(key.publicKey.export({ type: 'spki', format: 'pem' })).trimEnd()],
  ['DER', (key) => key.publicKey.export({ type: 'spki', format: 'der' })],
  ['JWK', (key) => JSON.stringify(key.jwk)],
];

for (const alg of SYMMETRIC_ALGORITHMS) {
  for (const [form, bytes] of FORMS) {
    test(`${alg} keyed with a public key as ${form} opens neither an issuer of keys nor one of a secret`, async (t) => {
      for (const key of [RSA, EC]) {
        const published = await inlineVerifier([key], clock);
        const confusable = await inlineVerifier([key], clock, { algorithms: [key.alg, alg] });
        t.is(await judge(signToken(key, claims()), published), 'accepted');
        for (const kid of [key.kid, undefined]) {
          const forged = hmacToken(alg, bytes(key), { kid });
          t.is(await judge(forged, published), 'token.algorithm');
          t.is(await judge(forged, confusable), 'token.key-unknown', 'not even where the algorithm is named');
          t.is(await judge(forged, sharing(SECRET, [alg])), 'token.signature');
        }
      }
    });
  }
}

test('a token signed with a private key does not open an issuer that shares a secret', async (t) => {
  const issuer = sharing(SECRET, ['HS256']);
  for (const key of [RSA, EC, makeKey('EdDSA'), makeKey('PS256')]) {
    t.is(await judge(signToken(key, claims()), issuer), 'token.algorithm');
    t.is(await judge(signToken(key, claims(), { alg: 'HS256' }), issuer), 'token.signature');
    t.is(await judge(signToken(key, claims(), { alg: 'HS256', jwk: key.jwk }), issuer), 'token.signature');
  }
});

test('a secret that is a public key in PEM is never taken for that key', async (t) => {
  const pem = String(RSA.publicKey.export({ type: 'spki', format: 'pem' }));
  const careless = sharing(pem, ['HS256', 'RS256']);
  t.is(await judge(hmacToken('HS256', pem), careless), 'accepted', 'whoever writes this has published the secret');
  t.is(await judge(signToken(RSA, claims()), careless), 'token.signature');
});

test('alg none and no alg at all are refused', async (t) => {
  const issuer = sharing(SECRET, [...SYMMETRIC_ALGORITHMS]);
  for (const alg of ['none', 'None', 'hs256', undefined, '', null, ['HS256']])
    t.is(await judge(hmacToken('HS256', SECRET, { alg }), issuer), 'token.algorithm');
  const unsigned = compactToken('{"alg":"none"}', JSON.stringify(claims()), () => Buffer.alloc(0));
  t.is(await judge(unsigned, issuer), 'token.algorithm');
});

test('of two issuers with one iss, the one whose audience it is judges, by its own keys alone', async (t) => {
  const legacy = sharing(SECRET, ['HS256'], { name: 'legacy', audience: ['legacy-api'] });
  const modern = await inlineVerifier([RSA], clock);
  for (const route of [
    [legacy, modern],
    [modern, legacy],
  ]) {
    t.is(await judge(signToken(RSA, claims()), ...route), 'accepted');
    t.is(await judge(hmacToken('HS256', SECRET, {}, claims({ aud: 'legacy-api' })), ...route), 'accepted');
    t.is(await judge(hmacToken('HS256', SECRET), ...route), 'token.algorithm');
    t.is(await judge(signToken(RSA, claims({ aud: 'legacy-api' })), ...route), 'token.algorithm');
  }
});

test('a shared secret is there from the start, never goes, and asks nobody', async (t) => {
  const secret = new SharedSecret(SECRET, ['HS256']);
  t.deepEqual(secret.status(), { usable: true, age: undefined, error: undefined });
  t.deepEqual(await secret.renew(), { ok: true, value: false });
  await secret.start();
  secret.close();
  t.true(secret.has());
  t.is(secret.usableUntil, Number.POSITIVE_INFINITY);
});

test('the claims of a token with a secret are checked like those of any other', async (t) => {
  const issuer = sharing(SECRET, ['HS256'], { requiredClaims: ['sub'] });
  for (const [over, code] of [
    [{ aud: 'other' }, 'token.audience'],
    [{ exp: 1 }, 'token.expired'],
    [{ exp: undefined }, 'token.claims'],
    [{ sub: undefined }, 'token.claims'],
    [{ nbf: 1e10 }, 'token.not-yet-valid'],
    [{ iss: 'https://x.example.com' }, 'token.issuer'],
  ] as const)
    t.is(await judge(hmacToken('HS256', SECRET, {}, claims(over)), issuer), code);
  t.is(await judge(hmacToken('HS256', SECRET, { typ: 'dpop+jwt' }), issuer), 'token.type');
});

// Where the secret comes from, and that nobody gets to see it.

const FILE = '/etc/bearergate/gateway.yaml';
const fileWith = (issuer: string) => `
issuers:
  legacy:
    issuer: ${ISS}
    audience: orders-api
${issuer}
upstreams: { api: { url: "http://127.0.0.1:3000" } }
routes:
  - { id: all, match: { path: "/**" }, auth: { issuers: [legacy] }, upstream: api }
`;

/** Everything that is said about a file in which a secret stands in for `${…}`, as people and as programs read it. */
function saidAbout(issuer: string, secret: string) {
  const text = fileWith(issuer);
  const readFile = (path: string) => {
    if (path === FILE) return text;
    if (path === '/run/secrets/hs256') return `${secret}\n`;
    throw Object.assign(new Error(`no ${path}`), { code: 'ENOENT' });
  };
  const loaded = loadConfig(FILE, { variables: { HS256: secret }, readFile, readFolder: () => [] });
  const problems = loaded.ok ? loaded.warnings : loaded.problems;
  return { loaded, said: JSON.stringify(problems) + renderProblems(problems, { color: false }) };
}

for (const from of [`\${file:/run/secrets/hs256}`, `\${HS256}`]) {
  test(`a secret from ${from} is used without the line break behind it, and never printed`, (t) => {
    const { loaded, said } = saidAbout(`    keys: { secret: "${from}" }\n    algorithms: [HS256]`, SECRET);
    t.true(loaded.ok, said);
    if (loaded.ok && from.includes('file')) t.like(loaded.config.issuers[0], { secret: SECRET, algorithms: ['HS256'] });
    for (const [issuer, secret, name] of [
      [`    keys: { secret: "${from}" }\n    algorithms: [HS512]`, 'S3CRET-of-30-bytes-0123456789', 'short-secret'],
      [`    keys: { secret: "${from}" }`, 'S3CRET-of-40-bytes-0123456789-0123456789', 'secret-without-algorithm'],
      [
        `    keys: { secret: "${from}" }\n    algorithms: [HS256, RS256]`,
        'S3CRET-of-40-bytes-0123456789-0123456789',
        'mixed-algorithms',
      ],
      [
        `    keys: { secret: "${from}", url: "https://login.example.com/jwks" }\n    algorithms: [HS256]`,
        'S3CRET-of-40-bytes-0123456789-0123456789',
        'keys-source',
      ],
      // Digits are text where a secret belongs.
      [`    keys:\n      secret: ${from}\n    algorithms: [HS256]`, '12345678901234567890', 'short-secret'],
    ] as const) {
      const wrong = saidAbout(issuer, secret);
      t.false(wrong.loaded.ok);
      t.true(wrong.said.includes(`"name":"${name}"`), wrong.said);
      t.false(wrong.said.includes(secret), wrong.said);
    }
  });
}

test('a secret that stands in the file itself is not repeated by what is said about it', (t) => {
  for (const algorithms of ['[HS512]', '[RS256]']) {
    const { loaded, said } = saidAbout(`    keys: { secret: S3CRET-in-clear }\n    algorithms: ${algorithms}`, '');
    t.false(loaded.ok);
    t.false(said.includes('S3CRET'), said);
  }
});

test('through a gateway: a legacy token with a secret is served, a forged one is not, and no log line or reply tells the secret', async (t) => {
  const { gateway, upstream } = await startBehind(t, {
    issuer: { keys: { secret: `\${LEGACY_SECRET}` }, algorithms: ['HS256'] },
    variables: { LEGACY_SECRET: SECRET },
    log: { level: 'info' },
  });
  const iss = gateway.keyServer.issuer;
  const ask = (token: string) => gateway.ask(requestBytes({ headers: [['Authorization', `Bearer ${token}`]] }));
  const body = accessClaims({ iss });
  const good = await ask(hmacToken('HS256', SECRET, {}, body));
  t.is(good.status, 200);
  const refused = await Promise.all([
    ask(hmacToken('HS256', `${SECRET}x`, {}, body)),
    ask(hmacToken('HS512', SECRET, {}, body)),
    ask(gateway.token()),
  ]);
  t.deepEqual(refused.map(codeOf), ['token.signature', 'token.algorithm', 'token.algorithm']);
  t.is(upstream.requests.length, 1);
  t.deepEqual(gateway.keyServer.requests, { discovery: 0, jwks: 0 });
  const ready = await fetch(`${gateway.adminUrl}/readyz`);
  t.is(ready.status, 200);
  const seen = JSON.stringify([gateway.lines, refused, good, await ready.text()]);
  t.false(seen.includes(SECRET));
});
