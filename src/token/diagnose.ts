/** What the Authorization field holds instead of `Bearer <one token>`, or the scheme that it uses instead. */
export type FieldFlaw = { readonly kind: 'scheme' | 'request'; readonly detail: string };

const OTHER_SCHEMES = ['Basic', 'Digest', 'Negotiate', 'NTLM', 'DPoP', 'Token', 'ApiKey', 'Hawk', 'AWS4-HMAC-SHA256'];

/**
 * Says what is wrong with an Authorization field that is not `Bearer <one token>` (RFC 6750 §2.1). The words are ours:
 * nothing of the field is repeated, since it may hold a password.
 */
export function diagnoseField(field: string): FieldFlaw {
  if (field === '') return flaw('The Authorization header is empty.');
  const [, scheme = '', gap = '', rest = ''] = /^([^ \t]*)([ \t]*)(.*)$/s.exec(field) ?? [];
  if (scheme.toLowerCase() !== 'bearer') return otherScheme(scheme, rest);
  if (rest === '') return flaw("Nothing stands behind 'Bearer': the variable that holds the token is probably empty.");
  if (gap.includes('\t')) return flaw("A tab stands behind 'Bearer' where a space belongs.");
  return flaw(`${credentialsFlaw(rest)}`);
}

function otherScheme(scheme: string, rest: string): FieldFlaw {
  const looksLikeJwt = /^["']?ey[\w-]+\./.test(scheme);
  if (looksLikeJwt)
    return flaw(
      "The token stands alone in the Authorization header: the word 'Bearer' and a space are missing in front of it.",
    );
  if (/^bearer\W/i.test(scheme)) return flaw("The word 'Bearer' is followed by another character than a space.");
  if (/^bearerey/i.test(scheme)) return flaw("The space between 'Bearer' and the token is missing.");
  if (/^["']/.test(scheme)) return flaw('The whole value of the Authorization header is in quotes.');
  if (/^authorization:?$/i.test(scheme))
    return flaw("The value begins with the word 'Authorization': it was pasted together with the header's name.");
  const known = OTHER_SCHEMES.find((name) => name.toLowerCase() === scheme.toLowerCase());
  const seen = known ? `the scheme '${known}'` : 'a scheme other than Bearer';
  const hint = /^ey[\w-]+\./.test(rest) ? ' What follows it looks like a bearer token.' : '';
  return { kind: 'scheme', detail: `The Authorization header uses ${seen}; this address takes Bearer tokens.${hint}` };
}

/** The checks go from the most telling to the most general: the JSON of a token response has quotes and commas too. */
const CREDENTIAL_FLAWS: readonly (readonly [RegExp, string])[] = [
  [/^bearer(?:$|\s)/i, "The word 'Bearer' stands there twice."],
  [/^\{\s*["']/, 'The whole JSON of a token response was sent; only the value of `access_token` belongs here.'],
  [/^\[object/i, 'Instead of a token there is the name of an object: the client sent the variable around the token.'],
  [/^[$<{]|^%7b/i, 'There is a placeholder where the token belongs: it was not filled in.'],
  [/,/, 'There is a comma: one token is expected, and nothing else.'],
  [/^["'\u00e2]|["']$/, 'The token is in quotes.'],
  [/\t/, 'There is a tab in or behind the token.'],
  [/ /, "There are two words behind 'Bearer': one token is expected."],
  [/%[0-9a-f]{2}/i, 'The token is URL-encoded: it has to be sent as it was issued.'],
  [/\\[nr]/, 'There is a written-out line break (\\n) in the token.'],
  [
    /[^\x20-\x7e]/,
    'There is a character in the token that no token has (not ASCII): it was probably copied from formatted text.',
  ],
];

function credentialsFlaw(credentials: string): string {
  const found = CREDENTIAL_FLAWS.find(([sign]) => sign.test(credentials));
  return found
    ? found[1]
    : "There is a character in the token that no token has; tokens consist of letters, digits and -._~+/ with '=' at the end only.";
}

function flaw(detail: string): FieldFlaw {
  return { kind: 'request', detail };
}
