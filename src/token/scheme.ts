/**
 * Whether an Authorization field holds a token for whoever has it: by the scheme Bearer (RFC 6750) or DPoP (RFC 9449), in
 * any case, alone or as one of several credentials, which some servers read from one field.
 */
export function holdsToken(field: string): boolean {
  return field.split(',').some((credentials) => SCHEMES.has(schemeOf(credentials.trim())));
}

const SCHEMES: ReadonlySet<string> = new Set(['bearer', 'dpop']);

/** The letters that a text begins with, in small ones. */
function schemeOf(credentials: string): string {
  let end = 0;
  while (end < LONGEST && isLetter(credentials.charCodeAt(end))) end += 1;
  return credentials.slice(0, end).toLowerCase();
}

const LONGEST = 'bearer'.length + 1;

function isLetter(code: number): boolean {
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x7a;
}
