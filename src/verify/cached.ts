import { hash } from 'node:crypto';
import type { Code } from '../errors/catalogue.ts';
import { type Outcome, stop } from '../outcome.ts';
import { type CompactJws, readCompact } from '../token/compact.ts';
import type { RawToken } from '../token/raw-token.ts';
import type { TokenCache } from './cache.ts';
import type { IssuerVerifier, Verified, Verifier } from './verifier.ts';

/**
 * Refusals that hold whatever happens: the same token will be refused again. The others may heal by themselves (a key
 * arrives, a clock goes on, a provider comes back), and one of them remembered would prolong an outage.
 */
const LASTING: ReadonlySet<Code> = new Set<Code>([
  'token.algorithm',
  'token.signature',
  'token.type',
  'token.claims',
  'token.audience',
  'token.expired',
  'token.too-old',
  'token.inactive',
]);

/**
 * The verifier of a set of issuers, in front of which a cache stands. A hit skips the signature and nothing else, and
 * makes no promise; a token that many requests bring at once is verified once.
 */
export class CachedVerifier implements Verifier {
  readonly #issuers: readonly IssuerVerifier[];
  readonly #cache: TokenCache;
  readonly #now: () => number;
  readonly #underWay = new Map<string, Promise<Outcome<Verified>>>();

  constructor(issuers: readonly IssuerVerifier[], cache: TokenCache, now: () => number) {
    this.#issuers = issuers;
    this.#cache = cache;
    this.#now = now;
  }

  verify(token: RawToken, now: number): Outcome<Verified> | Promise<Outcome<Verified>> {
    const key = hash('sha256', token.reveal(), 'base64');
    const cache = this.#cache;
    const known = cache.accepted(key);
    // Another route's issuers may have proved it: that is no proof here.
    if (known !== undefined && this.#issuers.includes(known.issuer)) {
      const outcome = known.issuer.recheck(known, now);
      if (outcome !== undefined) {
        cache.counts.hit += 1;
        return outcome;
      }
      cache.forget(key);
    }
    const refusal = cache.refused(key);
    if (refusal !== undefined && this.#issuers.includes(refusal.issuer)) {
      cache.counts.refusedHit += 1;
      return stop(refusal.fault);
    }
    const underWay = this.#underWay.get(key);
    if (underWay !== undefined) {
      cache.counts.joined += 1;
      return underWay;
    }
    cache.counts.miss += 1;
    return this.#proveOnce(key, token, now);
  }

  #proveOnce(key: string, token: RawToken, now: number): Outcome<Verified> | Promise<Outcome<Verified>> {
    const compact = readCompact(token.reveal());
    if (!compact.ok) return compact;
    const issuer = this.#issuerOf(compact.value);
    if (!issuer.ok) return issuer;
    const proving = this.#prove(key, issuer.value, token, compact.value, now).finally(() => this.#underWay.delete(key));
    this.#underWay.set(key, proving);
    return proving;
  }

  async #prove(
    key: string,
    issuer: IssuerVerifier,
    token: RawToken,
    jws: CompactJws,
    now: number,
  ): Promise<Outcome<Verified>> {
    const outcome = await issuer.prove(token, jws, now);
    if (outcome.ok) this.#cache.accept(key, outcome.value, issuer.usefulUntil(outcome.value) - this.#now());
    else if (LASTING.has(outcome.fault.code)) this.#cache.refuse(key, { fault: outcome.fault, issuer });
    return outcome;
  }

  /**
   * The issuer that `iss` names. The claim is not proved yet: it only chooses whose keys and rules will judge. Where
   * several are configured for one `iss`, the audience chooses, and is checked like any other later.
   */
  #issuerOf({ payload }: CompactJws): Outcome<IssuerVerifier> {
    const { iss } = payload;
    if (iss === undefined)
      return stop({ code: 'token.claims', detail: 'The token lacks the claim iss: it does not say who issued it.' });
    if (typeof iss !== 'string')
      return stop({ code: 'token.claims', detail: 'The claim iss has the wrong type: it has to be text.' });
    const named = this.#issuers.filter((issuer) => issuer.issuer === iss);
    const audience: readonly unknown[] = [payload.aud].flat();
    const value = named.find((issuer) => issuer.audience.some((name) => audience.includes(name))) ?? named[0];
    if (value === undefined) {
      const accepted = [...new Set(this.#issuers.map((issuer) => issuer.issuer))].join(' or ');
      return stop({
        code: 'token.issuer',
        detail: `The token names an issuer that is not accepted here; accepted: ${accepted}.`,
      });
    }
    return { ok: true, value };
  }
}
