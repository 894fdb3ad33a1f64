/** The asymmetric signature algorithms that jose implements (RFC 7518 §3, RFC 8037, RFC 9864, RFC 9964). */
export const ASYMMETRIC_ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
  'ML-DSA-44',
  'ML-DSA-65',
  'ML-DSA-87',
] as const;

/** HMAC algorithms: only where an issuer shares a secret, and only when named. */
export const SYMMETRIC_ALGORITHMS = ['HS256', 'HS384', 'HS512'] as const;

export const ALGORITHMS = [...ASYMMETRIC_ALGORITHMS, ...SYMMETRIC_ALGORITHMS] as const;

export type Algorithm = (typeof ALGORITHMS)[number];

const RSA = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'] as const;

/**
 * The algorithms a public key may be used with, by its type and curve. A key that names its `alg` is for that one alone
 * (RFC 8725 §3.1); an RSA key that names none fits all of RSA's, an elliptic one just its curve's.
 */
export function algorithmsOfKey(jwk: { kty?: unknown; crv?: unknown; alg?: unknown }): readonly Algorithm[] {
  const fitting = fittingAlgorithms(jwk);
  if (jwk.alg === undefined) return fitting;
  const named = bothNames([jwk.alg]);
  return fitting.filter((algorithm) => named.includes(algorithm));
}

/** The two names of one algorithm: RFC 8037 called it EdDSA, RFC 9864 calls it Ed25519. */
const ED25519: readonly unknown[] = ['EdDSA', 'Ed25519'];

/** Names of algorithms, where one of them is Ed25519 with its other name too. */
export function bothNames<Name>(algorithms: readonly Name[]): readonly (Name | Algorithm)[] {
  return algorithms.some((name) => ED25519.includes(name))
    ? [...new Set<Name | Algorithm>([...algorithms, 'EdDSA', 'Ed25519'])]
    : algorithms;
}

function fittingAlgorithms({ kty, crv, alg }: { kty?: unknown; crv?: unknown; alg?: unknown }): readonly Algorithm[] {
  switch (kty) {
    case 'RSA':
      return RSA;
    case 'EC':
      return crv === 'P-256' ? ['ES256'] : crv === 'P-384' ? ['ES384'] : crv === 'P-521' ? ['ES512'] : [];
    case 'OKP':
      return crv === 'Ed25519' ? ['EdDSA', 'Ed25519'] : [];
    case 'AKP':
      return ASYMMETRIC_ALGORITHMS.filter((algorithm) => algorithm.startsWith('ML-DSA') && algorithm === alg);
    default:
      return [];
  }
}
