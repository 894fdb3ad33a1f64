import { constants, createHmac, type KeyObject, timingSafeEqual, type VerifyKeyObjectInput, verify } from 'node:crypto';
import { Batch } from '../batch.ts';
import type { Algorithm } from './algorithms.ts';
import type { Waiters } from './waiters.ts';

/**
 * Whether it is certain that a key has not signed a token (RFC 7515 §5.2). `false` says nothing: jose has the last word.
 * What anybody can invent is turned away here, since waking a thread for it and making an error object cost more than
 * the look itself, and looks one after the other cost a third of what each costs by itself. Where all `waiters` have gone
 * nothing is looked at, and `false` is said. Never rejects.
 */
export function isForged(
  token: string,
  algorithm: Algorithm,
  key: KeyObject,
  waiters?: Waiters,
): boolean | Promise<boolean> {
  const fits = CHECKS[algorithm];
  if (fits === undefined || isLongRsa(key)) return false;
  return new Promise((tell) => looks.add({ token, key, fits, waiters, tell }));
}

/** Whether a signature fits what is signed. */
type Check = (key: KeyObject, signed: Buffer, signature: Buffer) => boolean;

interface Look {
  readonly token: string;
  readonly key: KeyObject;
  readonly fits: Check;
  readonly waiters: Waiters | undefined;
  readonly tell: (forged: boolean) => void;
}

const looks = new Batch<Look>(
  ({ token, key, fits, waiters, tell }) => {
    if (waiters?.areGone) {
      tell(false);
      return;
    }
    const dot = token.lastIndexOf('.');
    tell(!fits(key, Buffer.from(token.slice(0, dot), 'latin1'), Buffer.from(token.slice(dot + 1), 'base64url')));
  },
  shareOfTurn,
  // A key that does not fit the algorithm: jose says so, with its reason.
  (_, { tell }) => tell(false),
);

/**
 * A flood stands in line, and requests with remembered tokens pass it by: their answers would otherwise wait for all of it
 * in each turn. The more wait, the more are done, so that no line grows for ever.
 */
function shareOfTurn(waiting: number): number {
  return Math.max(8, Math.ceil(waiting / 64));
}

const PKCS1 = { padding: constants.RSA_PKCS1_PADDING };
const PSS = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };

/** Those that take less than 0.1 ms. For Ed25519 (0.1 ms), ES384 (0.6) and slower ones a thread is the better place. */
const CHECKS: Readonly<Partial<Record<Algorithm, Check>>> = {
  RS256: published('sha256', PKCS1),
  RS384: published('sha384', PKCS1),
  RS512: published('sha512', PKCS1),
  PS256: published('sha256', PSS),
  PS384: published('sha384', PSS),
  PS512: published('sha512', PSS),
  ES256: published('sha256', { dsaEncoding: 'ieee-p1363' }),
  HS256: shared('sha256'),
  HS384: shared('sha384'),
  HS512: shared('sha512'),
};

function published(hash: string, how: Omit<VerifyKeyObjectInput, 'key'>): Check {
  return (key, signed, signature) => verify(hash, signed, { ...how, key }, signature);
}

function shared(hash: string): Check {
  return (key, signed, signature) => {
    const code = createHmac(hash, key).update(signed).digest();
    return code.length === signature.length && timingSafeEqual(code, signature);
  };
}

/** In bits: 65 µs, where 2048 take 20. */
const LONG_RSA = 4096;

function isLongRsa(key: KeyObject): boolean {
  return (key.asymmetricKeyDetails?.modulusLength ?? 0) > LONG_RSA;
}
