import test from 'ava';
import {
  ALGORITHMS,
  ASYMMETRIC_ALGORITHMS,
  algorithmsOfKey,
  SYMMETRIC_ALGORITHMS,
} from '../../src/verify/algorithms.ts';

const RSA = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'];

const KEYS: readonly (readonly [
  jwk: { kty?: unknown; crv?: unknown; alg?: unknown },
  algorithms: readonly string[],
])[] = [
  [{ kty: 'RSA' }, RSA],
  ...RSA.map((alg) => [{ kty: 'RSA', alg }, [alg]] as const),
  [{ kty: 'RSA', alg: 'RSA-OAEP' }, []],
  [{ kty: 'RSA', alg: 'ES256' }, []],
  [{ kty: 'RSA', alg: 'HS256' }, []],
  [{ kty: 'RSA', alg: 'none' }, []],
  [{ kty: 'RSA', alg: 'rs256' }, []],
  [{ kty: 'RSA', alg: null }, []],
  [{ kty: 'RSA', alg: ['RS256'] }, []],
  [{ kty: 'EC', crv: 'P-256' }, ['ES256']],
  [{ kty: 'EC', crv: 'P-384' }, ['ES384']],
  [{ kty: 'EC', crv: 'P-521' }, ['ES512']],
  [{ kty: 'EC', crv: 'P-256', alg: 'ES256' }, ['ES256']],
  [{ kty: 'EC', crv: 'P-256', alg: 'ES384' }, []],
  [{ kty: 'EC', crv: 'P-256', alg: 'ECDH-ES' }, []],
  [{ kty: 'EC', crv: 'secp256k1' }, []],
  [{ kty: 'EC' }, []],
  [{ kty: 'OKP', crv: 'Ed25519' }, ['EdDSA', 'Ed25519']],
  [{ kty: 'OKP', crv: 'Ed25519', alg: 'EdDSA' }, ['EdDSA', 'Ed25519']],
  [{ kty: 'OKP', crv: 'Ed25519', alg: 'Ed25519' }, ['EdDSA', 'Ed25519']],
  [{ kty: 'OKP', crv: 'Ed448' }, []],
  [{ kty: 'OKP', crv: 'X25519' }, []],
  [{ kty: 'AKP', alg: 'ML-DSA-65' }, ['ML-DSA-65']],
  [{ kty: 'AKP' }, []],
  [{ kty: 'AKP', alg: 'RS256' }, []],
  [{ kty: 'oct' }, []],
  [{ kty: 'oct', alg: 'HS256' }, []],
  [{ kty: 'rsa' }, []],
  [{}, []],
  [{ kty: ['RSA'] }, []],
];

for (const [jwk, algorithms] of KEYS) {
  test(`a key that says ${JSON.stringify(jwk)} is for ${algorithms.join(', ') || 'nothing'}`, (t) => {
    t.deepEqual(algorithmsOfKey(jwk), algorithms as never);
  });
}

test('none is no algorithm, and HMAC is none of those that are taken unnamed', (t) => {
  t.false((ALGORITHMS as readonly string[]).includes('none'));
  for (const name of SYMMETRIC_ALGORITHMS) t.false((ASYMMETRIC_ALGORITHMS as readonly string[]).includes(name));
});
