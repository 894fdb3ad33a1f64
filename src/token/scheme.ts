/** `Bearer <one token>` (RFC 6750 §2.1), with the token as its group. */
export const BEARER = /^bearer +([A-Za-z0-9\-._~+/]+=*)$/i;

/** Whether an Authorization field is the one form in which a token is taken from it. */
export function isBearer(field: string): boolean {
  return BEARER.test(field);
}

/**
 * Whether an Authorization field holds a token that works for its bearer, or a bound one: by the scheme Bearer (RFC 6750) or DPoP (RFC 9449), in
 * any case, alone or as one of several credentials, which some servers read from one field. Many search the whole field
 * for `Bearer` and a word behind it, so it counts at any place where a word can begin.
 */
export function holdsToken(field: string): boolean {
  if (field.split(',').some((credentials) => SCHEMES.includes(schemeOf(credentials.trim())))) return true;
  const lower = field.toLowerCase();
  return SCHEMES.some((scheme) => hasWithin(lower, scheme));
}

const SCHEMES: readonly string[] = ['bearer', 'dpop'];

/** The letters that a text begins with, in small ones. */
function schemeOf(credentials: string): string {
  let end = 0;
  while (end < LONGEST && isLetter(credentials.charCodeAt(end))) end += 1;
  return credentials.slice(0, end).toLowerCase();
}

const LONGEST = 'bearer'.length + 1;

/** Whether a scheme stands as a word within a field, with a blank and something else behind it. */
function hasWithin(field: string, scheme: string): boolean {
  for (let at = field.indexOf(scheme); at !== -1; at = field.indexOf(scheme, at + 1)) {
    const end = at + scheme.length;
    if (!OF_CREDENTIALS.test(field.charAt(at - 1)) && BLANK.test(field.charAt(end)) && field.length > end + 1)
      return true;
  }
  return false;
}

/** What Basic and others have within their credentials, where `bearer` may be a part of a longer word (RFC 9110 §11.2). */
const OF_CREDENTIALS = /[a-z0-9\-._~+/=]/;
const BLANK = /\s/;

function isLetter(code: number): boolean {
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x7a;
}
