/** What the Authorization field holds instead of `Bearer <one token>`, or the scheme that it uses instead. */
export type FieldFlaw = { readonly kind: 'scheme' | 'request'; readonly detail: string };

const OTHER_SCHEMES = ['Basic', 'Digest', 'Negotiate', 'NTLM', 'DPoP', 'Token', 'ApiKey', 'Hawk', 'AWS4-HMAC-SHA256'];

/**
 * Says what is wrong with an Authorization field that is not `Bearer <one token>` (RFC 6750 §2.1). The words are ours:
 * nothing of the field is repeated, since it may hold a password.
 */
export function diagnoseField(field: string): FieldFlaw {
  if (field === '') return flaw('The Authorization header is empty.');
  const { scheme, gap, rest } = partsOf(field);
  if (scheme === '') return flaw('The value of the Authorization header begins with white space.');
  if (scheme.toLowerCase() !== 'bearer') return otherScheme(scheme, rest);
  if (rest === '') return flaw("Nothing stands behind 'Bearer': the variable that holds the token is probably empty.");
  if (gap.includes('\t')) return flaw("A tab stands behind 'Bearer' where a space belongs.");
  return flaw(credentialsFlaw(rest));
}

function partsOf(field: string): { readonly scheme: string; readonly gap: string; readonly rest: string } {
  let end = 0;
  while (end < field.length && !isBlank(field.charAt(end))) end += 1;
  let from = end;
  while (from < field.length && isBlank(field.charAt(from))) from += 1;
  return { scheme: field.slice(0, end), gap: field.slice(end, from), rest: field.slice(from) };
}

function isBlank(character: string): boolean {
  return character === ' ' || character === '\t';
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
  const hint = tokenHint(known, rest);
  return { kind: 'scheme', detail: `The Authorization header uses ${seen}; this address takes Bearer tokens.${hint}` };
}

function tokenHint(scheme: string | undefined, rest: string): string {
  if (/^ey[\w-]+\./.test(rest)) return ' What follows it looks like a bearer token.';
  if (scheme !== 'Basic') return '';
  const pair = Buffer.from(rest, 'base64').toString('latin1');
  if (/^ey[\w-]+\.[\w-]+\./.test(pair)) return ' Its user name looks like a bearer token.';
  return /^[^:]*:ey[\w-]+\.[\w-]+\./.test(pair) ? ' Its password looks like a bearer token.' : '';
}

type Sentence = string | ((credentials: string) => string);

const PLACEHOLDER = 'There is a placeholder where the token belongs: it was not filled in.';

