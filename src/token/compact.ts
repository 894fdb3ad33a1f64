import { type Outcome, pass, stop } from '../outcome.ts';
import { foreignKind } from './diagnose.ts';
import { parseExactly } from './exact-json.ts';
import { duplicateMember } from './json.ts';

export type JsonObject = { readonly [name: string]: unknown };

/** A JWS in compact form (RFC 7515 §7.1) whose three parts are canonical. Nothing in it is proved yet. */
export interface CompactJws {
  readonly header: JsonObject;
  readonly payload: JsonObject;
  /** Without a signature only where `alg` is `none`. */
  readonly signed: boolean;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Reads a token in its one canonical spelling. jose and others accept white space, padding and unused bits at the end
 * of a part, so that one token has many spellings and a revocation or cache that goes by text can be walked around
 * (fast-jwt GHSA-rp9m-7r4c-75qg). Here each token has exactly one. Fails with token.malformed.
 */
export function readCompact(token: string): Outcome<CompactJws> {
  const read = readCanonical(token);
  if (read.ok) return read;
  const kind = foreignKind(token);
  return kind === undefined ? read : malformed(kind);
}

function readCanonical(token: string): Outcome<CompactJws> {
  const parts = token.split('.', 6);
  if (parts.length !== 3) return malformed(partCount(parts));
  const [head, body, signature] = parts as [string, string, string];
  if (head === '') return malformed('its header is missing: nothing stands in front of the first dot');
  if (body === '') return malformed('its payload is missing: nothing stands between its dots');
  for (const [index, part] of parts.entries()) {
    const flaw = base64urlFlaw(part);
    if (flaw) return malformed(`its ${PART_NAMES[index]} ${flaw}`);
  }
  const header = readJson(head, 'header');
  if (!header.ok) return header;
  const payload = readJson(body, 'payload');
  if (!payload.ok) return payload;
  const flaw = headerFlaw(header.value);
  if (flaw) return malformed(flaw);
  if (signature === '' && header.value.alg !== 'none') {
    return malformed('its signature is missing: the part behind the second dot is empty');
  }
  return pass({ header: header.value, payload: payload.value, signed: signature !== '' });
}

const PART_NAMES = ['header', 'payload', 'signature'] as const;

function partCount(parts: readonly string[]): string {
  const [head = '', body = '', third = ''] = parts;
  switch (parts.length) {
    case 1:
      return `it has no dots, ${undotted(head)}`;
    case 2:
      return `it has 2 parts where 3 are needed: ${undersigned(head, body)}`;
    case 4:
      return parts[3] === '' ? 'it has a dot too many at its end' : 'it has 4 parts where 3 are needed';
    case 5:
      // Two tokens without anything between them: the first signature and the second header run together.
      return head !== '' && third.length > head.length && third.endsWith(head)
        ? 'it has 5 parts: it was pasted twice, with nothing between'
        : 'it has 5 parts: it is an encrypted token (JWE), and only signed ones (JWS) are accepted';
    default:
      return 'it has more than 5 parts where 3 are needed';
  }
}

function undotted(word: string): string {
  if (!beginsLikeJson(word)) return 'so it is no JWT but perhaps an opaque token, a refresh token or an API key';
  const json = readJson(word, 'header');
  if (!json.ok) return 'and begins like a token: it was cut within its header';
  return json.value.alg === undefined
    ? 'so it is JSON in base64 but no token'
    : 'and is the header of a token: the rest was not copied';
}

function undersigned(head: string, body: string): string {
  if (!beginsLikeJson(head) || (body !== '' && !beginsLikeJson(body))) return 'it was probably cut when it was copied';
  return readJson(body, 'payload').ok
    ? 'its signature is missing, it was cut behind its payload'
    : 'it was cut within its payload';
}

/** Whether base64url begins with what JSON objects begin with, `{"`. */
function beginsLikeJson(part: string): boolean {
  return part.startsWith('ey');
}

const BASE64URL = /^[A-Za-z0-9_-]*$/;
/** By the length of the last group: the characters whose unused bits are zero (RFC 4648 §3.5). */
const CANONICAL_END: Readonly<Record<number, RegExp>> = { 2: /[AQgw]$/, 3: /[AEIMQUYcgkosw048]$/ };

function base64urlFlaw(part: string): string | undefined {
  if (part.endsWith('=')) return 'is padded with "=": base64url in tokens has no padding';
  if (!BASE64URL.test(part)) {
    return /[+/]/.test(part) ? 'is in plain base64 ("+" or "/"), not base64url' : 'is not base64url';
  }
  const tail = part.length % 4;
  if (tail === 1) return 'has a length that no base64url text has: a character is missing or too many';
  if (tail !== 0 && !CANONICAL_END[tail]?.test(part)) {
    return 'is not canonical base64url: its last character was changed';
  }
  return undefined;
}

function readJson(part: string, name: string): Outcome<JsonObject> {
  let text: string;
  try {
    text = utf8.decode(Buffer.from(part, 'base64url'));
  } catch {
    return malformed(`its ${name} is not UTF-8`);
  }
  let value: unknown;
  try {
    value = parseExactly(text);
  } catch {
    return malformed(`its ${name} is not JSON`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return malformed(`its ${name} is not a JSON object`);
  }
  // Two members of one name mean two things to two readers (RFC 8725 §2.4, RFC 7519 §4).
  if (duplicateMember(text)) return malformed(`its ${name} has a duplicate member: the same name twice in one object`);
  return pass(value as JsonObject);
}

/** Header members that RFC 7515 §4.1 types; `alg` and `crit` are judged with the issuer's settings, later. */
function headerFlaw(header: JsonObject): string | undefined {
  for (const name of ['kid', 'typ', 'cty'] as const) {
    if (header[name] !== undefined && typeof header[name] !== 'string') return `its header member ${name} is not text`;
  }
  return undefined;
}

function malformed(what: string): Outcome<never> {
  return stop({ code: 'token.malformed', detail: `This is not a usable token: ${what}.` });
}
