import type { Permit } from '../authorise/permit.ts';
import type { Reference, Template } from '../config/template.ts';
import { claimAt } from '../verify/claim-path.ts';

/** What a header template may speak of. */
export interface TemplateFacts {
  readonly permit: Permit;
  readonly requestId: string;
  readonly host: string | undefined;
  /** Of the certificate that the client has shown. */
  readonly subject: string | undefined;
}

/** Gives a template's value for one request; undefined sends no header, because something it speaks of is absent. */
export type RenderTemplate = (facts: TemplateFacts) => string | undefined;

/** Compiles a template once, so that a request only reads and joins. */
export function compileTemplate({ parts, source }: Template): RenderTemplate {
  const [only] = parts;
  if (parts.every((part) => typeof part === 'string')) return () => source;
  if (parts.length === 1 && typeof only === 'object') return compileReference(only);
  const pieces = parts.map((part) => (typeof part === 'string' ? () => part : compileReference(part)));
  return (facts) => {
    let value = '';
    for (const piece of pieces) {
      const text = piece(facts);
      if (text === undefined) return undefined;
      value += text;
    }
    return value;
  };
}

function compileReference(reference: Reference): RenderTemplate {
  switch (reference.kind) {
    case 'claim': {
      const { path } = reference;
      return ({ permit }) => (permit.token ? textOf(claimAt(permit.token.claims, path)) : undefined);
    }
    case 'param': {
      const { name } = reference;
      return ({ permit }) =>
        Object.hasOwn(permit.params, name) ? permit.params[name]?.replaceAll(',', '%2C') : undefined;
    }
    case 'request':
      return reference.what === 'id' ? (facts) => facts.requestId : (facts) => facts.host;
    case 'client':
      return ({ subject }) => (subject === undefined ? undefined : valueSafe(subject));
    case 'issuer':
      return ({ permit }) => permit.token && valueSafe(permit.token.issuer.issuer);
  }
}

function textOf(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (Array.isArray(value)) return value.map((item) => valueSafe(scalarText(item))).join(',');
  return valueSafe(scalarText(value));
}

function scalarText(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/**
 * A text that can stand in a header. One that can't (controls, CR LF, non-ASCII, spaces at its ends, which parsers cut
 * off) is percent-encoded as UTF-8 where it has to be, its percent signs too. One that looks encoded is encoded as well:
 * texts that differ send values that differ, so that nobody becomes `müller` by the name of `m%C3%BCller`.
 */
export function headerSafe(text: string): string {
  return isSafe(text) ? text : encode(text);
}

/** Printable, without spaces at the ends, and nothing in it that looks encoded. */
function isSafe(text: string): boolean {
  return PRINTABLE.test(text) && !text.startsWith(' ') && !text.endsWith(' ') && !LOOKS_ENCODED.test(text);
}

const PRINTABLE = /^[\x20-\x7e]*$/;
const LOOKS_ENCODED = /%[0-9A-Fa-f]{2}/;

/**
 * The same for one value in a header that upstreams may read as a list (RFC 9110 §5.6.1). A comma within it would make two of
 * one: the group `users,admin` is neither `users` nor `admin`, whether the claim is a list or text.
 */
function valueSafe(text: string): string {
  return text.includes(',') ? encode(text).replaceAll(',', '%2C') : headerSafe(text);
}

function encode(text: string): string {
  const wellFormed = text.toWellFormed();
  let from = 0;
  let to = wellFormed.length;
  while (wellFormed[from] === ' ') from += 1;
  while (to > from && wellFormed[to - 1] === ' ') to -= 1;
  const inner = wellFormed.slice(from, to).replace(UNSAFE, (character) => encodeURIComponent(character));
  return '%20'.repeat(from) + inner + '%20'.repeat(wellFormed.length - to);
}

const UNSAFE = /[^\x20-\x7e]|%/gu;
