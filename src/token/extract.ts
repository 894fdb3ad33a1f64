import { type Outcome, pass, stop } from '../outcome.ts';
import { foldName } from '../request/fold.ts';
import { diagnoseField } from './diagnose.ts';
import { hasLookAlikeCookie, hasLookAlikeParameter } from './look-alike.ts';
import { cookiePairs, decodeForm, queryPairs } from './pairs.ts';
import { nameOf, type TokenPlace } from './place.ts';
import { RawToken } from './raw-token.ts';
import { BEARER } from './scheme.ts';
import { readSubprotocols } from './subprotocol.ts';

/** What extraction reads of a request. Header names are lower-case. */
export interface TokenBearer {
  /** The values of the Authorization fields, one each. */
  readonly authorization: readonly string[];
  /** Every value of a header, in the order they came. */
  headerValues(name: string): readonly string[];
}

/** RFC 6750 §2.1: b64token. */
const B64TOKEN = /^[A-Za-z0-9\-._~+/]+=*$/;

/**
 * Finds the one token of a request in the places its route names. Fails with token.missing, token.ambiguous,
 * token.request, token.scheme or token.too-large. More than one token is refused and never chosen from: a gateway and
 * the service behind it that choose differently are how requests change their owner (RFC 6750 §2). `query` may have
 * its question mark. A token longer than `longest` is refused before anything is spent on it (RFC 8725 §2.7).
 */
export function extractToken(
  request: TokenBearer,
  query: string,
  places: readonly TokenPlace[],
  longest: number,
): Outcome<RawToken> {
  let found: string | undefined;
  let foundAt: TokenPlace | undefined;
  let otherScheme: string | undefined;
  for (const place of places) {
    const values = valuesAt(request, query, place);
    if (values.length > 1) return ambiguous(place, REPEATED);
    if (hasLookAlike(request, query, place)) return ambiguous(place, LOOKS_ALIKE);
    const [value] = values;
    if (value === undefined) continue;
    const read = place.kind === 'authorization' ? readAuthorization(value) : readBare(value, place);
    // Basic credentials are no second token, whichever of the places is looked at first.
    if (!read.ok && read.fault.code === 'token.scheme') otherScheme = read.fault.detail;
    else if (found !== undefined) return ambiguous(place, ELSEWHERE);
    else if (!read.ok) return read;
    else {
      found = read.value;
      foundAt = place;
    }
  }
  if (found !== undefined)
    for (const place of places) if (hasLookAlikeMarker(request, place)) return ambiguous(place, LOOKS_ALIKE);
  if (found !== undefined) return tooLarge(found, longest) ?? pass(new RawToken(found, foundAt));
  if (otherScheme !== undefined) return stop({ code: 'token.scheme', detail: otherScheme });
  return stop({ code: 'token.missing', detail: `No token was found in the ${places.map(nameOf).join(' or the ')}.` });
}

function valuesAt(request: TokenBearer, query: string, place: TokenPlace): readonly string[] {
  switch (place.kind) {
    case 'authorization':
      return request.authorization;
    case 'header':
      return request.headerValues(place.name);
    case 'cookie':
      return cookieValues(request.headerValues('cookie'), place.name);
    case 'query':
      return query === '' ? NONE : parameterValues(query, place.name);
    case 'websocketProtocol':
      return readSubprotocols(request.headerValues('sec-websocket-protocol'), place.name).tokens;
  }
}

/** Whether the upstream may see a token in a place where none is seen here. Variants of header names are refused before. */
function hasLookAlike(request: TokenBearer, query: string, place: TokenPlace): boolean {
  switch (place.kind) {
    case 'cookie':
      return hasLookAlikeCookie(request.headerValues('cookie'), place.name);
    case 'query':
      return query !== '' && hasLookAlikeParameter(query, place.name);
    default:
      return false;
  }
}

/** The same of Sec-WebSocket-Protocol. Without a token a marker of other case is just another subprotocol. */
function hasLookAlikeMarker(request: TokenBearer, place: TokenPlace): boolean {
  if (place.kind !== 'websocketProtocol') return false;
  const { others } = readSubprotocols(request.headerValues('sec-websocket-protocol'), place.name);
  return others.some((other) => foldName(other) === foldName(place.name));
}

const NONE: readonly string[] = [];

function readAuthorization(field: string): Outcome<string> {
  // Spelled as nearly everybody does it takes half of the time.
  const usual = field.startsWith('Bearer ') ? field.slice('Bearer '.length) : '';
  if (B64TOKEN.test(usual)) return pass(usual);
  const token = BEARER.exec(field)?.[1];
  if (token !== undefined) return pass(token);
  const { kind, detail } = diagnoseField(field);
  return stop({ code: kind === 'scheme' ? 'token.scheme' : 'token.request', detail });
}

function readBare(value: string, place: TokenPlace): Outcome<string> {
  if (B64TOKEN.test(value)) return pass(value);
  const seen = value === '' ? 'is empty' : 'does not hold one plain token';
  return stop({ code: 'token.request', detail: `The ${nameOf(place)} ${seen}.` });
}

/** The values of a cookie. A cookie may come twice, from two paths: that is for the caller to refuse. */
function cookieValues(fields: readonly string[], name: string): string[] {
  const values: string[] = [];
  for (const field of fields) {
    for (const pair of cookiePairs(field))
      if (pair.name === name && pair.value !== undefined) values.push(withoutQuotes(pair.value));
  }
  return values;
}

/** RFC 6265 §4.1.1: the value of a cookie may stand in quotes, which are no part of what it says. */
function withoutQuotes(value: string): string {
  return value.length > 1 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
}

function parameterValues(query: string, name: string): string[] {
  return queryPairs(query).flatMap((pair) => (pair.name === name ? [decodeForm(pair.value ?? '')] : []));
}

function tooLarge(token: string, longest: number): Outcome<never> | undefined {
  if (token.length <= longest) return undefined;
  return stop({
    code: 'token.too-large',
    detail: `The token has ${token.length} characters; at most ${longest} are accepted.`,
  });
}

type Ambiguity = (place: string) => string;

const REPEATED: Ambiguity = (place) => `The ${place} was sent more than once.`;
const ELSEWHERE: Ambiguity = (place) => `A token was sent in the ${place} and in another place too.`;
const LOOKS_ALIKE: Ambiguity = (place) => `Something was sent under a name that servers may read as the ${place}.`;

function ambiguous(place: TokenPlace, ambiguity: Ambiguity): Outcome<never> {
  return stop({ code: 'token.ambiguous', detail: ambiguity(nameOf(place)) });
}
