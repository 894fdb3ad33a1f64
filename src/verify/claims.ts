import type { Fault } from '../errors/fault.ts';
import type { JsonObject } from '../token/compact.ts';
import type { IssuerSettings, OpaqueIssuerSettings } from './settings.ts';
import { isoTime, listing, smallDifference, span } from './wording.ts';

/**
 * The checks on a token whose signature has been verified, in the order that makes its answer the only one: type,
 * required claims and their JSON types, audience, time. `now` is in milliseconds. Answers the first fault.
 */
export function claimsFault(
  header: JsonObject,
  claims: JsonObject,
  issuer: IssuerSettings,
  now: number,
): Fault | undefined {
  return (
    typeFault(header, claims, issuer) ??
    boundFault(claims) ??
    requiredFault(claims, issuer) ??
    jsonTypeFault(claims) ??
    audienceFault(claims, issuer) ??
    timeFault(claims, issuer, now)
  );
}

/** What both kinds of issuers have to say about claims. */
type ClaimSettings = Pick<IssuerSettings, 'issuer' | 'audience' | 'clockTolerance' | 'maxTokenAge' | 'requiredClaims'>;

/**
 * The checks on what an issuer answers about an active token (RFC 7662 §2.2), in the same order. Its dates are optional
 * there; the audience is not, here: without it a token for any API of the issuer would open this one.
 */
export function answerFault(answer: JsonObject, issuer: OpaqueIssuerSettings, now: number): Fault | undefined {
  const { iss, token_type: type } = answer;
  if (iss !== undefined && iss !== issuer.issuer) {
    return { code: 'token.issuer', detail: `The token was issued by somebody else than ${issuer.issuer}.` };
  }
  if (type !== undefined && !(typeof type === 'string' && BEARER_TYPES.includes(type.toLowerCase()))) {
    return { code: 'token.type', detail: 'The issuer says that it is no bearer token.' };
  }
  const required = issuer.maxTokenAge === undefined ? [] : ['iat'];
  return (
    boundFault(answer) ??
    missingFault(answer, [...required, ...issuer.requiredClaims]) ??
    jsonTypeFault(answer) ??
    audienceFault(answer, issuer) ??
    timeFault(answer, issuer, now)
  );
}

/** RFC 6749 §7.1, and what some servers say instead (RFC 8693 §3). A token bound to a key (DPoP) is not good by itself. */
const BEARER_TYPES = ['bearer', 'access_token', 'urn:ietf:params:oauth:token-type:access_token'];

/** `typ` values of RFC 9068 §2.1, after RFC 7515 §4.1.9 has had its prefix taken off. */
const ACCESS_TOKEN_TYPES: readonly unknown[] = ['at+jwt', 'application/at+jwt'];
const PLAIN_TYPES: readonly unknown[] = [undefined, 'jwt', 'application/jwt'];
/** Hashes of what an ID token came with (OpenID Connect Core §3.3.2.11, FAPI 1.0): no access token has them. */
const ID_TOKEN_HASHES = ['at_hash', 'c_hash', 's_hash'];
/** Keycloak's `typ` and Cognito's `token_use` say in a claim what a token is; how they call an access token. */
const ACCESS_TOKEN_CLAIMS = { typ: 'Bearer', token_use: 'access' } as const;
const OTHER_KINDS: readonly (readonly [claim: string, values: Readonly<Record<string, string>>])[] = [
  ['typ', { ID: 'an ID token', Refresh: 'a refresh token', Offline: 'a refresh token', Logout: 'a logout token' }],
  ['token_use', { id: 'an ID token', refresh: 'a refresh token' }],
];
/** Header types of what is no access token, without `+jwt` (RFC 9449 §4.2, OIDC Back-Channel Logout §2.4, RFC 8417 §2.3). */
const OTHER_TYPES: ReadonlyMap<string | undefined, string> = new Map([
  ['dpop', 'a DPoP proof'],
  ['logout', 'a logout token'],
  ['secevent', 'a security event token'],
  ['rt', 'a refresh token'],
]);

