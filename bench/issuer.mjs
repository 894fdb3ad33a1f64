import { generateKeyPair, randomBytes, sign } from 'node:crypto';
import { createServer } from 'node:http';
import { promisify } from 'node:util';

const signAsync = promisify(sign);
const KEYS = {
  RS256: ['rsa', { modulusLength: 2048 }],
  ES256: ['ec', { namedCurve: 'P-256' }],
};

/**
 * A small issuer on loopback: discovery, a key set with an RSA key of 2048 bits and one on P-256, and tokens signed with
 * them (RS256, ES256), which node does in its thread pool, on every core.
 */
export async function startIssuer() {
  const keys = {};
  for (const [alg, kind] of Object.entries(KEYS)) keys[alg] = await promisify(generateKeyPair)(...kind);
  const jwks = {
    keys: Object.entries(keys).map(([alg, { publicKey }]) => ({
      ...publicKey.export({ format: 'jwk' }),
      kid: alg,
      alg,
      use: 'sig',
    })),
  };
  const server = createServer((request, response) => {
    const issuer = urlOf(server);
    const pages = {
      '/.well-known/openid-configuration': { issuer, jwks_uri: `${issuer}/jwks` },
      '/jwks': jwks,
    };
    const page = pages[request.url];
    response.writeHead(page ? 200 : 404, { 'Content-Type': 'application/json' }).end(JSON.stringify(page ?? {}));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = urlOf(server);
  return {
    url,
    /** The public keys as PEM, for those that take no key set. */
    pem: (alg) => keys[alg].publicKey.export({ format: 'pem', type: 'spki' }),
    tokens: (alg, count) =>
      Promise.all(Array.from({ length: count }, (_, at) => token(alg, claimsOf(url, at), keys[alg].privateKey))),
    close: () => server.close(),
  };
}

function urlOf(server) {
  return `http://127.0.0.1:${server.address().port}`;
}

/** An access token of the usual size (RFC 9068), about 750 characters. */
function claimsOf(iss, at) {
  const now = Math.floor(Date.now() / 1000);
  return {
    iss,
    aud: 'orders-api',
    sub: `user-${at}`,
    client_id: 'web-shop',
    tenant: 'acme',
    scope: 'openid profile orders:read orders:write',
    roles: ['customer', 'reviewer'],
    jti: `${at}-${randomBytes(9).toString('base64url')}`,
    iat: now,
    exp: now + 24 * 3600,
  };
}

async function token(alg, claims, key) {
  const signed = [{ alg, typ: 'at+jwt', kid: alg }, claims].map(encode).join('.');
  // JWS has the two numbers of an ECDSA signature side by side (RFC 7518 §3.4).
  const signature = await signAsync('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' });
  return `${signed}.${signature.toString('base64url')}`;
}

function encode(value) {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

/** The same token with an invented signature, as an attacker would send it: all is right but the proof. */
export function forged(good) {
  const signature = randomBytes(256);
  // A number above the key's modulus would be refused before the costly part; this one never is.
  signature[0] &= 0x7f;
  return `${good.slice(0, good.lastIndexOf('.'))}.${signature.toString('base64url')}`;
}
