import { createHash, type KeyObject, sign } from 'node:crypto';

/** A key on P-256 that signs access tokens. */
export interface SigningKey {
  /** For the key set. */
  readonly publicJwk: Readonly<Record<string, unknown>> & { readonly kid: string };
  readonly privateKey: KeyObject;
}

export function signingKey({
  publicKey,
  privateKey,
}: Readonly<Record<'publicKey' | 'privateKey', KeyObject>>): SigningKey {
  const { crv, kty, x, y } = publicKey.export({ format: 'jwk' });
  // RFC 7638: the thumbprint, over the required members in this order.
  const kid = createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url');
  return { publicJwk: { kty, crv, x, y, kid, alg: 'ES256', use: 'sig' }, privateKey };
}

/** An access token (RFC 9068) in compact form (RFC 7515 §7.1). */
export function signToken({ publicJwk, privateKey }: SigningKey, claims: object): string {
  const header = { alg: 'ES256', typ: 'at+jwt', kid: publicJwk.kid };
  const input = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  // JWS wants ECDSA's two numbers side by side (RFC 7518 §3.4), not in DER.
  const signature = sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' });
  return `${input}.${signature.toString('base64url')}`;
}
