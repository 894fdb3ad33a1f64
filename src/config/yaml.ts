import { type Document, type Node, parseDocument, visit, type YAMLError } from 'yaml';
import { problemAt, type Source } from './positions.ts';
import type { Problem } from './problem.ts';

/** A parsed file, or what keeps it from being one. */
export type Parsed = { readonly document: Document.Parsed } | { readonly problems: readonly Problem[] };

/**
 * Parses one YAML 1.2 document by the core schema. The parser's own errors are put in plain words, one a line: the
 * first on a line is the mistake, the others are its consequences.
 */
export function parseYaml(source: Source): Parsed {
  // Keys are compared by readTree, which names the first of two; the parser compares each with each, for seconds.
  const options = { version: '1.2', schema: 'core', strict: true, uniqueKeys: false, prettyErrors: false } as const;
  const document = parseDocument(source.text, options);
  const errors = [...document.errors, ...document.warnings].toSorted((one, other) => one.pos[0] - other.pos[0]);
  const exhausted = errors.find(({ code }) => code === 'RESOURCE_EXHAUSTION');
  if (exhausted)
    return { problems: [problemAt(source, exhausted.pos[0], syntax('lists or maps are nested too deeply'))] };
  const version = /^%YAML\s+(?!1\.2)/m.exec(source.text.slice(0, contentStart(document)));
  if (version) {
    const statement = syntax('a configuration is YAML 1.2', 'leave the %YAML line away');
    return { problems: [problemAt(source, version.index, statement)] };
  }
  if (errors.length === 0) return { document };
  const problems = untilLost(errors).map((error) => translate(error, source, document));
  return { problems: firstOfEachLine(problems) };
}

function contentStart({ contents }: Document.Parsed): number {
  return contents?.range[0] ?? 0;
}

/** What comes behind a token that fits nowhere, or a list that broke off, is its consequence: the parser has lost its place. */
function untilLost(errors: readonly YAMLError[]): readonly YAMLError[] {
  const lost = errors.findIndex(({ code }) => code === 'UNEXPECTED_TOKEN');
  const told = lost === -1 ? errors : errors.slice(0, lost + 1);
  return told.filter(({ message }, index) => index === 0 || !message.startsWith('Sequence item without'));
}

function firstOfEachLine(problems: readonly Problem[]): Problem[] {
  return problems.filter((problem, index) => problems.findIndex((earlier) => earlier.line === problem.line) === index);
}

interface Syntax {
  readonly severity: 'error';
  readonly name: string;
  readonly message: string;
  readonly hint?: string | undefined;
}

function syntax(message: string, hint?: string): Syntax {
  return { severity: 'error', name: 'yaml-syntax', message, hint };
}

const BY_CODE: Partial<Record<YAMLError['code'], Syntax>> = {
  TAB_AS_INDENT: syntax('a tab cannot indent', 'indent with spaces'),
  MULTIPLE_DOCS: syntax('a second document begins here', 'a configuration is one document: take the `---` out'),
  BAD_DQ_ESCAPE: syntax(
    'unknown escape in a text in double quotes',
    'write \\\\ for a backslash, or use single quotes',
  ),
  TAG_RESOLVE_FAILED: syntax('unknown tag', 'leave the `!…` away, or put the text in quotes'),
  KEY_OVER_1024_CHARS: syntax('a key is longer than 1024 characters'),
  BAD_DIRECTIVE: syntax('unknown directive', 'leave the line away'),
  BLOCK_IN_FLOW: syntax('a list or map by indent cannot stand within [ ] or { }'),
  MULTIPLE_ANCHORS: syntax('a value has one anchor at most'),
  MULTIPLE_TAGS: syntax('a value has one tag at most'),
};

