import { dirname, resolve as resolvePath } from 'node:path';
import type { Config, Written } from './config.ts';
import { salvage, wholeDraft } from './draft.ts';
import { type Watch, withIncluded } from './include.ts';
import type { Environment } from './interpolate.ts';
import { findingsOf, withoutMisspelled } from './issues.ts';
import type { Whole } from './join.ts';
import { readPart } from './part.ts';
import { phrase } from './phrase.ts';
import { lineInWords, locate, problemAt, problemOfFile, type Source } from './positions.ts';
import { type Finding, inOrder, type Path, type Problem, pathKey } from './problem.ts';
import { resolve } from './resolve.ts';
import { brokenRules } from './rules.ts';
import type { Scene } from './scene.ts';
import { type GatewayFile, gatewaySchema } from './schema.ts';
import { BOMB } from './tree.ts';
import { unwise } from './warnings.ts';

/** A configuration and what is unwise in it, or everything that is wrong with it, in the order of the files. */
export type Loaded = (Good | Bad) & {
  /** Every file it was asked to read, this one first: what a change of should be watched for. */
  readonly files: readonly string[];
  /** Every folder that it looked through for files to include: a new one may be among them. */
  readonly folders: readonly string[];
};

interface Good {
  readonly ok: true;
  readonly config: Config;
  readonly warnings: readonly Problem[];
}

interface Bad {
  readonly ok: false;
  /** Warnings are among them where they can be told. */
  readonly problems: readonly Problem[];
}

/** Reads, checks and resolves a configuration file and those that it includes. Never throws for what is in them, or for their absence. */
export function loadConfig(file: string, environment: Environment): Loaded {
  const files = new Set<string>();
  const folders = new Set<string>();
  const watch = { file: (path: string) => void files.add(path), folder: (path: string) => void folders.add(path) };
  const result = load(file, environment, watch);
  const ordered = (problems: readonly Problem[]) => inOrder(problems, [...files]);
  const told = result.ok
    ? withWarnings(result.config, ordered(result.warnings))
    : { ...result, problems: ordered(result.problems) };
  return { ...told, files: [...files], folders: [...folders] };
}

function withWarnings(config: Config, warnings: readonly Problem[]): Good {
  return { ok: true, config: { ...config, warnings }, warnings };
}

function load(file: string, environment: Environment, watch: Watch): Good | Bad {
  const main = readPart(file, environment, watch.file);
  if ('reason' in main)
    return { ok: false, problems: [problemOfFile(file, main.name, `the configuration file ${main.reason}`)] };
  if (!('source' in main)) return { ok: false, problems: main.problems };
  if (main.value === null) return { ok: false, problems: [empty(main.source)] };
  const whole = withIncluded(main, environment, watch);
  const bomb = whole.problems.find(({ name }) => name === BOMB);
  if (bomb) return { ok: false, problems: [bomb] };
  const readFile = readOnce((path) => {
    watch.file(path);
    return environment.readFile(path);
  });
  return checked(whole, { ...environment, readFile });
}

/** What was checked is what is used, even if somebody replaces the file meanwhile. */
function readOnce(read: (path: string) => string): (path: string) => string {
  const known = new Map<string, string>();
  return (path) => {
    const text = known.get(path) ?? read(path);
    known.set(path, text);
    return text;
  };
}

function empty(source: Source): Problem {
  const hint = '`issuers`, `upstreams` and `routes` make a configuration';
  return problemAt(source, 0, { severity: 'error', name: 'empty', message: 'the file is empty', hint });
}

function checked(whole: Whole, environment: Environment): Good | Bad {
  const result = gatewaySchema.safeParse(whole.value, { error: phrase });
  const gateway = result.success ? result.data : undefined;
  const scene = sceneOf(whole, gateway, environment);
  const errors = withoutMisspelled([...findingsOf(result.error?.issues ?? [], whole), ...brokenRules(scene)]);
  const faultless = errors.length === 0 && whole.problems.length === 0;
  // Told of a configuration whose form is right; that nothing uses an upstream may be the error's doing, so not beside one.
  const warnings = gateway && whole.problems.length === 0 ? unwise(gateway, scene, faultless) : [];
  const place = (findings: readonly Finding[]) =>
    findings.map((finding) => ({ ...locate(whole, finding), ...routeOf(finding, scene) }));
  const unwiseThings = [...whole.warnings, ...place(warnings)];
  if (gateway && faultless) {
    const secrets = [...whole.secrets.values()].map(({ path }) => path);
    const written: Written = {
      has: (path) => whole.spots.has(pathKey(path)),
      referenceAt: (path) => whole.secrets.get(pathKey(path))?.text,
    };
    const settings = resolve(gateway, whole.source.file, secrets, scene);
    return withWarnings({ ...settings, written, warnings: [] }, unwiseThings);
  }
  return { ok: false, problems: [...whole.problems, ...place(errors), ...unwiseThings] };
}

function routeOf({ path: [section, index] }: Finding, { draft }: Scene): { readonly route?: string } {
  const id = section === 'routes' ? draft.routes[Number(index)]?.id : undefined;
  return id === undefined ? {} : { route: id };
}

function sceneOf(whole: Whole, gateway: GatewayFile | undefined, environment: Environment): Scene {
  const fileOf = (path: Path) => whole.spots.get(pathKey(path))?.source.file ?? whole.source.file;
  const isWhole = gateway && whole.broken.length === 0 && !whole.incomplete;
  return {
    draft: isWhole ? wholeDraft(gateway) : salvage(whole.value, whole),
    lineOf: (path, from) => lineInWords(whole, path, whole.spots.get(pathKey(from))?.source),
    shown: (path, text) => whole.secrets.get(pathKey(path))?.text ?? text,
    fileOf,
    readFile: (name, at) => environment.readFile(resolvePath(dirname(fileOf(at)), name)),
    folderFlaw: (name, at) => environment.folderFlaw?.(resolvePath(dirname(fileOf(at)), name)),
    isSecret: (path) => whole.secrets.has(pathKey(path)),
  };
}
