import { dirname, resolve } from 'node:path';
import { isAbsent, reasonOf } from './files.ts';
import { valueAt } from './flatten.ts';
import { expand, isGlob } from './glob.ts';
import type { Environment } from './interpolate.ts';
import { Joining, type Whole } from './join.ts';
import { readPart } from './part.ts';
import { errorAt, type Path } from './problem.ts';
import type { Tree } from './tree.ts';

/** Is told what a configuration is read from: what a change of should be watched for. */
export interface Watch {
  file(path: string): void;
  /** A folder that was looked through: a new file in it may be one to include. */
  folder(path: string): void;
}

/** Adds to a file's tree the routes, upstreams and issuers of the files that its `include` names. */
export function withIncluded(main: Tree, environment: Environment, watch: Watch): Whole {
  const whole = new Joining(main);
  for (const { file, place, name, optional } of filesToInclude(whole, environment, watch)) {
    const part = readPart(file, environment, watch.file);
    if ('reason' in part) {
      if (!(optional && part.absent)) whole.complain(errorAt(place, part.name, `\`${name}\` ${part.reason}`));
    } else if ('source' in part) whole.add(part);
    else whole.complain(...part.problems);
  }
  return whole;
}

/** An item of `include`. */
interface Item {
  readonly text: string;
  readonly optional: boolean;
  /** Where its text stands. */
  readonly place: Path;
}

interface ToInclude {
  readonly file: string;
  /** As a person finds it: relative to the including file. */
  readonly name: string;
  /** The item of `include` that names it. */
  readonly place: Path;
  readonly optional: boolean;
}

/** More are a glob that was not meant to lead there. */
const MAX_FILES = 1000;

/** Every file to include, once, in the order of the list and sorted within a glob. */
function filesToInclude(whole: Joining, environment: Environment, watch: Watch): ToInclude[] {
  const { value } = valueAt(whole.value, ['include']);
  const found = new Map<string, ToInclude>();
  for (const [index, written] of Array.isArray(value) ? value.entries() : []) {
    const item = itemOf(written, ['include', index]);
    for (const one of item ? filesNamed(item, whole, environment, watch) : []) {
      if (!found.has(one.file)) found.set(one.file, one);
    }
  }
  const [beyond] = [...found.values()].slice(MAX_FILES);
  if (beyond) whole.complain(errorAt(beyond.place, 'bad-include', `more than ${MAX_FILES} files would be included`));
  return [...found.values()].slice(0, MAX_FILES);
}

/** undefined for what has another form, of which the schema tells. */
function itemOf(written: unknown, place: Path): Item | undefined {
  if (typeof written === 'string') return written === '' ? undefined : { text: written, optional: false, place };
  const { there, value } = valueAt(written, ['optional']);
  if (!there || typeof value !== 'string' || value === '') return undefined;
  return { text: value, optional: true, place: [...place, 'optional'] };
}

function filesNamed(item: Item, whole: Joining, environment: Environment, watch: Watch): ToInclude[] {
  const { text, place, optional } = item;
  const folder = dirname(whole.source.file);
  const isMain = (name: string) => resolve(folder, name) === resolve(whole.source.file);
  if (text.includes('**')) {
    const hint = 'name each folder: `[teams/a/*.yaml, teams/b/*.yaml]`, or `teams/*/*.yaml`';
    whole.complain(errorAt(place, 'bad-include', '`**` is for the paths of routes', hint));
    return [];
  }
  if (!isGlob(text)) {
    if (!isMain(text)) return [{ file: resolve(folder, text), name: whole.shown(place, text), place, optional }];
    whole.complain(errorAt(place, 'bad-include', 'a file cannot include itself'));
    return [];
  }
  // A glob beside the file itself is not meant to name it, nor the tests of a configuration.
  const isMeant = (name: string) => !isMain(name) && !isTest(name);
  return matches(item, isMeant, whole, environment, watch).map((name) => ({
    file: resolve(folder, name),
    name,
    place,
    optional,
  }));
}

function isTest(name: string): boolean {
  return /\.test\.ya?ml$/.test(name);
}

/** What a glob matches. A folder that cannot be read may hold routes: that is an error, whether the glob is optional or not. */
function matches(
  { text, optional, place }: Item,
  isMeant: (name: string) => boolean,
  whole: Joining,
  environment: Environment,
  watch: Watch,
): string[] {
  const folder = dirname(whole.source.file);
  let unreadable: { readonly path: string; readonly reason: string } | undefined;
  const readFolder = (path: string) => {
    watch.folder(resolve(folder, path));
    try {
      return environment.readFolder(resolve(folder, path));
    } catch (error) {
      if (!isAbsent(error)) unreadable ??= { path, reason: reasonOf(error) };
      return [];
    }
  };
  const names = expand(text, readFolder).filter(isMeant);
  if (unreadable) {
    const { path, reason } = unreadable;
    whole.complain(errorAt(place, 'unreadable-file', `\`${whole.shown(place, path)}\` ${reason}`));
  } else if (names.length === 0 && !optional) {
    const message = `no file matches \`${whole.shown(place, text)}\``;
    const hint = 'where that is as it should be: `{ optional: … }`';
    whole.complain(errorAt(place, 'nothing-included', message, hint));
  }
  return names;
}