/** The checks go from the most telling to the most general: the JSON of a token response has quotes and commas too. */
const CREDENTIAL_FLAWS: readonly (readonly [RegExp, Sentence])[] = [
  [/^bearer(?:$|\s)/i, "The word 'Bearer' stands there twice."],
  [/^\{\s*["']/, jsonFlaw],
  [/^\[object/i, 'Instead of a token there is the name of an object: the client sent the variable around the token.'],
  [/^<(?:\?xml|(?:\w+:)?(?:Assertion|Response)\b)/i, 'There is XML where the token belongs, as in a SAML assertion.'],
  [
    /^<(?:!doctype|html)/i,
    'There is an HTML page where the token belongs: the request for a token was answered with one.',
  ],
  [/^[$<{[]|^%7b|^%\w+%$/i, PLACEHOLDER],
  [/^-----BEGIN /, 'There is a key or certificate (PEM) where the token belongs.'],
  [/^https?:\/\//i, 'There is an address (URL) where the token belongs.'],
  [/(?:^|[?&#])access_token=/, 'There is a name in front of the token: only the value of `access_token` belongs here.'],
  [/^s(?:%3a|:)/i, 'There is a signed session cookie where the token belongs.'],
  [/^\*+$/, 'The token is masked with asterisks: it was copied from where it is not shown.'],
  [/,/, commaFlaw],
  [/^["'\u00e2]|["']$/, 'The token is in quotes.'],
  [/\t/, 'There is a tab in or behind the token.'],
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  [/[\0-\x1f\x7f]/, 'There is a control character in or behind the token, such as a line break.'],
  [/ $/, 'There is a space behind the token.'],
  [/ /, wordsFlaw],
  [/%[0-9a-f]{2}/i, 'The token is URL-encoded: it has to be sent as it was issued.'],
  [/\\[nr]/, 'There is a written-out line break (\\n) in the token.'],
  [
    /[^\x20-\x7e]/,
    'There is a character in the token that no token has (not ASCII): it was probably copied from formatted text.',
  ],
];

function credentialsFlaw(credentials: string): string {
  const found = CREDENTIAL_FLAWS.find(([sign]) => sign.test(credentials))?.[1];
  if (found !== undefined) return typeof found === 'string' ? found : found(credentials);
  return "There is a character in the token that no token has; tokens consist of letters, digits and -._~+/ with '=' at the end only.";
}

function jsonFlaw(credentials: string): string {
  if (/["']access_token["']/.test(credentials)) {
    return 'The whole JSON of a token response was sent; only the value of `access_token` belongs here.';
  }
  return /"(?:signatures?|ciphertext)"/.test(credentials)
    ? 'The token is in JSON form (JWS or JWE JSON serialization); only the compact form, three parts with dots between them, is accepted.'
    : 'There is JSON where the token belongs.';
}

const JWT = /^ey[\w-]+\.[\w-]+\.[\w-]*$/;
/** With the shortest signature there is, that of HS256. */
const WHOLE_JWT = /^ey[\w-]+\.[\w-]+\.[\w-]{43,}$/;

function commaFlaw(credentials: string): string {
  const words = credentials.split(/,\s*(?:bearer +)?/i, 4);
  return words.length > 1 && words.every((word) => JWT.test(word))
    ? 'There is a comma between two tokens, and one is expected: two Authorization headers were probably joined.'
    : 'There is a comma: one token is expected, and nothing else.';
}

function wordsFlaw(credentials: string): string {
  const words = credentials.split(/ +/, 100);
  const seen = `There are ${words.length === 2 ? 'two' : 'several'} words behind 'Bearer'`;
  if (words.every((word) => JWT.test(word))) return `${seen}, and each looks like a token: one token is expected.`;
  return !WHOLE_JWT.test(words[0] ?? '') && JWT.test(words.join(''))
    ? `${seen} that make one token: it was probably wrapped over several lines.`
    : `${seen}: one token is expected.`;
}

function flaw(detail: string): FieldFlaw {
  return { kind: 'request', detail };
}

/**
 * What one word that is no JWT is known to be instead, for the sentence of token.malformed; undefined where nothing
 * tells. Secrets of other services are told by their published prefixes, and nothing of them is repeated.
 */
export function foreignKind(word: string): string | undefined {
  const told = TOLD.find(([sign]) => sign.test(word))?.[1];
  if (told !== undefined) return told;
  const kind = FOREIGN.find(([sign]) => sign.test(word))?.[1];
  return kind && `it looks like ${kind}, not like an access token for this API`;
}

const TOLD: readonly (readonly [RegExp, string])[] = [
  // What programs print for a variable that nobody set. RFC 6750 allows these words as a token.
  [
    /^(?:undefined|null|none|nil|nan|false)$/i,
    'it is the name of an empty value, so the client had no token when it sent this',
  ],
  [
    /^(?:x{3,}|(?:(?:your|my|the|insert|paste)[-_]?)*(?:(?:access|api|auth|bearer|jwt)[-_]?)*(?:token|key|jwt)(?:[-_]?here)?)$/i,
    'it is a placeholder that was to be replaced with a token',
  ],
  [/^ZXlK|^QmVhcmVyI/, 'it is base64 of a token: it was encoded once more than it was issued'],
  [/\.\.\./, 'it has three dots in a row: it was copied from where it is shown shortened'],
];

const FOREIGN: readonly (readonly [RegExp, string])[] = [
  [/^[spr]k_(?:live|test)_/, 'an API key (Stripe)'],
  [/^(?:gh[opsur]_|github_pat_)/, 'a token of GitHub'],
  [/^gl(?:pat|dt|rt|oas|soat|cbt|ptt)-/, 'a token of GitLab'],
  [/^xox[a-z]-|^xapp-/, 'a token of Slack'],
  [/^A(?:KIA|SIA)[A-Z2-7]{16}$/, 'an access key ID (AWS)'],
  [/^AIza[\w-]{30,}$/, 'an API key (Google)'],
  [/^ya29\./, 'an access token for the APIs of Google'],
  [/^1\/\/0/, 'a refresh token (Google)'],
  [/^sk-/, 'an API key'],
  [/^npm_/, 'a token of npm'],
  [/^SG\./, 'an API key (SendGrid)'],
  [/^hv[brs]\./, 'a token of Vault'],
  [/^v\d\.(?:local|public)\./, 'a PASETO'],
  [/^(?:PHNhbW|PD94bW|PEFzc2VydGlv|PFJlc3BvbnNl)/, 'a SAML assertion or other XML in base64'],
  [/^MII[A-Za-z0-9+/]{40}/, 'a key or certificate in base64'],
  [/^LS0tLS1CRUdJTi/, 'a key or certificate (PEM) in base64'],
  [/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i, 'the identifier of a session or of something else (UUID)'],
];
