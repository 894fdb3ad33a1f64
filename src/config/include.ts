import { dirname, resolve } from 'node:path';
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
  for (const { file, place, name } of filesToInclude(whole, environment, watch)) {
    const part = readPart(file, environment, watch.file);
    if ('reason' in part) whole.complain(errorAt(place, part.name, `\`${name}\` ${part.reason}`));
    else if ('source' in part) whole.add(part);
    else whole.complain(...part.problems);
  }
  return whole;
}

interface ToInclude {
  readonly file: string;
  /** As a person finds it: relative to the including file. */
  readonly name: string;
  /** The item of `include` that names it. */
  readonly place: Path;
}

/** Every file to include, once, in the order of the list and sorted within a glob. */
function filesToInclude(whole: Joining, environment: Environment, watch: Watch): ToInclude[] {
  const { value } = valueAt(whole.value, ['include']);
  const found = new Map<string, ToInclude>();
  for (const [index, text] of Array.isArray(value) ? value.entries() : []) {
    if (typeof text !== 'string' || text === '') continue;
    for (const one of filesNamed(text, ['include', index], whole, environment, watch)) {
      if (!found.has(one.file)) found.set(one.file, one);
    }
  }
  return [...found.values()];
}

function filesNamed(text: string, place: Path, whole: Joining, environment: Environment, watch: Watch): ToInclude[] {
  const folder = dirname(whole.source.file);
  const isMain = (name: string) => resolve(folder, name) === resolve(whole.source.file);
  if (text.includes('**')) {
    const hint = 'name each folder: `[teams/a/*.yaml, teams/b/*.yaml]`, or `teams/*/*.yaml`';
    whole.complain(errorAt(place, 'bad-include', '`**` is for the paths of routes', hint));
    return [];
  }
  if (!isGlob(text)) {
    if (!isMain(text)) return [{ file: resolve(folder, text), name: whole.shown(place, text), place }];
    whole.complain(errorAt(place, 'bad-include', 'a file cannot include itself'));
    return [];
  }
  const readFolder = (path: string) => {
    watch.folder(resolve(folder, path));
    return environment.readFolder(resolve(folder, path));
  };
  // A glob beside the file itself is not meant to name it.
  const names = expand(text, readFolder).filter((name) => !isMain(name));
  if (names.length === 0) whole.warn(place, 'nothing-included', `no file matches \`${whole.shown(place, text)}\``);
  return names.map((name) => ({ file: resolve(folder, name), name, place }));
}
