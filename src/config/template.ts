import { claimPathFlaw } from './claim-path.ts';
import { closest } from './suggest.ts';

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

/** What is wrong with a template, and what to write instead. */
interface TemplateFlaw {
  readonly flaw: string;
  readonly hint?: string | undefined;
}

/** Reads a header template, or answers what is wrong with it. A brace is only ever part of a reference. */
export function readTemplate(source: string): Template | TemplateFlaw {
  const parts: (string | Reference)[] = [];
  let at = 0;
  while (at < source.length) {
    const open = source.indexOf('{', at);
    const text = source.slice(at, open === -1 ? source.length : open);
    const flaw = textFlaw(text);
    if (flaw !== undefined) return { flaw };
    if (text !== '') parts.push(bareBraces(text));
    if (open === -1) break;
    const close = source.indexOf('}', open);
    const inner = source.slice(open + 1, close === -1 ? source.length : close);
    if (close === -1 || inner.includes('{'))
      return { flaw: 'has a brace that is opened and never closed', hint: 'a reference is written `{claims.sub}`' };
    const reference = readReference(inner);
    if ('flaw' in reference) return reference;
    parts.push(reference);
    at = close + 1;
  }
  return { source: bareBraces(source), parts };
}

function textFlaw(text: string): string | undefined {
  if (text.includes('}')) return 'has a brace that is closed and never opened';
  return PLAIN.test(bareBraces(text)) ? undefined : 'holds a character that cannot stand in a header';
}

/** References without a name of the operator's own in them. */
const FIXED: Readonly<Record<string, Reference>> = {
  issuer: { kind: 'issuer' },
  'request.id': { kind: 'request', what: 'id' },
  'request.host': { kind: 'request', what: 'host' },
  'client.subject': { kind: 'client', what: 'subject' },
};

function readReference(text: string): Reference | TemplateFlaw {
  const trimmed = text.trim();
  if (trimmed !== text) return { flaw: `{${text}} has blanks within its braces`, hint: `write \`{${trimmed}}\`` };
  const fixed = Object.hasOwn(FIXED, text) ? FIXED[text] : undefined;
  if (fixed) return fixed;
  const dot = text.indexOf('.');
  const [family, name] = dot === -1 ? [text, ''] : [text.slice(0, dot), text.slice(dot + 1)];
  if (family === 'params' && name !== '') return { kind: 'param', name };
  if (family !== 'claims' || name === '') return unknownReference(text, family, name);
  const flaw = claimPathFlaw(name);
  return flaw ? { flaw: `the claim path of {${text}} ${flaw.flaw}`, hint: flaw.hint } : { kind: 'claim', path: name };
}

function unknownReference(text: string, family: string, name: string): TemplateFlaw {
  const meant = closest(family, ['claims', 'params']);
  const fixed = closest(text, Object.keys(FIXED));
  const hint =
    fixed !== undefined
      ? `did you mean \`{${fixed}}\`?`
      : meant && name !== '' && meant !== family
        ? `did you mean \`{${meant}.${name}}\`?`
        : undefined;
  const flaw = `{${text}} is unknown; there are {claims.<path>}, {params.<name>}, {request.id}, {request.host}, {client.subject} and {issuer}`;
  return { flaw, hint };
}
