/** One part of a path pattern: a fixed text, a named segment, or the rest of the path. */
export type PatternSegment =
  | { readonly kind: 'fixed'; readonly text: string }
  | { readonly kind: 'named'; readonly name: string }
  | { readonly kind: 'rest' };

/** A path pattern: `/orders`, `/orders/{id}`, `/orders/**`. */
export interface PathPattern {
  readonly source: string;
  readonly segments: readonly PatternSegment[];
}

/** Characters that a canonical path has in its plain form (RFC 3986 §3.3), as in the paths that patterns are held against. */
const FIXED = /^(?:[A-Za-z0-9\-._~!$&'()*+,=:@;]|%[0-9A-F]{2})*$/;

/** Escapes that never match: of what requests have decoded, and of delimiters, whose escape is refused where a route has one. */
const PLAIN_ANYWAY = /%(?:2[146789BCDE]|3[0-9AD]|4[0-9A-F]|5[0-9AF]|6[1-9A-F]|7[0-9AE])/i;

/** Escapes of controls and backslashes, and those of escapes of slashes, backslashes and dots: such paths are refused. */
const NEVER = /%(?:[01][0-9A-F]|7F|5C|25(?:2[EF]|5C))/i;

/** Whether the escapes of a segment are UTF-8. */
function isUtf8(part: string): boolean {
  try {
    decodeURIComponent(part);
    return true;
  } catch {
    return false;
  }
}

/** `..;x` and `a%2F..`: dot segments to servers that take parameters off or decode slashes. */
function hasDotsBesideDelimiter(part: string): boolean {
  return part.split('%2F').some((piece) => /^\.{0,2}(?:;|%3B)|^\.{1,2}$/.test(piece));
}

/** Reads a path pattern; answers what is wrong with it as text. */
export function readPattern(source: string): PathPattern | string {
  if (!source.startsWith('/')) return 'a path begins with a slash';
  const parts = source.slice(1).split('/');
  const segments: PatternSegment[] = [];
  for (const [index, part] of parts.entries()) {
    const last = index === parts.length - 1;
    const segment = readSegment(part, last);
    if (typeof segment === 'string') return segment;
    if (segment.kind === 'named' && segments.some((other) => other.kind === 'named' && other.name === segment.name)) {
      return `two segments are named {${segment.name}}`;
    }
    segments.push(segment);
  }
  return { source, segments };
}

function readSegment(part: string, last: boolean): PatternSegment | string {
  if (part === '**')
    return last ? { kind: 'rest' } : '** stands for the rest of the path, so it can only be the last segment';
  const name = /^\{([A-Za-z_][A-Za-z0-9_]*)\}$/.exec(part)?.[1];
  if (name === '__proto__') return '__proto__ cannot be the name of a segment';
  if (name !== undefined) return { kind: 'named', name };
  if (part.includes('{') || part.includes('}'))
    return 'a {name} takes a whole segment and consists of letters, digits and _';
  if (part.includes('*')) return '* is not a wildcard: use {name} for one segment or ** for the rest';
  if (part === '' && !last) return 'an empty segment (//) never matches, since such paths are refused';
  if (part === '.' || part === '..') return 'a dot segment never matches, since such paths are refused';
  if (part.includes('?')) return 'a query is not matched: leave the question mark and what is behind it away';
  if (part.includes('#')) return 'a fragment is never sent to a server: leave it away';
  if (PLAIN_ANYWAY.test(part))
    return 'holds a percent-encoded character that a path has in its plain form (%40 is @): write it plain';
  if (!FIXED.test(part))
    return 'holds a character that a path has only percent-encoded, with capital hex digits (%C3%A9)';
  if (NEVER.test(part) || !isUtf8(part) || hasDotsBesideDelimiter(part))
    return 'never matches, since paths with this in them are refused';
  // The one delimiter that a pattern can't have plain.
  return { kind: 'fixed', text: part.replaceAll('%2A', '*') };
}

/** What two patterns have in common exactly when they match the same paths. */
export function patternShape({ segments }: PathPattern): string {
  return segments
    .map((segment) => (segment.kind === 'fixed' ? `/${segment.text}` : segment.kind === 'named' ? '/{}' : '/**'))
    .join('');
}

/** Whether every path that the narrow pattern matches is matched by the wide one too. */
export function covers({ segments: wide }: PathPattern, { segments: narrow }: PathPattern): boolean {
  const open = wide.at(-1)?.kind === 'rest';
  const steps = open ? wide.slice(0, -1) : wide;
  if (!open && steps.length !== narrow.length) return false;
  return steps.every((step, index) => {
    const other = narrow[index];
    if (other === undefined || other.kind === 'rest' || step.kind === 'rest') return false;
    // A named segment takes no empty one, which is how a slash at the end looks.
    if (step.kind === 'named') return other.kind === 'named' || other.text !== '';
    return other.kind === 'fixed' && step.text === other.text;
  });
}

/** The fixed segments that a pattern begins with, as a path without a slash at its end. */
export function fixedPrefix({ segments }: PathPattern): string {
  const end = segments.findIndex((segment) => segment.kind !== 'fixed');
  const fixed = segments
    .slice(0, end === -1 ? segments.length : end)
    .map((segment) => (segment.kind === 'fixed' ? segment.text : ''));
  return fixed.map((text) => (text === '' ? '' : `/${text}`)).join('');
}
