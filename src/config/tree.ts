import { isAlias, isMap, isScalar, isSeq, type Node, type Scalar, type YAMLMap } from 'yaml';
import { coreValue, hasReference, interpolate, isBlank, isReference, type LookUp } from './interpolate.ts';
import { problemAt, type Source, type Spot, type Spots } from './positions.ts';
import { type Path, type Problem, pathKey } from './problem.ts';
import { didYouMean } from './suggest.ts';
import { shieldBraces } from './template.ts';

/** A file's content as plain values, with what is known about each. */
export interface Tree {
  readonly source: Source;
  readonly value: unknown;
  readonly spots: Spots;
  /** Values that came from elsewhere, with the text that stands for them in the file. */
  readonly secrets: ReadonlyMap<string, { readonly path: Path; readonly text: string }>;
  /** Values that could not be read: what is said about them is enough. */
  readonly broken: readonly Path[];
  readonly problems: readonly Problem[];
}

const MAX_DEPTH = 64;
/** Values that aliases may stand for, all together: a bomb of a few lines would stand for billions. */
const MAX_ALIASED = 20_000;
/** The name of the problem after which nothing else about a file is worth saying. */
export const BOMB = 'alias-bomb';

interface Reading {
  readonly source: Source;
  readonly lookUp: LookUp;
  readonly spots: Map<string, Spot>;
  readonly secrets: Map<string, { readonly path: Path; readonly text: string }>;
  readonly broken: Path[];
  readonly problems: Problem[];
  readonly anchors: Map<string, Node>;
  /** The nodes that are being read, outermost first. */
  readonly open: Node[];
  /** How many aliases are being followed. */
  following: number;
  aliased: number;
}

/** Reads parsed YAML into plain values: aliases followed, `${…}` replaced, each value's position kept by its path. */
export function readTree(root: Node | null, source: Source, lookUp: LookUp): Tree {
  const reading: Reading = {
    source,
    lookUp,
    spots: new Map(),
    secrets: new Map(),
    broken: [],
    problems: [],
    anchors: new Map(),
    open: [],
    following: 0,
    aliased: 0,
  };
  const value = readNode(root, [], reading);
  return { value, ...reading };
}

function readNode(node: Node | null, path: Path, reading: Reading, key?: number): unknown {
  if (node === null) return null;
  if (reading.aliased > MAX_ALIASED) return undefined;
  const { source } = reading;
  reading.spots.set(pathKey(path), { source, value: startOf(node), ...(key !== undefined && { key }) });
  if (isAlias(node)) return followAlias(node.source, node, path, reading);
  if (reading.following > 0) reading.aliased++;
  if (reading.open.length > MAX_DEPTH) return refuse(reading, node, path, 'lists or maps are nested too deeply');
  // While an alias is followed, anchors are met again that a later one of the same name may have replaced.
  if (node.anchor && reading.following === 0) reading.anchors.set(node.anchor, node);
  reading.open.push(node);
  const value = isMap<Node, Node | null>(node)
    ? readMap(node, path, reading)
    : isSeq<Node>(node)
      ? node.items.map((item, index) => readNode(item, [...path, index], reading))
      : isScalar(node)
        ? readScalar(node, path, reading)
        : undefined;
  reading.open.pop();
  return value;
}

function followAlias(name: string, node: Node, path: Path, reading: Reading): unknown {
  const target = reading.anchors.get(name);
  if (!target) {
    const hint = didYouMean(name, reading.anchors.keys()) ?? 'a text that begins with `*` needs quotes';
    return refuse(reading, node, path, `no anchor \`&${name}\` stands before this`, hint);
  }
  if (reading.open.includes(target)) return refuse(reading, node, path, `\`*${name}\` stands within what it names`);
  reading.following++;
  const value = readNode(target, path, reading, reading.spots.get(pathKey(path))?.key);
  reading.following--;
  // The value is another place's, but that it is used here is what may be wrong: `upstream: *name`.
  if (!isMap(target) && !isSeq(target)) {
    const { source } = reading;
    reading.spots.set(pathKey(path), { ...reading.spots.get(pathKey(path)), source, value: startOf(node) });
  }
  if (reading.aliased > MAX_ALIASED && reading.following === 0) {
    return refuse(reading, node, path, `aliases stand for more than ${MAX_ALIASED} values`, undefined, BOMB);
  }
  return value;
}

