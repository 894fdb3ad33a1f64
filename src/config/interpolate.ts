import { resolve } from 'node:path';
import { reasonOf } from './files.ts';

/** What configuration may be made of besides its own text. */
export interface Environment {
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** Answers the text of a file; throws as node:fs does. */
  readFile(path: string): string;
  /** Answers the names of what is in a folder; throws as node:fs does. */
  readFolder(path: string): readonly string[];
  /** What keeps a folder from ever being there; absent where folders are not looked at. */
  readonly folderFlaw?: (path: string) => string | undefined;
}

/** Why a `${…}` has no value. `reference` is its text, as it stands in the file. */
export interface Flaw {
  readonly reference: string;
  readonly name: string;
  readonly message: string;
  readonly hint?: string;
}

/** A text with its references replaced. */
export interface Interpolated {
  readonly text: string;
  readonly flaws: readonly Flaw[];
}

export type LookUp = (reference: string) => string | Flaw;

/** `$${` (a literal `${`), a reference, or one that is not closed. */
const REFERENCE = /\$\$\{|\$\{([^{}]*)\}|\$\{/g;
const VARIABLE = /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s;
const HOW_TO_WRITE = `write \${NAME}, \${NAME:-default} or \${file:path}; a literal "\${" is written "$\${"`;
/** A mounted secret is a line, or a key; more is a mistake in the path. */
const LONGEST_SECRET = 64 * 1024;

/** Replaces `${NAME}`, `${NAME:-default}` and `${file:path}` in a text; `$${` stands for a literal `${`. Every flaw is told. */
export function interpolate(text: string, lookUp: LookUp): Interpolated {
  const flaws: Flaw[] = [];
  const replaced = text.replace(REFERENCE, (reference: string, inner: string | undefined) => {
    if (reference === '$${') return '${';
    const value = inner === undefined ? unclosed(text) : lookUp(inner);
    if (typeof value === 'string') return value;
    flaws.push(value);
    return '';
  });
  return { text: replaced, flaws };
}

/** Whether a text takes a value from elsewhere. */
export function hasReference(text: string): boolean {
  return [...text.matchAll(REFERENCE)].some(([match]) => match !== '$${');
}

/** Whether a text is one reference and nothing else. */
export function isReference(text: string): boolean {
  return /^\$\{[^{}]*\}$/.test(text);
}

/** Looks references up in the environment; files relative to `folder`. Each file that is asked for is named to `seen`. */
export function lookUpIn(environment: Environment, folder: string, seen: (path: string) => void): LookUp {
  return (inner) => {
    if (inner.startsWith('file:')) {
      const path = resolve(folder, inner.slice('file:'.length));
      seen(path);
      return secretFrom(path, inner, environment);
    }
    return variable(inner, environment.variables);
  };
}

function variable(inner: string, variables: Environment['variables']): string | Flaw {
  const [, name, fallback] = VARIABLE.exec(inner) ?? [];
  if (name === undefined) {
    const message = `\`\${${inner}}\` is no reference`;
    return { reference: `\${${inner}}`, name: 'bad-reference', message, hint: HOW_TO_WRITE };
  }
  const value = Object.hasOwn(variables, name) ? variables[name] : undefined;
  if (value !== undefined && !isText(value)) {
    return { reference: `\${${inner}}`, name: 'not-text', message: `\`${name}\` ${NOT_TEXT}`, hint: AS_TEXT };
  }
  // As in a shell: `:-` stands in for an empty variable too.
  if (value !== undefined && (value !== '' || fallback === undefined)) return value;
  if (fallback !== undefined) return fallback;
  const hint = `set it in the environment, or write \${${name}:-default}`;
  return { reference: `\${${inner}}`, name: 'unset-variable', message: `\`${name}\` is not set`, hint };
}

function secretFrom(path: string, inner: string, environment: Environment): string | Flaw {
  const flaw = (reason: string, name = 'unreadable-file', hint?: string) => ({
    reference: `\${${inner}}`,
    name,
    message: `\`${inner.slice('file:'.length)}\` ${reason}`,
    ...(hint === undefined ? {} : { hint }),
  });
  let text: string;
  try {
    text = environment.readFile(path);
  } catch (error) {
    return flaw(reasonOf(error));
  }
  if (text.length > LONGEST_SECRET) return flaw('is larger than 64 KiB');
  if (!isText(text)) return flaw(NOT_TEXT, 'not-text', AS_TEXT);
  // A rotation that truncates a file before it writes it is seen in between; the file is read again when it has settled.
  if (isBlank(text))
    return flaw('is empty', 'empty-secret', 'a rotated secret is written beside the old one and renamed');
  return text.replace(/^\ufeff/, '').replace(/\r?\n$/, '');
}

/** Whether nothing can be seen of a text. */
export function isBlank(text: string): boolean {
  return text.trim() === '';
}

/**
 * Whether a text is what its bytes were. Bytes that are not UTF-8 have become U+FFFD, and a secret with these in place of
 * its own would be another one, of less entropy; NUL ends a text for half of what reads it.
 */
function isText(text: string): boolean {
  return !text.includes('\ufffd') && !text.includes('\0');
}

const NOT_TEXT = 'is not UTF-8 text, so that it would not be used as it is';
const AS_TEXT = 'make secrets of text, such as: openssl rand -base64 48';

function unclosed(text: string): Flaw {
  const [inner = ''] = text.slice(text.indexOf('${') + 2).split('}', 1);
  const nested = inner.includes('{');
  return {
    reference: '${',
    name: 'bad-reference',
    message: nested ? 'a reference cannot hold braces' : 'this `${` is not closed',
    hint: HOW_TO_WRITE,
  };
}

/** The value of plain text by the rules of YAML 1.2's core schema (§10.3.2). */
export function coreValue(text: string): string | number | boolean | null {
  if (/^(?:~|null|Null|NULL|)$/.test(text)) return null;
  if (/^(?:true|True|TRUE)$/.test(text)) return true;
  if (/^(?:false|False|FALSE)$/.test(text)) return false;
  if (/^(?:[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?|0o[0-7]+|0x[0-9a-fA-F]+)$/.test(text)) return Number(text);
  return text;
}
