import { hash } from 'node:crypto';
import type { Code } from '../errors/catalogue.ts';
import type { Fault } from '../errors/fault.ts';
import { type Outcome, stop } from '../outcome.ts';
import { type CompactJws, readCompact } from '../token/compact.ts';
import type { RawToken } from '../token/raw-token.ts';
import type { Refusal, TokenCache } from './cache.ts';
import type { IssuerVerifier, Verified, Verifier } from './verifier.ts';
import { type Client, STAYS, Waiters } from './waiters.ts';
import { smallDifference } from './wording.ts';

/**
 * Refusals that hold whatever happens: the same token will be refused again. The others may heal by themselves (a key
 * arrives, a clock goes on, a provider comes back), and one of them remembered would prolong an outage.
 */
const LASTING: ReadonlySet<Code> = new Set<Code>([
  'token.issuer',
  'token.algorithm',
  'token.signature',
  'token.type',
  'token.claims',
  'token.audience',
  'token.expired',
  'token.too-old',
  'token.inactive',
]);

/** What one verification is about. */
interface Question {
  readonly issuer: IssuerVerifier;
  readonly token: RawToken;
  readonly jws: CompactJws | undefined;
  readonly now: number;
  readonly waiters: Waiters;
}

/** A verification that has begun, and the requests that wait for it. */
interface UnderWay {
  readonly issuer: IssuerVerifier;
  readonly waiters: Waiters;
  readonly outcome: Promise<Outcome<Verified>>;
}

/** What is remembered is the verdict: how long ago a token expired is said anew, and a clock that was set back acquits it. */
function faultAt({ fault }: Refusal, now: number): Fault | undefined {
  return fault.at === undefined ? fault : fault.at(now);
}

/**
 * The verifier of a set of issuers, in front of which a cache stands. A hit skips the signature and nothing else, and
 * makes no promise; a token that many requests bring at once is verified once.
 */
export class CachedVerifier implements Verifier {
  /** By `iss`, in the order of the route. */
  readonly #named = new Map<string, readonly IssuerVerifier[]>();
  /** The one that is asked about tokens which don't say whose they are. A route has one at most. */
  readonly #opaque: IssuerVerifier | undefined;
  readonly #cache: TokenCache;
  readonly #now: () => number;
  readonly #underWay = new Map<string, UnderWay>();

  constructor(issuers: readonly IssuerVerifier[], cache: TokenCache, now: () => number) {
    this.#opaque = issuers.find((issuer) => issuer.opaque);
    for (const verifier of issuers) this.#named.set(verifier.issuer, [...this.#all(verifier.issuer), verifier]);
    this.#cache = cache;
    this.#now = now;
  }

  verify(token: RawToken, now: number, client: Client = STAYS): Outcome<Verified> | Promise<Outcome<Verified>> {
    const text = token.reveal();
    const key = hash('sha256', text, 'base64');
    const cache = this.#cache;
    const known = cache.accepted(key);
    // Another route's issuers may have proved it: that is no proof here, unless the same one would judge.
    if (known !== undefined && this.#wouldAccept(known, text)) {
      const outcome = known.issuer.recheck(known, now);
      if (outcome !== undefined) {
        cache.counts.hit += 1;
        return outcome;
      }
      cache.forget(key);
    }
    const refusal = cache.refused(key);
    if (refusal !== undefined && this.#wouldRefuse(refusal, text)) {
      const fault = faultAt(refusal, now);
      if (fault !== undefined) {
        cache.counts.refusedHit += 1;
        return stop(fault);
      }
    }
    const underWay = this.#underWay.get(key);
    // A verification whose clients have all left may be abandoned, without a result.
    if (underWay !== undefined && !underWay.waiters.areGone) {
      if (!underWay.waiters.join(client)) return underWay.issuer.overloaded;
      cache.counts.joined += 1;
      return underWay.outcome;
    }
    cache.counts.miss += 1;
    return this.#proveOnce(key, token, now, new Waiters(client));
  }