function readMap(map: YAMLMap<Node, Node | null>, path: Path, reading: Reading): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const { key, value } of map.items) {
    const name = readKey(key, path, values, reading);
    if (name !== undefined) values[name] = readNode(value, [...path, name], reading, startOf(key));
  }
  return values;
}

/** The key's text, unless it is one that a configuration can't have. */
function readKey(key: Node, path: Path, values: object, reading: Reading): string | undefined {
  const say = (name: string, message: string, hint?: string) => {
    reading.problems.push(problemAt(reading.source, startOf(key), { severity: 'error', name, message, hint }));
    return undefined;
  };
  if (!isScalar(key) || key.value === null) return say('bad-key', 'a key is one text');
  const { value } = key;
  if (typeof value !== 'string') {
    say('bad-key', 'a key is text', `put it in quotes: "${key.source}"`);
    return key.source;
  }
  if (value === '<<' && key.type === 'PLAIN') {
    reading.broken.push(path);
    const hint = 'write the members out, or let an alias stand for the whole value';
    return say('merge-key', 'merge keys (`<<`) are no part of YAML 1.2', hint);
  }
  // On an object it would set the prototype, and be gone: a rule that isn't there.
  if (value === '__proto__') return say('bad-key', '`__proto__` cannot be a key');
  if (!Object.hasOwn(values, value)) return value;
  const first = reading.source.lines.linePos(reading.spots.get(pathKey([...path, value]))?.key ?? 0).line;
  return say('duplicate-key', `the key \`${value}\` stands here already, in line ${first}`);
}

function readScalar(node: Scalar, path: Path, reading: Reading): unknown {
  const { value } = node;
  if (typeof value === 'string' && value.includes('${')) return readReferences(value, node, path, reading);
  if (typeof value === 'string' && value.includes('\ufffd')) {
    return refuse(reading, node, path, 'this holds bytes that are not UTF-8', 'save the file as UTF-8', 'not-text');
  }
  if (typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value)) {
    return refuse(reading, node, path, 'a number of this size is not kept exactly', 'put it in quotes', 'bad-value');
  }
  return value;
}

function readReferences(text: string, node: Scalar, path: Path, reading: Reading): unknown {
  const lookUp: LookUp = (reference) => {
    const value = reading.lookUp(reference);
    if (typeof value === 'string' && isBlank(value) && isSecret(path) && !reference.includes(':-')) {
      const hint = `set it, or write \${${reference}:-} where nothing is meant`;
      const message = `\`${reference}\` is empty, where a secret belongs`;
      return { reference: `\${${reference}}`, name: 'empty-secret', message, hint };
    }
    return typeof value === 'string' && isTemplate(path) ? shieldBraces(value) : value;
  };
  const { text: replaced, flaws } = interpolate(text, lookUp);
  for (const { reference, ...flaw } of flaws) {
    const offset = reading.source.text.indexOf(reference, startOf(node));
    const inside = offset !== -1 && offset < (node.range?.[1] ?? 0);
    const statement = { severity: 'error', ...flaw } as const;
    reading.problems.push(problemAt(reading.source, inside ? offset : startOf(node), statement));
  }
  if (flaws.length > 0) {
    reading.broken.push(path);
    return undefined;
  }
  if (!hasReference(text)) return replaced;
  reading.secrets.set(pathKey(path), { path, text });
  // A secret that looks like a number is text all the same.
  return node.type === 'PLAIN' && !node.tag && isReference(text) && !isSecret(path) ? coreValue(replaced) : replaced;
}

const SECRETS: readonly unknown[] = ['secret', 'clientSecret'];

/** Whether a secret belongs here: one of an issuer, or what is sent to an upstream in a header. */
function isSecret(path: Path): boolean {
  return SECRETS.includes(path.at(-1)) || (isTemplate(path) && path.at(-3) === 'headers');
}

/** Whether a header template stands here: what is put into one is text, whatever braces it has. */
function isTemplate(path: Path): boolean {
  const [owner, set] = path.slice(-3);
  return set === 'set' && (owner === 'headers' || owner === 'responseHeaders');
}

function refuse(
  reading: Reading,
  node: Node,
  path: Path,
  message: string,
  hint?: string,
  name = 'yaml-syntax',
): undefined {
  reading.broken.push(path);
  reading.problems.push(problemAt(reading.source, startOf(node), { severity: 'error', name, message, hint }));
  return undefined;
}

function startOf(node: Node): number {
  return node.range?.[0] ?? 0;
}
