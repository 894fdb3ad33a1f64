/** In place of a token. */
const MASK = '[token]';
/** So often may a token be percent-encoded over: what is deeper within is hidden as a whole. */
const MAX_DECODINGS = 4;

/**
 * A text without a token in it, whichever of its characters are percent-encoded, in either case: a client may write
 * `%65yJ…` for `eyJ…`, and with `token: forward` a query goes on as it came.
 */
export function withoutToken(text: string, token: string | undefined): string {
  if (!token) return text;
  let masked = text.replaceAll(token, MASK);
  if (!masked.includes('%')) return masked;
  masked = withoutEncoded(masked, token);
  return hasDeeper(masked, token) ? MASK : masked;
}

/** The value of Authorization without its credentials, which are secrets on public routes too. */
export function withoutCredentials(value: string): string {
  const blank = value.indexOf(' ');
  return blank === -1 || value.slice(blank + 1) === MASK ? value : `${value.slice(0, blank)} [credentials]`;
}

interface Decoded {
  readonly plain: string;
  /** Where each character of `plain` begins in the text, and where the last one ends. */
  readonly starts: readonly number[];
}

function decode(text: string): Decoded {
  const starts: number[] = [];
  let plain = '';
  let at = 0;
  while (at < text.length) {
    starts.push(at);
    const byte = text[at] === '%' ? hexByte(text.slice(at + 1, at + 3)) : undefined;
    plain += byte === undefined ? text[at] : String.fromCharCode(byte);
    at += byte === undefined ? 1 : 3;
  }
  return { plain, starts: [...starts, at] };
}

function hexByte(digits: string): number | undefined {
  return /^[0-9A-Fa-f]{2}$/.test(digits) ? Number.parseInt(digits, 16) : undefined;
}

function withoutEncoded(text: string, token: string): string {
  const { plain, starts } = decode(text);
  let masked = '';
  let copied = 0;
  for (let found = plain.indexOf(token); found !== -1; found = plain.indexOf(token, found + token.length)) {
    masked += text.slice(copied, starts[found]) + MASK;
    copied = starts[found + token.length] as number;
  }
  return masked + text.slice(copied);
}

function hasDeeper(text: string, token: string): boolean {
  let plain = text;
  for (let times = 0; times < MAX_DECODINGS && plain.includes('%'); times += 1) {
    plain = decode(plain).plain;
    if (plain.includes(token)) return true;
  }
  return false;
}
