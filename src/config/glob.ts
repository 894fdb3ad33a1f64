import { join } from 'node:path';

/** Answers the names in a folder; throws as node:fs does. */
export type ReadFolder = (path: string) => readonly string[];

/** Whether a path stands for any number of files. */
export function isGlob(path: string): boolean {
  return /[*?]/.test(path);
}

/**
 * The paths that a glob stands for, sorted by code units. `*` and `?` take any characters of one name but a dot at its
 * front: a ConfigMap's `..data` and an editor's `.#file` are never meant. What is no folder, or can't be read, has none.
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
  const name = new RegExp(
    `^${step
      .replace(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.')}$`,
    's',
  );
  try {
    return readFolder(folder)
      .filter((entry) => name.test(entry) && (step.startsWith('.') || !entry.startsWith('.')))
      .map((entry) => join(folder, entry));
  } catch {
    return [];
  }
}
