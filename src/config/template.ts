/** What a `{…}` in a header template stands for. */
export type Reference =
  | { readonly kind: 'claim'; readonly path: string }
  | { readonly kind: 'param'; readonly name: string }
  | { readonly kind: 'request'; readonly what: 'id' | 'host' }
  | { readonly kind: 'client'; readonly what: 'subject' }
  | { readonly kind: 'issuer' };

/** A header value: fixed texts and references, in turn. */
export interface Template {
  readonly source: string;
  readonly parts: readonly (string | Reference)[];
  /** Whether something of it came from `${…}`: its value is never shown. */
  readonly secret?: true;
}

/** Noncharacters (Unicode §23.7), which no text has, in the place of braces that are text. */
const SHIELDED = { '{': '\ufdd0', '}': '\ufdd1' } as const;

/** Makes the braces of a text that is put into a template mean themselves: a secret may have any, and refers to nothing. */
export function shieldBraces(text: string): string {
  return text.replaceAll('{', SHIELDED['{']).replaceAll('}', SHIELDED['}']);
}

function bareBraces(text: string): string {
  return text.replaceAll(SHIELDED['{'], '{').replaceAll(SHIELDED['}'], '}');
}

/** Printable ASCII: what an operator may write into a header as it stands. */
const PLAIN = /^[\x20-\x7e]*$/;

/** Reads a header template; answers what is wrong with it as text. `{{` and `}}` are not needed: other braces are errors. */
export function readTemplate(source: string): Template | string {
  const parts: (string | Reference)[] = [];
  for (const piece of source.split(/(\{[^{}]*\})/)) {
    if (piece === '') continue;
    if (!piece.startsWith('{')) {
      if (/[{}]/.test(piece)) return 'has a brace that is not part of a {reference}';
      const text = bareBraces(piece);
      if (!PLAIN.test(text)) return 'holds a character that cannot stand in a header';
      parts.push(text);
      continue;
    }
    const reference = readReference(piece.slice(1, -1));
    if (typeof reference === 'string') return reference;
    parts.push(reference);
  }
  return { source: bareBraces(source), parts };
}

function readReference(text: string): Reference | string {
  if (text === 'issuer') return { kind: 'issuer' };
  if (text === 'request.id' || text === 'request.host')
    return { kind: 'request', what: text === 'request.id' ? 'id' : 'host' };
  if (text === 'client.subject') return { kind: 'client', what: 'subject' };
  if (text.startsWith('claims.') && text.length > 'claims.'.length)
    return { kind: 'claim', path: text.slice('claims.'.length) };
  if (text.startsWith('params.') && text.length > 'params.'.length)
    return { kind: 'param', name: text.slice('params.'.length) };
  return `{${text}} is unknown; there are {claims.<path>}, {params.<name>}, {request.id}, {request.host}, {client.subject} and {issuer}`;
}
