import { createSecretKey } from 'node:crypto';
import { type Outcome, pass } from '../outcome.ts';
import type { Algorithm } from './algorithms.ts';
import type { VerificationKey } from './jwks.ts';
import type { KeyRing, KeyStatus } from './key-ring.ts';

/** The one key of an issuer that shares a secret (HS256 and its like). It is there from the start and never goes. */
export class SharedSecret implements KeyRing {
  readonly generation = 0;
  readonly arrivals = 0;
  readonly usableUntil = Number.POSITIVE_INFINITY;
  readonly fixed = true;
  readonly tokenEndpoint = undefined;
  readonly #keys: readonly VerificationKey[];

  /** The secret is taken as UTF-8 text; the config has seen to its length. */
  constructor(secret: string, algorithms: readonly Algorithm[]) {
    this.#keys = [{ id: 'secret', kid: undefined, algorithms, key: createSecretKey(secret, 'utf8'), jwk: undefined }];
  }

  /** Whatever `kid` a token names: there is one key. Its `alg` has been held against the issuer's list before. */
  find(): Outcome<readonly VerificationKey[]> {
    return pass(this.#keys);
  }

  async renew(): Promise<Outcome<boolean>> {
    return pass(false);
  }

  has(): boolean {
    return true;
  }

  status(): KeyStatus {
    return { usable: true, age: undefined, error: undefined };
  }

  async start(): Promise<void> {}

  async refresh(): Promise<void> {}

  close(): void {}
}
