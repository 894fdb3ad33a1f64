import { join } from 'node:path';

/** Answers the names in a folder; of what is no folder, none. */
export type ReadFolder = (path: string) => readonly string[];

/** Whether a path stands for any number of files. */
export function isGlob(path: string): boolean {
  return /[*?]/.test(path);
}

/**
 * The paths that a glob stands for, sorted by code units. `*` and `?` take any characters of one name but a dot at its
 * front: a ConfigMap's `..data` and an editor's `.#file` are never meant.
 */
export function expand(glob: string, readFolder: ReadFolder): string[] {
  const absolute = glob.startsWith('/');
  const steps = glob.split('/').filter((step) => step !== '');
  const paths = steps.reduce<readonly string[]>(
    (folders, step) =>
      folders.flatMap((folder) => (isGlob(step) ? matching(step, folder, readFolder) : join(folder, step))),
    [absolute ? '/' : '.'],
  );
  return paths.toSorted((one, other) => (one < other ? -1 : 1));
}

function matching(step: string, folder: string, readFolder: ReadFolder): string[] {
  return readFolder(folder)
    .filter((entry) => matches(step, entry) && (step.startsWith('.') || !entry.startsWith('.')))
    .map((entry) => join(folder, entry));
}

/** Whether a name is one that a step of a glob stands for. Of several `*` only the last one ever tries again. */
function matches(step: string, name: string): boolean {
  let [at, star, from] = [0, -1, 0];
  for (let index = 0; index < name.length; ) {
    if (step[at] === '*') {
      star = at;
      from = index;
      at += 1;
    } else if (at < step.length && (step[at] === '?' || step[at] === name[index])) {
      at += 1;
      index += 1;
    } else if (star !== -1) {
      at = star + 1;
      from += 1;
      index = from;
    } else return false;
  }
  while (step[at] === '*') at += 1;
  return at === step.length;
}
