import { setMaxListeners } from 'node:events';
import { type Outcome, type Stopped, stop } from '../../outcome.ts';
import type { CompactJws, JsonObject } from '../../token/compact.ts';
import type { RawToken } from '../../token/raw-token.ts';
import type { Ask, Question } from '../ask.ts';
import { answerFault, scopesOf, timeFault } from '../claims.ts';
import { fetchJson, GIVEN_UP, ProviderError, shownUrl } from '../fetch.ts';
import type { IntrospectionSettings, OpaqueIssuerSettings } from '../settings.ts';
import { ConfiguredIssuer, type IssuerVerifier, Verified } from '../verifier.ts';
import { MAX_WAITING, Semaphore, type Waiters, WaitLimit } from '../waiters.ts';

/** Asks the issuer about each token (RFC 7662). Its word is good for `cacheFor`, and never beyond `exp`. */
export class IntrospectionVerifier extends ConfiguredIssuer<OpaqueIssuerSettings> implements IssuerVerifier {
  readonly opaque = true;
  readonly #asker: Ask;
  readonly #closing = new AbortController();
  readonly overloaded: Stopped;
  /** Bounds concurrent questions to the issuer: an attacker who invents tokens decides how many there are (see docs/decisions). */
  readonly #places = new Semaphore(MOST_UNDER_WAY);
  readonly #limit = new WaitLimit(MOST_UNDER_WAY + MAX_WAITING);

  constructor(settings: OpaqueIssuerSettings, ask: Ask) {
    super(settings);
    this.#asker = ask;
    const tooMany = new ProviderError('too many requests wait for what it says of tokens');
    this.overloaded = unavailable(settings, tooMany);
    setMaxListeners(0, this.#closing.signal); // a listener for each question under way, and there may be many
  }

  async prove(token: RawToken, _: CompactJws | undefined, now: number, waiters: Waiters): Promise<Outcome<Verified>> {
    if (!waiters.moveTo(this.#limit)) return this.overloaded;
    let answer: JsonObject;
    try {
      answer = await this.#ask(token, waiters);
    } catch (cause) {
      return unavailable(this.settings, cause);
    }
    if (answer.active === false) return stop({ code: 'token.inactive', detail: INACTIVE });
    const fault = answerFault(answer, this.settings, now);
    if (fault) return stop(fault);
    const expiry = typeof answer.exp === 'number' ? answer.exp * 1000 : Number.POSITIVE_INFINITY;
    const goodUntil = Math.min(now + this.settings.introspection.cacheFor, expiry);
    const verified = Verified.byVerifier({
      issuer: this,
      claims: answer,
      scopes: scopesOf(answer),
      keyId: undefined,
      keyGeneration: 0,
      answer: { at: now, goodUntil },
    });
    return verified.outcome;
  }

  /** Asked again once the word is too old, or the clock went back behind it. */
  recheck(known: Verified, now: number): Outcome<Verified> | undefined {
    const { answer } = known.proof;
    if (answer === undefined || now >= answer.goodUntil || now < answer.at) return undefined;
    const fault = timeFault(known.claims, this.settings, now);
    return fault ? stop(fault) : known.outcome;
  }

  usefulUntil({ proof }: Verified): number {
    return proof.answer?.goodUntil ?? 0;
  }

  /** Gives up what it is asking. */
  close(): void {
    this.#closing.abort(GIVEN_UP);
  }

  async #ask(token: RawToken, waiters: Waiters): Promise<JsonObject> {
    const turn = this.#places.acquire();
    if (turn) await turn;
    try {
      if (waiters.areGone) throw new ProviderError('whoever sent the token has gone');
      return await this.#askNow(token);
    } finally {
      this.#places.release();
    }
  }

  async #askNow(token: RawToken): Promise<JsonObject> {
    const { url, timeout } = this.settings.introspection;
    const question = introspectionRequest(token, this.settings.introspection);
    const answer = await fetchJson(url, { timeout, question, ask: this.#asker, cancel: this.#closing.signal });
    const fields = typeof answer === 'object' && answer !== null && !Array.isArray(answer) ? withoutNulls(answer) : {};
    // RFC 7662 §2.2: a boolean, always. Reading a text as yes or no would be our guess about somebody's access.
    if (typeof fields.active !== 'boolean')
      throw new ProviderError(`${shownUrl(url)} did not say \`active\` as true or false`);
    return fields;
  }
}

/** Servers that print every member they know print null for what a token has not. */
function withoutNulls(answer: object): JsonObject {
  return Object.fromEntries(Object.entries(answer).filter(([, value]) => value !== null));
}

const MOST_UNDER_WAY = 64;

const INACTIVE = 'The issuer says that this token is not active: it was revoked, has expired or was never issued.';

function unavailable({ issuer }: OpaqueIssuerSettings, cause: unknown): Stopped {
  const detail = `${issuer} could not be asked about the token.`;
  return stop({ code: 'verify.introspection-unavailable', detail, retryAfter: 5, cause });
}

/** RFC 7662 §2.1, and RFC 6749 §2.3.1 for who asks: both parts are form-encoded before they are joined. */
function introspectionRequest(token: RawToken, { auth, clientId, clientSecret }: IntrospectionSettings): Question {
  const form = new URLSearchParams({ token: token.reveal(), token_type_hint: 'access_token' });
  const headers: Record<string, string> = {
    accept: 'application/json',
    'content-type': 'application/x-www-form-urlencoded',
  };
  if (auth === 'post') {
    form.set('client_id', clientId);
    form.set('client_secret', clientSecret);
  } else {
    const credentials = [clientId, clientSecret].map((text) =>
      new URLSearchParams({ text }).toString().slice('text='.length),
    );
    headers.authorization = `Basic ${Buffer.from(credentials.join(':')).toString('base64')}`;
  }
  return { method: 'POST', headers, body: form.toString() };
}