function typeFault(header: JsonObject, claims: JsonObject, issuer: IssuerSettings): Fault | undefined {
  if (issuer.tokenType === 'any') return undefined;
  const typ = typeof header.typ === 'string' ? header.typ.toLowerCase() : undefined;
  const isAccessType = ACCESS_TOKEN_TYPES.includes(typ);
  if (!isAccessType && !PLAIN_TYPES.includes(typ)) {
    const kind = OTHER_TYPES.get(typ?.replace(/^application\//, '').replace(/\+jwt$/, ''));
    const detail = kind
      ? `The type in its header (typ) is that of ${kind}, not of an access token (at+jwt).`
      : 'The type in its header (typ) is not that of an access token (at+jwt).';
    return { code: 'token.type', detail };
  }
  return kindFault(claims) ?? (isAccessType ? undefined : shapeFault(claims));
}

/** What makes a token another kind than an access token, whatever its header says: an issuer may sign all kinds alike. */
function kindFault(claims: JsonObject): Fault | undefined {
  const hash = ID_TOKEN_HASHES.find((name) => isThere(claims[name]));
  if (hash) return idTokenClaim(hash);
  for (const [name, kinds] of OTHER_KINDS) {
    const kind = Object.entries(kinds).find(([value]) => value === claims[name])?.[1];
    if (kind) return { code: 'token.type', detail: `Its claim ${name} says that it is ${kind}, not an access token.` };
  }
  return undefined;
}

/** What other kinds have and an access token may have too: it counts where nothing says that it is one. */
function shapeFault(claims: JsonObject): Fault | undefined {
  if (isThere(claims.events))
    return { code: 'token.type', detail: 'It has the claim events: it is a logout or security event token.' };
  const saysAccess = Object.entries(ACCESS_TOKEN_CLAIMS).some(([name, value]) => claims[name] === value);
  return isThere(claims.nonce) && !saysAccess ? idTokenClaim('nonce') : undefined;
}

/**
 * A token that is bound to a key is valid only with a proof that the client has the key (RFC 7800 §3.1, RFC 9449, RFC 8705).
 * Accepted without one, a stolen token would work here although its issuer has prevented that.
 */
function boundFault({ cnf }: JsonObject): Fault | undefined {
  if (!isThere(cnf)) return undefined;
  const to = Object.entries(BINDINGS).find(([member]) => Object.hasOwn(Object(cnf), member))?.[1] ?? 'a key';
  return {
    code: 'token.type',
    detail: `It is bound to ${to} (claim cnf), and this gateway cannot check yet whether its sender has the key.`,
    fix: 'Request a token from {issuers} that is not bound to a key: without DPoP, and without a client certificate.',
  };
}

const BINDINGS: Readonly<Record<string, string>> = {
  jkt: 'a DPoP key',
  'x5t#S256': 'a client certificate',
};

function idTokenClaim(name: string): Fault {
  return { code: 'token.type', detail: `It has the claim ${name}, which ID tokens have and access tokens do not.` };
}

/** A member that is null says nothing. */
function isThere(claim: unknown): boolean {
  return claim !== undefined && claim !== null;
}

function requiredFault(claims: JsonObject, issuer: IssuerSettings): Fault | undefined {
  // A token without `exp` would be good for ever (RFC 9068 §2.2).
  const required = issuer.maxTokenAge === undefined ? ['exp'] : ['exp', 'iat'];
  return missingFault(claims, [...required, ...issuer.requiredClaims]);
}

function missingFault(claims: JsonObject, required: readonly string[]): Fault | undefined {
  // `aud` has a code of its own, which tells more.
  const missing = required.find(
    (name) => name !== 'aud' && (!Object.hasOwn(claims, name) || claims[name] === undefined || claims[name] === null),
  );
  return missing === undefined ? undefined : { code: 'token.claims', detail: `The token lacks the claim ${missing}.` };
}

const NUMERIC_DATES = ['exp', 'nbf', 'iat'];
const STRINGS = ['sub', 'jti', 'client_id'];
/** A date this late (the year 5138) is one in milliseconds, and a token with it would outlive everybody. */
const LATEST_DATE = 1e11;
/** As milliseconds it is the year 5138 too: what is later is in microseconds or finer. */
const LATEST_IN_MILLISECONDS = 1e14;
/** An `exp` before March 1973 is a length of time, such as `expires_in`. */
const LONGEST_LIFETIME = 1e8;

function jsonTypeFault(claims: JsonObject): Fault | undefined {
  for (const name of NUMERIC_DATES) {
    const value = claims[name];
    if (value === undefined) continue;
    if (typeof value !== 'number' || !Number.isFinite(value)) return wrongType(name, 'a number (seconds since 1970)');
    if (value > LATEST_DATE) {
      const unit = value > LATEST_IN_MILLISECONDS ? 'in a finer unit than milliseconds' : 'in milliseconds';
      return { code: 'token.claims', detail: `The claim ${name} is ${unit}; it has to be in seconds since 1970.` };
    }
  }
  for (const name of STRINGS) {
    if (claims[name] !== undefined && typeof claims[name] !== 'string') return wrongType(name, 'text');
  }
  for (const name of ['aud', 'scope', 'scp']) {
    const value = claims[name];
    if (value !== undefined && typeof value !== 'string' && !isListOfText(value))
      return wrongType(name, 'text or a list of texts');
  }
  return undefined;
}

function wrongType(name: string, expected: string): Fault {
  return { code: 'token.claims', detail: `The claim ${name} has the wrong type: it has to be ${expected}.` };
}

function isListOfText(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function audienceFault(claims: JsonObject, issuer: ClaimSettings): Fault | undefined {
  const audience = [(claims.aud ?? []) as string | readonly string[]].flat();
  if (audience.some((name) => issuer.audience.includes(name))) return undefined;
  const needed = issuer.audience.join(' or ');
  const near = audience.map((name) => smallDifference(name, issuer.audience)).find(Boolean) ?? '';
  const seen = audience.length ? `it was issued for ${listing(audience)}${clientHint(audience, claims)}` : NO_AUDIENCE;
  return { code: 'token.audience', detail: `The token needs the audience ${needed}; ${seen}.${near}` };
}

const NO_AUDIENCE = 'it names no audience';

/** ID tokens are for the client that asked for them (OpenID Connect Core §2), and a sign-in gets both kinds at once. */
function clientHint([name, ...others]: readonly string[], { azp, client_id }: JsonObject): string {
  return others.length === 0 && (name === azp || name === client_id) ? ', the client itself, as ID tokens are' : '';
}

/**
 * Whether the token is good at this moment. Seconds are whole, as in jose, so that both judge alike. A fault keeps the
 * dates alone, so that it can be told again later, in the words of that moment.
 */
export function timeFault(claims: JsonObject, issuer: ClaimSettings, now: number): Fault | undefined {
  const fault = faultAt(claims, issuer, now);
  if (fault === undefined) return undefined;
  const { exp, nbf, iat } = claims;
  return { ...fault, at: (later) => timeFault({ exp, nbf, iat }, issuer, later) };
}

function faultAt(claims: JsonObject, issuer: ClaimSettings, now: number): Fault | undefined {
  const seconds = Math.floor(now / 1000);
  const tolerance = issuer.clockTolerance / 1000;
  const exp = claims.exp as number | undefined;
  const nbf = claims.nbf as number | undefined;
  const iat = claims.iat as number | undefined;
  if (exp !== undefined && exp <= seconds - tolerance) return expired(exp, seconds, issuer);
  if (nbf !== undefined && nbf > seconds + tolerance) {
    const detail = `It is valid in ${span(nbf - seconds)}, from ${isoTime(nbf)}; it is ${isoTime(seconds)} here.`;
    return { code: 'token.not-yet-valid', detail, members: { validFrom: isoTime(nbf) } };
  }
  if (iat === undefined) return undefined;
  if (iat > seconds + tolerance) {
    const detail = `It was issued ${span(iat - seconds)} in the future, at ${isoTime(iat)}; it is ${isoTime(seconds)} here. A clock is wrong.`;
    return { code: 'token.not-yet-valid', detail, members: { issuedAt: isoTime(iat) } };
  }
  if (issuer.maxTokenAge !== undefined && seconds - iat - tolerance > issuer.maxTokenAge / 1000) {
    const detail = `It was issued ${span(seconds - iat)} ago; this API takes tokens that are at most ${span(issuer.maxTokenAge / 1000)} old.`;
    return { code: 'token.too-old', detail, members: { issuedAt: isoTime(iat) } };
  }
  return undefined;
}

/** The moment from which timeFault calls a token expired or too old, in milliseconds since 1970; Infinity when it says none. */
export function endOfLife(claims: JsonObject, { clockTolerance, maxTokenAge }: ClaimSettings): number {
  const exp = (claims.exp as number | undefined) ?? Number.POSITIVE_INFINITY;
  const iat = claims.iat as number | undefined;
  const tolerance = clockTolerance / 1000;
  const tooOld =
    maxTokenAge === undefined || iat === undefined
      ? Number.POSITIVE_INFINITY
      : Math.floor(iat + tolerance + maxTokenAge / 1000) + 1;
  return Math.min(Math.ceil(exp + tolerance), tooOld) * 1000;
}

const LIFETIME = ' Its claim exp looks like a length of time; it has to be a moment, in seconds since 1970.';

function expired(exp: number, seconds: number, issuer: ClaimSettings): Fault {
  return {
    code: 'token.expired',
    detail: `It expired ${span(seconds - exp)} ago, at ${isoTime(exp)}; by the gateway's clock it is ${isoTime(seconds)}.${exp > 0 && exp < LONGEST_LIFETIME ? LIFETIME : ''}`,
    fix: `Request a new token from ${issuer.issuer} and send it as 'Authorization: Bearer <token>'.`,
    members: { expiredAt: isoTime(exp) },
  };
}

/** The permissions in a token: `scope` (RFC 9068 §2.2.3), else `scp`, as words or as a list of them. */
export function scopesOf(claims: JsonObject): readonly string[] {
  const granted = claims.scope ?? claims.scp ?? '';
  return typeof granted === 'string' ? granted.split(' ').filter(Boolean) : (granted as readonly string[]);
}
