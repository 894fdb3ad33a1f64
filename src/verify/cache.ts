import { LRUCache } from 'lru-cache';
import type { Fault } from '../errors/fault.ts';
import type { TokenCacheSettings } from './settings.ts';
import type { IssuerVerifier, Verified, Verifier } from './verifier.ts';

/** How often each way through the cache was taken, since the start. */
export interface CacheCounts {
  hit: number;
  miss: number;
  /** A verification of the same token was already under way. */
  joined: number;
  refusedHit: number;
}

/** A refusal and the issuer whose settings led to it; another issuer may judge otherwise. */
export interface Refusal {
  readonly fault: Fault;
  readonly issuer: IssuerVerifier;
  /** The verifier that chose this issuer; one that knows more issuers may choose another. */
  readonly askedBy: Verifier;
}

/**
 * What is remembered of tokens, by the SHA-256 of their text: no raw token is kept. Refused ones live apart, so that
 * a flood of forged tokens never pushes a good one out.
 */
export class TokenCache {
  readonly counts: CacheCounts;
  readonly #accepted: LRUCache<string, Verified>;
  readonly #refused: LRUCache<string, Refusal>;
  readonly #settings: TokenCacheSettings;

  /** `counts` are those of a cache in whose place this one comes: they go on. */
  constructor(settings: TokenCacheSettings, counts: CacheCounts = { hit: 0, miss: 0, joined: 0, refusedHit: 0 }) {
    this.#settings = settings;
    this.counts = counts;
    // A clock read per second instead of one per look-up; `exp` is compared with the wall clock on every hit anyway.
    const ttlResolution = 1000;
    this.#accepted = new LRUCache({ ...most(settings.maxEntries), ttl: settings.maxAge, ttlResolution });
    this.#refused = new LRUCache({ ...most(settings.maxEntries / 10), ttl: 1000, ttlResolution });
  }

  get size(): number {
    return this.#accepted.size;
  }

  accepted(key: string): Verified | undefined {
    return this.#accepted.get(key);
  }

  refused(key: string): Refusal | undefined {
    return this.#refused.get(key);
  }

  /** `usefulFor` in milliseconds: what is left of the token's life. */
  accept(key: string, token: Verified, usefulFor: number): void {
    const ttl = Math.min(this.#settings.maxAge, usefulFor);
    // lru-cache takes 0, NaN and Infinity as "for ever".
    if (ttl > 0 && Number.isFinite(ttl)) this.#accepted.set(key, token, { ttl });
    this.#refused.delete(key);
  }

  refuse(key: string, refusal: Refusal): void {
    const ttl = this.#settings.rejectedFor;
    if (ttl > 0 && Number.isFinite(ttl)) this.#refused.set(key, refusal, { ttl });
  }

  forget(key: string): void {
    this.#accepted.delete(key);
  }
}

/** With `max`, lru-cache takes room for all of them at once: 44 bytes each, before there is a single one. */
function most(entries: number): { readonly maxSize: number; sizeCalculation(): number } {
  return { maxSize: Math.max(1, Math.ceil(entries)), sizeCalculation: () => 1 };
}
