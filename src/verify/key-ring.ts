import type { Outcome } from '../outcome.ts';
import type { Algorithm } from './algorithms.ts';
import type { VerificationKey } from './jwks.ts';
import type { Waiters } from './waiters.ts';

/** How a key ring stands, for readiness and metrics. */
export interface KeyStatus {
  readonly usable: boolean;
  /** Milliseconds since the last good fetch; undefined before the first, and for keys that are not fetched. */
  readonly age: number | undefined;
  readonly error: string | undefined;
}

/** The keys of one issuer, wherever they come from. */
export interface KeyRing {
  /** Goes up whenever a key is gone, so that a remembered token can see at one glance that its key still stands. */
  readonly generation: number;
  /** Goes up whenever a key comes that was not there before. */
  readonly arrivals: number;
  /** Wall-clock milliseconds until which the keys may be used. */
  readonly usableUntil: number;
  /** Whether the keys never change, so that a token which none of them has signed is forged for good. */
  readonly fixed: boolean;
  /** From discovery, for the help pages. */
  readonly tokenEndpoint: string | undefined;
  /**
   * The keys that may have signed a token with this `alg` and `kid`: at once, or after a fetch. Fails with
   * token.key-unknown or verify.keys-unavailable, the latter at once where too many wait for a fetch already. `now` is in
   * milliseconds since 1970, `waiters` are those that would wait.
   */
  find(
    algorithm: Algorithm,
    kid: string | undefined,
    now: number,
    waiters?: Waiters,
  ): Outcome<readonly VerificationKey[]> | Promise<Outcome<readonly VerificationKey[]>>;
  /**
   * For a token whose key no `kid` names, and that none fits: asks for newer keys, if the cooldown allows. Answers whether there are
   * any; fails as `find` does where too many wait.
   */
  renew(now: number, waiters?: Waiters): Promise<Outcome<boolean>>;
  /** Whether a key is still there. */
  has(id: string): boolean;
  status(now: number): KeyStatus;
  /** Begins to fetch, where there is something to fetch; resolves when the first attempt has ended, well or not. */
  start(): Promise<void>;
  /** Fetches now, where there is something to fetch, whatever their age. */
  refresh(): Promise<void>;
  close(): void;
}
