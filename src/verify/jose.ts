import * as errors from 'jose/errors';
import { type JWTVerifyOptions, jwtVerify } from 'jose/jwt/verify';
import type { Code } from '../errors/catalogue.ts';
import { bothNames } from './algorithms.ts';
import type { VerificationKey } from './jwks.ts';
import type { IssuerSettings } from './settings.ts';
import { Semaphore, type Waiters } from './waiters.ts';

type JoseCode = errors.JOSEErrorCode;

/**
 * jose's reasons in our words. The key type is jose's own list of codes, so that a code which a new version adds does
 * not compile here until somebody has decided what it means.
 */
const OURS: Record<JoseCode, Code> = {
  ERR_JOSE_ALG_NOT_ALLOWED: 'token.algorithm',
  ERR_JOSE_NOT_SUPPORTED: 'token.algorithm',
  ERR_JOSE_GENERIC: 'token.signature',
  ERR_JWE_DECRYPTION_FAILED: 'token.malformed',
  ERR_JWE_INVALID: 'token.malformed',
  ERR_JWK_INVALID: 'token.signature',
  ERR_JWKS_INVALID: 'token.signature',
  ERR_JWKS_MULTIPLE_MATCHING_KEYS: 'token.key-unknown',
  ERR_JWKS_NO_MATCHING_KEY: 'token.key-unknown',
  ERR_JWKS_TIMEOUT: 'verify.keys-unavailable',
  ERR_JWS_INVALID: 'token.malformed',
  ERR_JWS_SIGNATURE_VERIFICATION_FAILED: 'token.signature',
  ERR_JWT_CLAIM_VALIDATION_FAILED: 'token.claims',
  ERR_JWT_EXPIRED: 'token.expired',
  ERR_JWT_INVALID: 'token.malformed',
};

/** What jose says of a token and a key. `proved` is whether the signature held, whatever else is wrong. */
export type JoseVerdict =
  | { readonly ok: true }
  | { readonly ok: false; readonly code: Code; readonly proved: boolean; readonly cause: unknown };

/**
 * Has jose check signature, algorithm, issuer, audience and time. Everything that it throws is a refusal, never an outage.
 * Where all `waiters` have gone by its turn nothing is checked.
 */
export async function joseVerdict(
  token: string,
  key: VerificationKey,
  issuer: IssuerSettings,
  now: number,
  waiters?: Waiters,
): Promise<JoseVerdict> {
  const options: JWTVerifyOptions = {
    algorithms: [...bothNames(issuer.algorithms)],
    issuer: issuer.issuer,
    audience: [...issuer.audience],
    requiredClaims: ['exp', ...issuer.requiredClaims],
    clockTolerance: issuer.clockTolerance / 1000,
    currentDate: new Date(now),
    ...(issuer.maxTokenAge === undefined ? {} : { maxTokenAge: issuer.maxTokenAge / 1000 }),
  };
  const turn = threads.acquire();
  if (turn) await turn;
  try {
    if (waiters?.areGone) return GONE;
    await jwtVerify(token, key.key, options);
    return { ok: true };
  } catch (cause) {
    // jose judges the claims only once the signature has held; its plain TypeErrors (a key that does not fit) come before.
    const proved = cause instanceof errors.JWTClaimValidationFailed || cause instanceof errors.JWTExpired;
    return { ok: false, code: codeOf(cause), proved, cause };
  } finally {
    threads.release();
  }
}

/** So many as keep node's four threads busy; the others wait here, where those whose clients leave can be left out. */
const threads = new Semaphore(64);

/** The result once all clients have left. Its code is never cached. */
const GONE: JoseVerdict = { ok: false, code: 'verify.keys-unavailable', proved: false, cause: undefined };

function codeOf(error: unknown): Code {
  if (!(error instanceof errors.JOSEError)) return 'token.signature';
  return OURS[error.code as JoseCode] ?? 'token.signature';
}
