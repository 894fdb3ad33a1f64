import type { Outcome, Passed, Stopped } from '../outcome.ts';
import type { CompactJws, JsonObject } from '../token/compact.ts';
import { hasInexact } from '../token/exact-json.ts';
import type { RawToken } from '../token/raw-token.ts';
import { endOfLife } from './claims.ts';
import type { AnyIssuerSettings } from './settings.ts';
import type { Client, Waiters } from './waiters.ts';

/** Checks a token. A remembered one is answered at once, an unknown one by a promise; neither throws. */
export interface Verifier {
  /** `now` is in milliseconds since 1970; `client` is who waits for the answer. */
  verify(token: RawToken, now: number, client?: Client): Outcome<Verified> | Promise<Outcome<Verified>>;
}

/** What a proof rests on, besides the claims. */
export interface Proof {
  readonly issuer: IssuerVerifier;
  readonly claims: JsonObject;
  /** RFC 9068 §2.2.3: from `scope` (words) or `scp` (words or list). */
  readonly scopes: readonly string[];
  /** The key that verified it, and the generation of the key set in which that key was last seen. */
  readonly keyId: string | undefined;
  keyGeneration: number;
  /** For what an issuer said of a token: when it did, and how long that holds, in milliseconds since 1970. */
  readonly answer?: { readonly at: number; readonly goodUntil: number };
}

/**
 * A token that its issuer vouches for. Only the verifiers in this folder make one: whoever holds a Verified knows
 * that a signature was checked or the issuer was asked.
 */
export class Verified {
  readonly proof: Proof;
  /** Itself as an outcome, made once: a cache hit allocates nothing. */
  readonly outcome: Passed<Verified> = { ok: true, value: this };
  /** Whether a claim has a number that can't be told exactly; looked for once, since nearly no token has one. */
  readonly hasInexact: boolean;

  private constructor(proof: Proof) {
    this.proof = proof;
    this.hasInexact = hasInexact(proof.claims);
  }

  /** For the verifiers of this folder alone; a test holds everybody else to that. */
  static byVerifier(proof: Proof): Verified {
    return new Verified(proof);
  }

  get claims(): JsonObject {
    return this.proof.claims;
  }

  get scopes(): readonly string[] {
    return this.proof.scopes;
  }

  get issuer(): IssuerVerifier {
    return this.proof.issuer;
  }
}

/** What one issuer's kind of token needs: a way to prove it, and a quick look whether an earlier proof still stands. */
export interface IssuerVerifier {
  /** Its name in the config. */
  readonly name: string;
  /** The issuer identifier: `iss`. */
  readonly issuer: string;
  readonly audience: readonly string[];
  /** Whether it takes tokens that are no JWT: it is asked about whatever has no `iss` to read. */
  readonly opaque: boolean;
  /**
   * The full check, signature and all. `jws` is undefined where the token is not a JWT. Refused at once where too many
   * wait for what `waiters` would wait for, and not made where all of them have gone.
   */
  prove(token: RawToken, jws: CompactJws | undefined, now: number, waiters: Waiters): Promise<Outcome<Verified>>;
  /** The refusal of a request that may not wait, since too many do. */
  readonly overloaded: Stopped;
  /** Everything but the signature, for a token proved earlier. `undefined`: its key is gone, prove it again. */
  recheck(known: Verified, now: number): Outcome<Verified> | undefined;
  /** Milliseconds since 1970 after which the token is of no use, tolerance included. */
  usefulUntil(known: Verified): number;
  /** Milliseconds since 1970 from which the token is refused for its age, tolerance included; Infinity when it says none. */
  endOf(known: Verified): number;
}

/** How an issuer is called and what it stands for, which every kind of verifier has from its settings. */
export abstract class ConfiguredIssuer<S extends AnyIssuerSettings> {
  readonly settings: S;

  constructor(settings: S) {
    this.settings = settings;
  }

  get name(): string {
    return this.settings.name;
  }

  get issuer(): string {
    return this.settings.issuer;
  }

  get audience(): readonly string[] {
    return this.settings.audience;
  }

  endOf({ claims }: Verified): number {
    return endOfLife(claims, this.settings);
  }
}