/** Messages of the parser that need other words, by what they begin with. */
const BY_MESSAGE: readonly (readonly [start: string, words: Syntax])[] = [
  ['Plain value cannot start', syntax('a text that begins with this character needs quotes')],
  ['Implicit map keys need', syntax('expected `key: value`, with a colon and a space')],
  ['Unexpected flow-seq-end', syntax('this `]` closes nothing')],
  ['Unexpected flow-map-end', syntax('this `}` closes nothing')],
  ['A block sequence may not', syntax('wrong indent: this item stands in line with no list')],
  ['All mapping items must start', syntax('wrong indent: this key stands in line with no other')],
  ['All sequence items must start', syntax('wrong indent: this item stands in line with no other')],
  [
    'Unexpected',
    syntax(
      'this does not belong to what stands before it',
      'look at the indent; a text with special characters, such as { }, needs quotes',
    ),
  ],
];

/** Messages of the parser about what is never closed, and how that begins. */
const UNCLOSED = [
  ['Missing closing', /["']/],
  ['Flow sequence', /\[/],
  ['Flow map', /\{/],
] as const;

function translate(error: YAMLError, source: Source, document: Document.Parsed): Problem {
  const opening = UNCLOSED.find(([message]) => error.message.startsWith(message))?.[1];
  const start = opening && openBefore(source, document, error.pos[0], opening);
  if (start !== undefined) {
    return problemAt(source, start, syntax(`this \`${source.text.charAt(start)}\` is never closed`, STAY_DEEPER));
  }
  if (error.code === 'BLOCK_AS_IMPLICIT_KEY' || error.code === 'MULTILINE_IMPLICIT_KEY') {
    const problem = implicitKey(error, source);
    if (problem) return problem;
  }
  const words = BY_CODE[error.code] ?? BY_MESSAGE.find(([start]) => error.message.startsWith(start))?.[1];
  const statement = words ?? syntax(lowerFirst(error.message));
  const blanks = statement.message.startsWith('wrong indent') ? blanksAt(source, error.pos[0]) : 0;
  const problem = problemAt(source, error.pos[0] + blanks, statement);
  return /\$\{/.test(problem.excerpt ?? '') && error.code === 'UNEXPECTED_TOKEN'
    ? { ...problem, hint: `within { } or [ ] a \${…} needs quotes` }
    : problem;
}

const STAY_DEEPER = 'if it spans lines, they stand deeper than its key';

/** Where the text in quotes, list in [ ] or map in { } begins that reaches up to an offset; the outermost of its kind. */
function openBefore(source: Source, document: Document.Parsed, offset: number, opening: RegExp): number | undefined {
  let start: number | undefined;
  visit(document, {
    Node: (_, node) => {
      const [from, to] = (node as Node).range ?? [];
      if (from === undefined || to === undefined || !opening.test(source.text.charAt(from))) return undefined;
      if (from >= offset || to < offset - 1) return undefined;
      start = from;
      return visit.BREAK;
    },
  });
  return start;
}

/**
 * The parser reports a value that is followed by a deeper key, a second `: ` in a line and a line without a colon
 * alike, at the value; what the next key's indent is tells which of them it was.
 */
function implicitKey(error: YAMLError, source: Source): Problem | undefined {
  const [start] = error.pos;
  if (error.message.startsWith('A block sequence')) return undefined;
  const [rest = '', ...lines] = source.text.slice(start).split('\n');
  if (/:(?:\s|$)/.test(withoutComment(rest))) {
    return problemAt(source, start, syntax('a text with `: ` in it needs quotes'));
  }
  let offset = start + rest.length + 1;
  for (const line of lines) {
    const indent = blanksAt(source, offset);
    const text = line.trim();
    if (text === '' || text.startsWith('#')) {
      offset += line.length + 1;
      continue;
    }
    if (indent <= indentAt(source, start)) break;
    const message = 'wrong indent: this stands deeper than a line that has its value already';
    return problemAt(source, offset + indent, syntax(message));
  }
  return problemAt(source, start, syntax('expected `key: value`, with a colon and a space'));
}

function withoutComment(line: string): string {
  for (let at = line.indexOf('#', 1); at !== -1; at = line.indexOf('#', at + 1))
    if (line.charAt(at - 1).trim() === '') return line.slice(0, at - 1);
  return line;
}

function indentAt(source: Source, offset: number): number {
  return blanksAt(source, source.text.lastIndexOf('\n', offset - 1) + 1);
}

function blanksAt({ text }: Source, offset: number): number {
  return /^ */.exec(text.slice(offset))?.[0].length ?? 0;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
