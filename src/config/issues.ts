import { flatten, type Issue, pathOf, valueAt } from './flatten.ts';
import { coreValue } from './interpolate.ts';
import type { Whole } from './join.ts';
import { descriptionAt, keysAt } from './json-schema.ts';
import { expectedKind, kindOf, listing } from './phrase.ts';
import { errorAt, type Finding, overlap, type Path, pathKey } from './problem.ts';
import { didYouMean } from './suggest.ts';
import type { Tree } from './tree.ts';

/** Turns what zod found into findings in plain words. What is already said about a value that could not be read is not said again. */
export function findingsOf(issues: readonly Issue[], tree: Whole): Finding[] {
  return flatten(issues, tree.value)
    .filter((issue) => !isAboutBroken(issue, tree))
    .flatMap((issue) => findingsOfIssue(issue, tree));
}

/** Leaves out what is missing only because its name is misspelled: that is one mistake, told at the name. */
export function withoutMisspelled(findings: readonly Finding[]): Finding[] {
  return findings.filter((finding) => !isMisspelled(finding, findings));
}

function isMisspelled(finding: Finding, findings: readonly Finding[]): boolean {
  if (finding.name !== 'missing') return false;
  return findings.some(({ name, path, hint }) => {
    const sibling = name === 'unknown-key' && pathKey(path.slice(0, -1)) === pathKey(finding.path);
    return sibling && hint !== undefined && finding.message === `${hint.slice('did you mean '.length, -1)} is missing`;
  });
}

function isAboutBroken(issue: Issue, { broken }: Tree): boolean {
  return issue.code !== 'unrecognized_keys' && broken.some((path) => overlap(path, pathOf(issue)));
}

function findingsOfIssue(issue: Issue, tree: Whole): Finding[] {
  const path = pathOf(issue);
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey([...path, key]));
  if (issue.code === 'invalid_key') return [badKey(issue, path)];
  const { there, value } = valueAt(tree.value, path);
  // What is missing may stand in a file that could not be read.
  if (!there && path.length === 1 && tree.incomplete) return [];
  if (!there && path.length > 0) return [missing(path)];
  return [badValue(issue, path, value, tree)];
}

function unknownKey(path: Path): Finding {
  const key = String(path.at(-1));
  return errorAt(path, 'unknown-key', `unknown key \`${key}\``, didYouMean(key, keysAt(path.slice(0, -1))), 'key');
}

/** That a member is missing is said at the map that lacks it. */
export function missing(path: Path): Finding {
  return errorAt(path.slice(0, -1), 'missing', `\`${path.at(-1)}\` is missing`, descriptionAt(path), 'key');
}

function badKey(issue: Extract<Issue, { code: 'invalid_key' }>, path: Path): Finding {
  const [inner] = issue.issues;
  const message = inner ? withSubject(inner.message, path) : 'this key has the wrong form';
  const { name = 'bad-key', hint } = inner ? paramsOf(inner) : {};
  return errorAt(path, name, message, hint, 'key');
}

function badValue(issue: Issue, path: Path, value: unknown, tree: Tree): Finding {
  const secret = tree.secrets.has(pathKey(path));
  const { name, hint, quotes } = paramsOf(issue);
  const message = withSubject(issue.message || unionMessage(issue, value), path);
  // A message that quotes a part of the value would print a secret.
  if (secret && quotes)
    return errorAt(path, name ?? 'bad-value', withSubject('has a value that cannot stand here', path));
  const finding = errorAt(path, name ?? nameOf(issue, value), message, hint ?? hintFor(issue, value, secret));
  return name === 'credentials-in-url' ? { ...finding, masked: true } : finding;
}

interface Params {
  readonly name?: string;
  readonly hint?: string;
  readonly quotes?: boolean;
}

function paramsOf(issue: Issue): Params {
  return issue.code === 'custom' ? (issue.params ?? {}) : {};
}

function nameOf(issue: Issue, value: unknown): string {
  if (issue.code === 'invalid_type') return 'wrong-type';
  const wanted = literalsOf(issue);
  const kinds = issue.code === 'invalid_union' ? kindsOf(issue) : wanted.map(kindOf);
  return kinds.length > 0 && !kinds.includes(kindOf(value)) ? 'wrong-type' : 'bad-value';
}

function hintFor(issue: Issue, value: unknown, secret: boolean): string | undefined {
  if (issue.code === 'invalid_type') return hintForKind(issue.expected, issue.message, value, secret);
  if (secret || typeof value !== 'string') return undefined;
  if (value === 'none' && literalsOf(issue).includes('RS256'))
    return '`none` means unsigned: anybody could write such a token';
  return didYouMean(value, literalsOf(issue).map(String));
}

function hintForKind(expected: string, message: string, value: unknown, secret: boolean): string | undefined {
  if (expected === 'array' && value !== null) return 'a list is written `[a, b]`, or as lines that begin with `- `';
  if ((expected === 'object' || expected === 'record') && typeof value === 'string') {
    return 'a map is written `key: value`, with a space behind the colon';
  }
  const scalar = typeof value === 'number' || typeof value === 'boolean';
  if (message.startsWith('expected text') && scalar) return 'put it in quotes';
  const typed = expected === 'number' || expected === 'boolean';
  if (!typed || typeof value !== 'string') return undefined;
  if (secret) return `without quotes, \${…} is read as what its value looks like`;
  return typeof coreValue(value) === expected ? 'leave the quotes away' : undefined;
}

/** What a value may be, literally: of an enumeration, or of all branches of a union. */
function literalsOf(issue: Issue): readonly unknown[] {
  if (issue.code === 'invalid_value') return issue.values;
  return issue.code === 'invalid_union' ? issue.errors.flat().filter(isRoot).flatMap(literalsOf) : [];
}

/** The kinds that the branches of a union ask for. */
function kindsOf(issue: Issue): readonly string[] {
  if (issue.code === 'invalid_type') return [expectedKind(issue.expected)];
  if (issue.code === 'invalid_value') return issue.values.map(kindOf);
  if (issue.code === 'invalid_union') return [...new Set(issue.errors.flat().filter(isRoot).flatMap(kindsOf))];
  // Whatever else a branch says of the value itself, its kind was right; what it says of members, likewise.
  return [];
}

function isRoot(issue: Issue): boolean {
  return issue.path.length === 0;
}

function unionMessage(issue: Issue, value: unknown): string {
  return `expected ${listing(kindsOf(issue))}, got ${kindOf(value)}`;
}

/** A message that is only a predicate gets the key before it. */
function withSubject(message: string, path: Path): string {
  if (!/^(?:is|has|holds|other) /.test(message)) return message;
  const last = path.at(-1);
  if (last === undefined) return `this ${message}`;
  if (typeof last === 'string') return `\`${last}\` ${message}`;
  return `item ${last + 1} of \`${path.findLast((step) => typeof step === 'string')}\` ${message}`;
}
