import { type Outcome, pass, stop } from '../outcome.ts';
import { isAuthority } from '../request/head.ts';

/** A request target in its one canonical form: what is matched is what is forwarded, byte for byte. */
export interface Target {
  readonly path: string;
  /** As it came, with its question mark; empty when there is none. */
  readonly query: string;
  /** Of an absolute-form target (RFC 9112 §3.2.2): it replaces the Host. */
  readonly authority: string | undefined;
  /** What stands in the path and needs a route that allows it. */
  readonly unusual: readonly Unusual[];
  /** Other paths that an upstream may read in this one; none for nearly all. */
  readonly readings: readonly string[];
}

export type Unusual = 'semicolon' | 'encodedSlash';

/** Nothing to decide: no escapes, no empty or dot segments, only characters that stand for themselves (RFC 3986 §3.3). */
const PLAIN_PATH = /^(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9\-._~!$&'()*+,=:@]+)*\/?$/;
const PLAIN_QUERY = /^[\x21\x22\x24-\x7e]*$/;
const NOTHING_UNUSUAL: readonly Unusual[] = [];
const NO_READINGS: readonly string[] = [];

/**
 * Makes a request target canonical, or refuses it with route.target where two readers could understand it in two ways:
 * the class behind Envoy CVE-2021-29492, Traefik CVE-2025-47952, Oathkeeper CVE-2026-33494 and heimdall CVE-2026-42272.
 */
export function canonicalTarget(raw: string): Outcome<Target> {
  const form = splitAuthority(raw);
  if (!form.ok) return form;
  const { authority, rest } = form.value;
  const mark = rest.indexOf('?');
  const path = mark === -1 ? rest : rest.slice(0, mark);
  const query = mark === -1 ? '' : rest.slice(mark);
  if (!PLAIN_QUERY.test(query)) return refuse('The query has a character that has to be percent-encoded.');
  if (path !== '' && PLAIN_PATH.test(path))
    return pass({ path, query, authority, unusual: NOTHING_UNUSUAL, readings: NO_READINGS });
  const canonical = canonicalPath(path);
  return canonical.ok ? pass({ ...canonical.value, query, authority }) : canonical;
}

function splitAuthority(raw: string): Outcome<{ authority: string | undefined; rest: string }> {
  if (raw.startsWith('/')) return pass({ authority: undefined, rest: raw });
  const [, authority = '', rest = ''] = /^https?:\/\/([^/?#]*)(.*)$/is.exec(raw) ?? [];
  if (!isAuthority(authority)) return refuse('The request target is neither a path nor an http address.');
  return pass({ authority, rest: rest.startsWith('/') ? rest : `/${rest}` });
}

function canonicalPath(path: string): Outcome<Pick<Target, 'path' | 'unusual' | 'readings'>> {
  const flaw = characterFlaw(path);
  if (flaw) return refuse(flaw);
  const unusual = new Set<Unusual>();
  const segments: string[] = [];
  const parts = path.slice(1).split('/');
  for (const [index, part] of parts.entries()) {
    const segment = canonicalSegment(part);
    if (!segment.ok) return segment;
    const last = index === parts.length - 1;
    const problem = segmentFlaw(segment.value, last);
    if (problem) return refuse(problem);
    if (segment.value.includes(';')) unusual.add('semicolon');
    if (segment.value.includes('%2F')) unusual.add('encodedSlash');
    segments.push(segment.value);
  }
  const canonical = `/${segments.join('/')}`;
  return pass({ path: canonical, unusual: [...unusual], readings: otherReadings(canonical) });
}

function characterFlaw(path: string): string | undefined {
  if (path.includes('#')) return 'The path has a fragment (#), which is never sent to a server.';
  if (path.includes('\\')) return 'The path has a backslash.';
  if (/[^\x21-\x7e]/.test(path)) return 'The path has a control or non-ASCII character that is not percent-encoded.';
  return undefined;
}

/** Dots and emptiness are judged as a servlet container would, without what follows a semicolon, and within `%2F` too. */
function segmentFlaw(segment: string, last: boolean): string | undefined {
  if (segment === '') return last ? undefined : 'The path has an empty segment (//).';
  for (const piece of segment.split('%2F')) {
    // `%3B` too: Spring and others decode before they cut.
    const name = piece.split(/;|%3B/, 1)[0];
    if (name === '.' || name === '..') return 'The path has a dot segment (. or ..).';
    if (name === '' && piece !== '') return 'The path has a segment of parameters alone (/;).';
  }
  return undefined;
}

const ESCAPE = /%(?:([0-9A-Fa-f]{2})|)/g;
const UNRESERVED = /[A-Za-z0-9\-._~]/;
/** Characters that no path has in its plain form; to every server they are the same as their escapes. */
const TO_ESCAPE = /["<>[\]^`{|}]/g;

/** One spelling for each segment: unreserved characters plain, every other escape in capitals (RFC 3986 §6.2.2). */
function canonicalSegment(part: string): Outcome<string> {
  if (!part.includes('%')) return pass(part.replace(TO_ESCAPE, escapeOf));
  const flaw = escapeFlaw(part);
  if (flaw) return refuse(flaw);
  const canonical = part.replace(/%[0-9A-Fa-f]{2}/g, (octet) => {
    const character = String.fromCharCode(Number.parseInt(octet.slice(1), 16));
    return UNRESERVED.test(character) ? character : octet.toUpperCase();
  });
  // A server that decodes twice would see `/`, `\` or `.` here. The digits may have come encoded too (%25%32%65).
  if (/%25(?:2[fFeE]|5[cC])/.test(canonical)) return refuse('The path has a doubly encoded slash, backslash or dot.');
  return pass(canonical.replace(TO_ESCAPE, escapeOf));
}

function escapeFlaw(part: string): string | undefined {
  for (const [, hex] of part.matchAll(ESCAPE)) {
    if (hex === undefined) return 'The path has a percent sign that is not followed by two hex digits.';
    const code = Number.parseInt(hex, 16);
    if (code < 0x20 || code === 0x7f) return 'The path has an encoded control character.';
    if (code === 0x5c) return 'The path has an encoded backslash (%5C).';
  }
  try {
    decodeURIComponent(part); // refuses overlong and otherwise invalid UTF-8
    return undefined;
  } catch {
    return 'The path has escapes that are not UTF-8.';
  }
}

function escapeOf(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}

/**
 * The paths that an upstream may read in this one: without what follows a semicolon (encoded too), with `%2F` as a
 * slash, with other delimiters decoded, or all of that; several slashes as one. Where they lead to another route, the
 * one that matched would be a way around it: `/admin;x` for `/admin`, `/users/%40me` for `/users/@me`. They are not made
 * one spelling: to some upstreams `:` is syntax and `%3A` is data (RFC 3986 §2.2).
 */
function otherReadings(path: string): readonly string[] {
  const decoded = path.replace(ENCODED_DELIMITER, (octet) => decodeURIComponent(octet));
  const readings = new Set<string>();
  for (const spelling of [path, decoded]) {
    const split = spelling.replaceAll('%2F', '/').replace(/\/{2,}/g, '/');
    for (const reading of [spelling, withoutParameters(spelling), split, withoutParameters(split)])
      readings.add(reading);
  }
  readings.delete(path);
  return [...readings];
}

/** Delimiters that a segment may have in their plain form (RFC 3986 §3.3), the semicolon aside, as escapes. */
const ENCODED_DELIMITER = /%(?:2[146789ABC]|3[AD]|40)/g;

function withoutParameters(path: string): string {
  return path.replace(/(?:;|%3B)[^/]*/g, '');
}

/** The fault for a target in which an upstream may read the path of another route. */
export function ambiguousTarget({ path, unusual: [unusual] }: Target): Outcome<never> {
  if (unusual !== undefined || path.includes('%3B')) return unusualTarget(unusual ?? 'semicolon');
  return refuse('The path has an encoded delimiter that another route has in its plain form: send it plain.');
}

/** The fault for an unusual target on a route that does not allow it. */
export function unusualTarget(unusual: Unusual): Outcome<never> {
  return refuse(unusual === 'semicolon' ? 'The path has a semicolon.' : 'The path has an encoded slash (%2F).');
}

function refuse(detail: string): Outcome<never> {
  return stop({ code: 'route.target', detail });
}
