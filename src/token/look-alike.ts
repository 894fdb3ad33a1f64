import { isFolded } from '../request/fold.ts';
import { cookiePairs, decodeForm, type Pair, queryPairs } from './pairs.ts';

// Upstreams read the names of cookies and parameters in their own ways. PHP takes blanks off their beginning, ends them at
// a NUL or a bracket (`token[]`) and makes `_` of `.` and spaces; ASP.NET does not mind capitals; many take blanks off both
// ends, decode names of cookies, and see a further pair behind a comma, a space or a semicolon. A second token that only
// the upstream sees would be an unverified claim about the client.

/** Whether a Cookie field has a cookie that a server may take for the one of this name, and that is not called so here. */
export function hasLookAlikeCookie(fields: readonly string[], name: string): boolean {
  return fields.some((field) => cookiePairs(field).some((pair) => isLookAlikeCookie(pair, name)));
}

function isLookAlikeCookie({ name, value, text }: Pair, wanted: string): boolean {
  if (name !== wanted && mayBeRead(name, wanted)) return true;
  // `=token=x` is the cookie `token` to some.
  if (name === '' && value !== undefined && mayBeRead(value.split('=', 1)[0] as string, wanted)) return true;
  return value !== undefined && isAmong(text.split(COOKIE_ENDS), wanted);
}

/** The same of a query and its parameters. */
export function hasLookAlikeParameter(query: string, name: string): boolean {
  return queryPairs(query).some(
    (pair) => (pair.name !== name && mayBeRead(pair.name, name)) || isAmong(pair.text.split(PARAMETER_END), name),
  );
}

/** Python, and Java and Ruby of old, begin a cookie behind a comma or a blank too. */
const COOKIE_ENDS = /[,\s]+/;
/** What HTML 4 recommended between parameters (appendix B.2.2), and servers of its time read. */
const PARAMETER_END = ';';

/** Whether one of the pieces behind the first is a pair under the name, or under one that may be read as it. */
function isAmong([, ...pieces]: readonly string[], wanted: string): boolean {
  return pieces.some((piece, index) => {
    const equals = piece.indexOf('=');
    if (equals > 0) return mayBeRead(piece.slice(0, equals), wanted);
    return equals === -1 && pieces[index + 1]?.startsWith('=') === true && mayBeRead(piece, wanted);
  });
}

/** Whether a server may read a name as the one wanted. */
function mayBeRead(name: string, wanted: string): boolean {
  return isReadAs(name, wanted) || (ENCODED.test(name) && isReadAs(decodeLoosely(name), wanted));
}

/** Encoded, or with letters that may fold into ASCII. */
const ENCODED = /[%+\u0080-\uffff]/;

/**
 * Decodes a name as the least strict servers do: PHP of old takes `+` for a space in cookies too, ASP and ASP.NET read
 * `%u0061` as `a`, and some fold letters of other alphabets into ASCII (best fit, NFKC).
 */
function decodeLoosely(name: string): string {
  return decodeForm(name.normalize('NFKC'))
    .replace(/%u([0-9A-Fa-f]{4})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)))
    .normalize('NFKC');
}

function isReadAs(name: string, wanted: string): boolean {
  let from = 0;
  while (from < name.length && isBlank(name.charCodeAt(from))) from += 1;
  if (name.length - from < wanted.length) return false;
  if (!isFolded(name, from, wanted)) return false;
  const end = from + wanted.length;
  const next = name[end];
  return next === undefined || next === '[' || next === '\0' || isBlankFrom(name, end);
}

/** Everything beyond ASCII too: NBSP in UTF-8 is two characters here, and servers take others off as well. */
function isBlank(code: number): boolean {
  return code <= 0x20 || code >= 0x7f;
}

function isBlankFrom(text: string, start: number): boolean {
  for (let at = start; at < text.length; at += 1) if (!isBlank(text.charCodeAt(at))) return false;
  return true;
}
