import { createHash, createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { type Algorithm, algorithmsOfKey } from './algorithms.ts';
import { ProviderError } from './fetch.ts';
import { hasRocaFingerprint } from './roca.ts';

/** A public key that passed every check, with the algorithms it may be used for. */
export interface VerificationKey {
  /** SHA-256 over the key's own members and its kid: the same key has the same identity in every fetch. */
  readonly id: string;
  readonly kid: string | undefined;
  readonly algorithms: readonly Algorithm[];
  readonly key: KeyObject;
  /** Its public members, for a snapshot; undefined for a shared secret, which is never written anywhere. */
  readonly jwk: Readonly<Record<string, unknown>> | undefined;
}

/** What a JWK Set holds: the usable keys, and for each key left out the reason. */
export interface ReadJwks {
  readonly keys: readonly VerificationKey[];
  readonly leftOut: readonly string[];
}

const MAX_KEYS = 100;
/** Members that only private or secret keys have (RFC 7518 §6). A set that shows one has leaked it. */
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv'];

/**
 * Reads a JWK Set (RFC 7517 §5), each key checked on arrival. A bad key is left out and said; a document that is no
 * set, or has no usable key, is an error, so that it never replaces keys that work. Throws ProviderError.
 */
export function readJwks(document: unknown): ReadJwks {
  const members = setMembers(document);
  const keys: VerificationKey[] = [];
  const leftOut: string[] = [];
  for (const [index, member] of members.entries()) {
    const key = readKey(member);
    if (typeof key === 'string') leftOut.push(`key ${index + 1}${kidOf(member)}: ${key}`);
    else keys.push(key);
  }
  if (keys.length === 0) {
    throw new ProviderError(
      leftOut.length ? `no key of the set can be used: ${leftOut.join('; ')}` : 'the key set is empty',
    );
  }
  return { keys, leftOut };
}

function setMembers(document: unknown): readonly unknown[] {
  const members = typeof document === 'object' && document !== null ? (document as { keys?: unknown }).keys : undefined;
  if (!Array.isArray(members)) throw new ProviderError('the document is no JWK Set: it has no list named keys');
  if (members.length > MAX_KEYS)
    throw new ProviderError(`the key set has ${members.length} keys; at most ${MAX_KEYS} are read`);
  return members;
}

/** The key, or why it can't be used. */
function readKey(member: unknown): VerificationKey | string {
  if (typeof member !== 'object' || member === null || Array.isArray(member)) return 'is not an object';
  const jwk = member as JsonWebKey & Record<string, unknown>;
  const flaw = memberFlaw(jwk);
  if (flaw) return flaw;
  const algorithms = algorithmsOfKey(jwk);
  if (algorithms.length === 0) return 'its type, curve or alg is for no signature algorithm known here';
  let key: KeyObject;
  try {
    key = createPublicKey({ key: jwk, format: 'jwk' });
  } catch {
    return 'its values are no valid public key';
  }
  const weakness = jwk.kty === 'RSA' ? rsaWeakness(key, String(jwk.n)) : undefined;
  return (
    weakness ?? { id: identityOf(jwk), kid: jwk.kid as string | undefined, algorithms, key, jwk: publicMembers(jwk) }
  );
}

function memberFlaw(jwk: Record<string, unknown>): string | undefined {
  if (jwk.kty === 'oct') return 'is a shared secret (oct), which does not belong into a published set';
  const exposed = PRIVATE_MEMBERS.find((name) => jwk[name] !== undefined);
  if (exposed) return `has the private member ${exposed}: this private key is public now and must be replaced`;
  if (jwk.kid !== undefined && typeof jwk.kid !== 'string') return 'its kid is not text';
  // Issuers write sig, signature or names of their own; only a key to encrypt with must never verify (RFC 7517 §4.2).
  if (jwk.use === 'enc') return 'its use is enc: it is for encryption';
  const operations = jwk.key_ops;
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify'))) {
    return 'its key_ops do not include verify';
  }
  return undefined;
}

/** A verification costs as many squarings as the exponent has bits: one of 2048 bits makes each forged token 100 times as dear. */
const LARGEST_EXPONENT = 2n ** 32n - 1n;

function rsaWeakness(key: KeyObject, modulus: string): string | undefined {
  const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {};
  if (modulusLength < 2048) return `has ${modulusLength} bits, fewer than 2048`;
  if (modulusLength > 8192) return `has ${modulusLength} bits, more than 8192`;
  // Small and even exponents make forgeries practical (RFC 8017 §3.1, NIST SP 800-56B §6.2).
  if (publicExponent < 65537n || publicExponent % 2n === 0n) return 'its exponent is even or below 65537';
  if (publicExponent > LARGEST_EXPONENT) return 'its exponent is longer than 32 bits';
  if (hasRocaFingerprint(modulus)) return 'was made by a broken generator (ROCA, CVE-2017-15361)';
  return undefined;
}

/** The members that are the key, and those it is found by. */
const IDENTITY = ['kty', 'crv', 'x', 'y', 'n', 'e', 'alg', 'pub', 'kid'] as const;

function publicMembers(jwk: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(IDENTITY.filter((name) => jwk[name] !== undefined).map((name) => [name, jwk[name]]));
}

/**
 * RFC 7638 in spirit: over the members that are the key, in a fixed order. `kid` is one of them, since tokens find their
 * key by it: one whose `kid` is no longer published is refused, and a remembered one has to be too.
 */
function identityOf(jwk: Record<string, unknown>): string {
  const members = IDENTITY.map((name) => jwk[name] ?? null);
  return createHash('sha256').update(JSON.stringify(members)).digest('base64url');
}

function kidOf(member: unknown): string {
  const kid = (member as { kid?: unknown } | null)?.kid;
  return typeof kid === 'string' ? ` (kid ${JSON.stringify(kid.slice(0, 64))})` : '';
}
