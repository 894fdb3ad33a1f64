import type { Fault } from '../../errors/fault.ts';
import { type Outcome, pass, type Stopped, stop } from '../../outcome.ts';
import type { CompactJws, JsonObject } from '../../token/compact.ts';
import type { RawToken } from '../../token/raw-token.ts';
import { type Algorithm, bothNames } from '../algorithms.ts';
import { claimsFault, scopesOf, timeFault } from '../claims.ts';
import { isForged } from '../forgery.ts';
import { joseVerdict } from '../jose.ts';
import type { VerificationKey } from '../jwks.ts';
import type { KeyRing } from '../key-ring.ts';
import type { IssuerSettings } from '../settings.ts';
import { ConfiguredIssuer, type IssuerVerifier, Verified } from '../verifier.ts';
import { MAX_WAITING, type Waiters, WaitLimit } from '../waiters.ts';

/** Verifies the signed access tokens of one issuer (RFC 9068, RFC 8725). */
export class JwtVerifier extends ConfiguredIssuer<IssuerSettings> implements IssuerVerifier {
  readonly opaque = false;
  readonly keys: KeyRing;
  readonly overloaded: Stopped;
  /** Requests whose tokens wait for their signature to be checked. */
  readonly #checks = new WaitLimit(MAX_WAITING);

  constructor(settings: IssuerSettings, keys: KeyRing) {
    super(settings);
    this.keys = keys;
    this.overloaded = stop({
      code: 'verify.keys-unavailable',
      detail: `Too many tokens of ${settings.issuer} wait to be checked already.`,
      retryAfter: 1,
    });
  }

  async prove(token: RawToken, jws: CompactJws | undefined, now: number, waiters: Waiters): Promise<Outcome<Verified>> {
    if (jws === undefined)
      return stop({ code: 'token.malformed', detail: 'This is not a usable token: it is no JWT.' });
    const fault = headerFault(jws, this.settings);
    if (fault) return stop(fault);
    const { arrivals } = this.keys;
    const outcome = await this.#proveByKeys(token, jws, now, waiters);
    if (outcome.ok || outcome.fault.heals !== true) return outcome;
    // The new key may have come while the old ones were tried; it is not to be asked for again then.
    const renewed = this.keys.arrivals === arrivals ? await this.keys.renew(now, waiters) : pass(true);
    if (!renewed.ok) return renewed;
    return renewed.value ? this.#proveByKeys(token, jws, now, waiters) : outcome;
  }

  async #proveByKeys(token: RawToken, jws: CompactJws, now: number, waiters: Waiters): Promise<Outcome<Verified>> {
    const { alg, kid } = jws.header as { alg: Algorithm; kid?: string };
    // Taken before any wait: a key that goes meanwhile has changed it, and the next hit looks again.
    const { generation } = this.keys;
    const candidates = await this.keys.find(alg, kid, now, waiters);
    if (!candidates.ok) return candidates;
    if (!waiters.moveTo(this.#checks)) return this.overloaded;
    const outcome = await this.#proveWith(candidates.value, generation, { token, jws, now, waiters });
    // Where no `kid` names the key nothing tells that it is a new one, but that none of the old ones fits.
    const named = this.keys.fixed || (kid !== undefined && candidates.value.some((key) => key.kid === kid));
    if (outcome.ok || named || outcome.fault.code !== SIGNATURE.code) return outcome;
    return stop({ ...outcome.fault, heals: true });
  }

  async #proveWith(
    candidates: readonly VerificationKey[],
    keyGeneration: number,
    { token, jws, now, waiters }: Examined,
  ): Promise<Outcome<Verified>> {
    let refusal: Fault = SIGNATURE;
    const text = token.reveal();
    for (const key of candidates) {
      if (await isForged(text, jws.header.alg as Algorithm, key.key, waiters)) continue;
      const verdict = await joseVerdict(text, key, this.settings, now, waiters);
      const signatureHeld = verdict.ok || verdict.proved;
      // Our own checks decide beside jose's, not instead of them: a token passes when both say so, and ours give the reason.
      const fault = signatureHeld ? claimsFault(jws.header, jws.payload, this.settings, now) : undefined;
      if (fault) return stop(fault);
      if (verdict.ok) return this.#verified(jws.payload, key, keyGeneration).outcome;
      refusal = { ...(verdict.code === SIGNATURE.code ? SIGNATURE : { code: verdict.code }), cause: verdict.cause };
      if (signatureHeld) break;
    }
    return stop(refusal);
  }

  recheck(known: Verified, now: number): Outcome<Verified> | undefined {
    const { keys } = this;
    if (now >= keys.usableUntil) return undefined;
    const { proof } = known;
    if (proof.keyGeneration !== keys.generation) {
      if (proof.keyId === undefined || !keys.has(proof.keyId)) return undefined;
      proof.keyGeneration = keys.generation;
    }
    const fault = timeFault(proof.claims, this.settings, now);
    return fault ? stop(fault) : known.outcome;
  }

  usefulUntil(known: Verified): number {
    return (known.claims.exp as number) * 1000 + this.settings.clockTolerance;
  }

  #verified(claims: JsonObject, key: VerificationKey, keyGeneration: number): Verified {
    return Verified.byVerifier({ issuer: this, claims, scopes: scopesOf(claims), keyId: key.id, keyGeneration });
  }
}

/** A token under examination. */
interface Examined {
  readonly token: RawToken;
  readonly jws: CompactJws;
  readonly now: number;
  readonly waiters: Waiters;
}

const SIGNATURE: Fault = {
  code: 'token.signature',
  detail:
    'The signature does not fit the token: it was cut, changed or damaged after it was issued, or signed by somebody else.',
};

/** What can be judged before any key is touched (RFC 8725 §3.1, RFC 7515 §4.1.11). */
function headerFault({ header, signed }: CompactJws, issuer: IssuerSettings): Fault | undefined {
  const accepted = `Accepted from ${issuer.issuer}: ${issuer.algorithms.join(', ')}.`;
  if (header.alg === 'none' || !signed)
    return { code: 'token.algorithm', detail: `The token is not signed (alg none). ${accepted}` };
  if (!(bothNames(issuer.algorithms) as readonly unknown[]).includes(header.alg)) {
    return { code: 'token.algorithm', detail: `The algorithm of the token is not accepted. ${accepted}` };
  }
  if (header.crit !== undefined || header.b64 !== undefined) {
    return {
      code: 'token.algorithm',
      detail: 'The token asks for a header extension (crit) that is not understood here.',
    };
  }
  return undefined;
}
