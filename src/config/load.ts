import { dirname, resolve as resolvePath } from 'node:path';
import type { Config } from './config.ts';
import { salvage, wholeDraft } from './draft.ts';
import { reasonOf } from './files.ts';
import { type Environment, lookUpIn } from './interpolate.ts';
import { findingsOf, withoutMisspelled } from './issues.ts';
import { phrase } from './phrase.ts';
import { createSource, lineAt, locate, problemAt, problemOfFile, type Source } from './positions.ts';
import { type Finding, inOrder, type Path, type Problem, pathKey } from './problem.ts';
import { resolve } from './resolve.ts';
import { brokenRules } from './rules.ts';
import type { Scene } from './scene.ts';
import { type GatewayFile, gatewaySchema } from './schema.ts';
import { BOMB, readTree, type Tree } from './tree.ts';
import { unwise } from './warnings.ts';
import { parseYaml } from './yaml.ts';

/** A configuration and what is unwise in it, or everything that is wrong with it, in the order of the file. */
export type Loaded = (Good | Bad) & {
  /** Every file it was asked to read, this one first: what a change of should be watched for. */
  readonly files: readonly string[];
};

interface Good {
  readonly ok: true;
  readonly config: Config;
  readonly warnings: readonly Problem[];
  /** Values that came from `${…}`: never to be logged or printed. */
  readonly secrets: readonly Path[];
}

interface Bad {
  readonly ok: false;
  /** Warnings are among them where they can be told. */
  readonly problems: readonly Problem[];
}

const MAX_CHARACTERS = 4 * 1024 * 1024;

/** Reads, checks and resolves a configuration file. Never throws for what is in it, or for its absence. */
export function loadConfig(file: string, environment: Environment): Loaded {
  const files = [file];
  const folder = dirname(file);
  const seen = (path: string) => files.includes(path) || files.push(path);
  const lookUp = lookUpIn(environment, folder, seen);
  const readFile = readOnce((name) => {
    const path = resolvePath(folder, name);
    seen(path);
    return environment.readFile(path);
  });
  const source = readSource(file, environment);
  if ('severity' in source) return { ok: false, problems: [source], files };
  const parsed = parseYaml(source);
  if ('problems' in parsed) return { ok: false, problems: inOrder(parsed.problems), files };
  const tree = readTree(parsed.document.contents, source, lookUp);
  if (tree.value === null) return { ok: false, problems: [empty(source)], files };
  const bomb = tree.problems.find(({ name }) => name === BOMB);
  return bomb ? { ok: false, problems: [bomb], files } : { ...checked(tree, source, readFile), files };
}

/** What was checked is what is used, even if somebody replaces the file meanwhile. */
function readOnce(read: (name: string) => string): (name: string) => string {
  const known = new Map<string, string>();
  return (name) => {
    const text = known.get(name) ?? read(name);
    known.set(name, text);
    return text;
  };
}

function readSource(file: string, environment: Environment): Source | Problem {
  let text: string;
  try {
    text = environment.readFile(file);
  } catch (error) {
    return problemOfFile(file, 'unreadable-file', `the configuration file ${reasonOf(error)}`);
  }
  if (text.length > MAX_CHARACTERS) return problemOfFile(file, 'too-large', 'a configuration file has 4 MiB at most');
  // A byte order mark is no character of the text (YAML 1.2 §5.2): left in, it would move the first line's columns.
  return createSource(file, text.replace(/^\ufeff/, ''));
}

function empty(source: Source): Problem {
  const hint = '`issuers`, `upstreams` and `routes` make a configuration';
  return problemAt(source, 0, { severity: 'error', name: 'empty', message: 'the file is empty', hint });
}

function checked(tree: Tree, source: Source, readFile: Scene['readFile']): Good | Bad {
  const result = gatewaySchema.safeParse(tree.value, { error: phrase });
  const gateway = result.success ? result.data : undefined;
  const scene = sceneOf(tree, source, gateway, readFile);
  const errors = withoutMisspelled([...findingsOf(result.error?.issues ?? [], tree), ...brokenRules(scene)]);
  const faultless = errors.length === 0 && tree.problems.length === 0;
  // Told of a configuration whose form is right; that nothing uses an upstream may be the error's doing, so not beside one.
  const warnings = gateway && tree.problems.length === 0 ? unwise(gateway, scene, faultless) : [];
  const place = (findings: readonly Finding[]) => findings.map((finding) => locate(source, tree.spots, finding));
  if (gateway && faultless) {
    const secrets = [...tree.secrets.values()].map(({ path }) => path);
    const config = resolve(gateway, source.file, scene);
    return { ok: true, config, warnings: inOrder(place(warnings)), secrets };
  }
  return { ok: false, problems: inOrder([...tree.problems, ...place(errors), ...place(warnings)]) };
}

function sceneOf(tree: Tree, source: Source, gateway: GatewayFile | undefined, readFile: Scene['readFile']): Scene {
  const isSecret = (path: Path) => tree.secrets.has(pathKey(path));
  return {
    draft: gateway && tree.broken.length === 0 ? wholeDraft(gateway) : salvage(tree.value, tree.broken),
    lineOf: (path) => lineAt(source, tree.spots, path),
    shown: (path, text) => tree.secrets.get(pathKey(path))?.text ?? text,
    isSecret,
    readFile,
  };
}