  #proveOnce(
    key: string,
    token: RawToken,
    now: number,
    waiters: Waiters,
  ): Outcome<Verified> | Promise<Outcome<Verified>> {
    const text = token.reveal();
    if (this.#opaque && !looksLikeJwt(text))
      return this.#begin(key, { issuer: this.#opaque, token, jws: undefined, now, waiters });
    const compact = readCompact(text);
    if (!compact.ok) return compact;
    const issuer = this.#issuerOf(compact.value);
    return issuer.ok ? this.#begin(key, { issuer: issuer.value, token, jws: compact.value, now, waiters }) : issuer;
  }

  #begin(key: string, question: Question): Promise<Outcome<Verified>> {
    const { issuer, waiters } = question;
    const outcome = this.#prove(key, question).finally(() => {
      waiters.leave();
      if (this.#underWay.get(key)?.waiters === waiters) this.#underWay.delete(key);
    });
    this.#underWay.set(key, { issuer, waiters, outcome });
    return outcome;
  }

  async #prove(key: string, question: Question): Promise<Outcome<Verified>> {
    const { issuer } = question;
    const outcome = await this.#provedInTime(question);
    if (outcome.ok) this.#cache.accept(key, outcome.value, issuer.usefulUntil(outcome.value) - this.#now());
    else if (LASTING.has(outcome.fault.code) && !outcome.fault.heals)
      this.#cache.refuse(key, { fault: outcome.fault, issuer, askedBy: this });
    return outcome;
  }

  /** Keys and answers may be long in coming: what has expired meanwhile is not let in any more. */
  async #provedInTime({ issuer, token, jws, now, waiters }: Question): Promise<Outcome<Verified>> {
    const outcome = await issuer.prove(token, jws, now, waiters);
    if (!outcome.ok) return outcome;
    const late = this.#now();
    return late - now < 1000 ? outcome : (issuer.recheck(outcome.value, late) ?? outcome);
  }

  /** Whether the issuer that proved a token is the one that would judge it here. */
  #wouldAccept({ issuer, claims }: Verified, text: string): boolean {
    if (issuer.opaque && !looksLikeJwt(text)) return issuer === this.#opaque;
    return issuer === this.#choose(issuer.issuer, claims.aud);
  }

  /** Whether the issuer that refused a token is the one that would judge it here. */
  #wouldRefuse({ issuer, askedBy }: Refusal, text: string): boolean {
    if (askedBy === this) return true;
    if (issuer.opaque && !looksLikeJwt(text)) return issuer === this.#opaque;
    const named = this.#all(issuer.issuer);
    return named.length === 1 && named[0] === issuer;
  }

  #all(iss: string): readonly IssuerVerifier[] {
    return this.#named.get(iss) ?? [];
  }

  /**
   * Where several issuers are configured for one `iss`, keys go before asking, and the audience chooses; it is checked
   * like any other later.
   */
  #choose(iss: string, aud: unknown): IssuerVerifier | undefined {
    const all = this.#all(iss);
    const named = all.length > 1 && all.some(({ opaque }) => !opaque) ? all.filter(({ opaque }) => !opaque) : all;
    if (named.length < 2) return named[0];
    const audience: readonly unknown[] = [aud].flat();
    return named.find((issuer) => issuer.audience.some((name) => audience.includes(name))) ?? named[0];
  }

  /** The issuer that `iss` names. The claim is not proved yet: it only chooses whose keys and rules will judge. */
  #issuerOf({ payload }: CompactJws): Outcome<IssuerVerifier> {
    const { iss } = payload;
    if (iss === undefined)
      return stop({ code: 'token.claims', detail: 'The token lacks the claim iss: it does not say who issued it.' });
    if (typeof iss !== 'string')
      return stop({ code: 'token.claims', detail: 'The claim iss has the wrong type: it has to be text.' });
    const value = this.#choose(iss, payload.aud);
    if (value === undefined) {
      const accepted = [...this.#named.keys()].join(' or ');
      return stop({
        code: 'token.issuer',
        detail: `The token names an issuer that is not accepted here; accepted: ${accepted}.${smallDifference(iss, [...this.#named.keys()])}`,
      });
    }
    return { ok: true, value };
  }
}

/** How the JSON of a header begins, in whatever spelling: `{"` is `eyJ` in base64url, but `{`, a line break and `"` is `ewoi`. */
const HEADER = /^[\t\n\r ]*\{[\t\n\r ]*["}]/;

/**
 * Whether a token is a signed JWT or the remains of one: cut, or with something behind it. Such a one is never shown to an
 * issuer that it does not name, which could use it. Five parts are an encrypted token, opaque to all but its issuer.
 */
function looksLikeJwt(token: string): boolean {
  const [head = '', ...rest] = token.split('.', 6);
  if (rest.length === 0 || rest.length === 4) return false;
  if (rest.length === 2 && head.startsWith('ey')) return true;
  return HEADER.test(Buffer.from(head, 'base64url').toString('latin1'));
}
