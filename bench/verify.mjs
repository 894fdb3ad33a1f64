// What verification itself costs, without a network: by algorithm, uncached, cached, refused and refused again; and
// whether a flood of forged tokens pushes the good ones out. Run after a build: npm --prefix bench run verify
import { sign as cryptoSign, generateKeyPairSync } from 'node:crypto';
import { systemClock } from '../src/clock.ts';
import { RawToken } from '../src/token/raw-token.ts';
import { TokenCache } from '../src/verify/cache.ts';
import { CachedVerifier } from '../src/verify/cached.ts';
import { KeySet } from '../src/verify/keys.ts';
import { JwtVerifier } from '../src/verify/kinds/jwt.ts';

const ALGORITHMS = {
  RS256: {
    key: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
    sign: (data, key) => cryptoSign('sha256', data, key),
  },
  PS256: {
    key: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
    sign: (data, key) => cryptoSign('sha256', data, { key, padding: 6, saltLength: 32 }),
  },
  ES256: {
    key: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    sign: (data, key) => cryptoSign('sha256', data, { key, dsaEncoding: 'ieee-p1363' }),
  },
  EdDSA: { key: () => generateKeyPairSync('ed25519'), sign: (data, key) => cryptoSign(null, data, key) },
};

const ISSUER = 'https://login.example.com';
const TOKENS = 1000;
const base64url = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** Good tokens of one key, and a verifier that knows it. */
async function world(name, cacheSettings) {
  const { key, sign } = ALGORITHMS[name];
  const { publicKey, privateKey } = key();
  const kid = `${name}-key`;
  const exp = Math.floor(Date.now() / 1000) + 3600;
  const mint = (id) => {
    const claims = {
      iss: ISSUER,
      aud: 'api',
      sub: `user-${id}`,
      iat: exp - 3600,
      exp,
      jti: String(id),
      scope: 'orders:read',
    };
    const input = `${base64url({ alg: name, typ: 'at+jwt', kid })}.${base64url(claims)}`;
    return `${input}.${sign(Buffer.from(input), privateKey).toString('base64url')}`;
  };
  const settings = {
    name: 'main',
    issuer: ISSUER,
    audience: ['api'],
    algorithms: [name],
    tokenType: 'access',
    clockTolerance: 30_000,
    requiredClaims: ['sub'],
    keys: {
      source: { kind: 'inline', keys: [{ ...publicKey.export({ format: 'jwk' }), kid, alg: name }] },
      refresh: 600_000,
      cooldown: 30_000,
      maxStale: 86_400_000,
      timeout: 5000,
    },
  };
  const keys = new KeySet(settings, systemClock, fetch, { keysFetched() {}, keysFailed() {}, snapshotUsed() {} });
  await keys.start();
  const cache = new TokenCache({ maxEntries: 100_000, maxAge: 300_000, rejectedFor: 10_000, ...cacheSettings });
  const verifier = new CachedVerifier([new JwtVerifier(settings, keys)], cache, Date.now);
  return { mint, verifier, cache, close: () => keys.close() };
}

/** The same token with another signature of the right form. */
function forge(token) {
  const [head, body, signature] = token.split('.');
  const bytes = Buffer.from(signature, 'base64url');
  bytes[bytes.length - 1] ^= 1;
  return `${head}.${body}.${bytes.toString('base64url')}`;
}

/** CPU microseconds per call, of all threads: WebCrypto works on the pool's. */
async function cost(tokens, verifier, wanted) {
  const before = process.cpuUsage();
  for (const token of tokens) {
    const outcome = verifier.verify(new RawToken(token), Date.now());
    const settled = outcome instanceof Promise ? await outcome : outcome;
    if (settled.ok !== wanted) throw new Error(`a token was ${settled.ok ? 'accepted' : settled.fault.code}`);
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / tokens.length;
}

const repeat = (tokens, times) => Array.from({ length: times }, () => tokens).flat();

async function measure(name) {
  const { mint, verifier, close } = await world(name);
  await cost(
    Array.from({ length: 200 }, (_, id) => mint(`warm-${id}`)),
    verifier,
    true,
  );
  const good = Array.from({ length: TOKENS }, (_, id) => mint(id));
  const forged = good.map(forge);
  const uncached = await cost(good, verifier, true);
  const cached = await cost(repeat(good, 20), verifier, true);
  const refused = await cost(forged, verifier, false);
  const again = await cost(repeat(forged, 20), verifier, false);
  close();
  return { algorithm: name, uncached, cached, refused, 'refused again': again };
}

/** Good traffic over 1,000 tokens in a cache of just that size, beside ten forged tokens for each good request. */
async function flood() {
  const { mint, verifier, cache, close } = await world('ES256', { maxEntries: TOKENS });
  const good = Array.from({ length: TOKENS }, (_, id) => mint(id));
  await cost(good, verifier, true);
  const { hit } = cache.counts;
  for (let round = 0; round < 5; round += 1) {
    for (const token of good.slice(0, 200)) {
      await cost([token], verifier, true);
      await cost(
        Array.from({ length: 10 }, (_, index) => forgedFor(token, round * 10 + index)),
        verifier,
        false,
      );
    }
  }
  close();
  return { good: 1000, forged: 10_000, hitsOfGood: cache.counts.hit - hit };
}

function forgedFor(token, salt) {
  const [head, body, signature] = token.split('.');
  const bytes = Buffer.from(signature, 'base64url');
  bytes[salt % bytes.length] ^= 1 + (salt % 7);
  return `${head}.${body}.${bytes.toString('base64url')}`;
}

const rows = [];
for (const name of Object.keys(ALGORITHMS)) rows.push(await measure(name));
console.log(`CPU microseconds per verification, Node ${process.version}\n`);
console.log('| algorithm | never seen | remembered | forged | forged, again |');
console.log('|---|---:|---:|---:|---:|');
for (const row of rows) {
  const figures = ['uncached', 'cached', 'refused', 'refused again'].map((column) => row[column].toFixed(1));
  console.log(`| ${row.algorithm} | ${figures.join(' | ')} |`);
}
const { good, forged, hitsOfGood } = await flood();
console.log(
  `\nA flood: ${forged} forged tokens beside ${good} good requests; ${hitsOfGood} of the good ones were hits.`,
);
if (hitsOfGood !== good) process.exitCode = 1;
