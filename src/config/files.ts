import { readdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { readBoundedSync } from '../bounded-file.ts';

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  ENOTDIR: 'does not exist: something on its way is no folder',
  EACCES: 'may not be read by this process',
  EPERM: 'may not be read by this process',
  EISDIR: 'is a folder',
  EFBIG: 'has more than 4 MiB',
  ENOTFILE: 'is a device or a socket, not a file',
  ENXIO: 'is a device or a socket, not a file',
  ESILENT: 'is a pipe that nothing is written to',
  ELOOP: 'is a symbolic link that leads in a circle',
  EMFILE: 'cannot be opened: this process has too many open files',
};

/** Why a file could not be read, said of the file, by the code that node:fs throws. */
export function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
  return (code && REASONS[code]) ?? `cannot be read${code ? ` (${code})` : ''}`;
}

/** Whether a file could not be read because there is none. */
export function isAbsent(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ENOTDIR';
}

/** More than any configuration or certificate has, in bytes. */
export const MAX_FILE = 4 * 1024 * 1024;
/** What `<(a command)` may take to write a configuration. */
const PATIENCE = 5_000;

/** The text of a file, in bounded time and memory; throws as node:fs does. `patience`: see SyncBounds. */
export function readTextFile(path: string, patience = PATIENCE): string {
  return readBoundedSync(path, { most: MAX_FILE, patience }).toString('utf8');
}

/**
 * What keeps a folder from ever being there: undefined where it is, or could be made. Rights are not looked at, since
 * another user may be the one who makes it.
 */
export function folderFlaw(path: string): string | undefined {
  for (let at = path; ; at = dirname(at)) {
    try {
      if (statSync(at).isDirectory()) return undefined;
      return at === path ? 'is not a folder' : `cannot be made: \`${at}\` is not a folder`;
    } catch {
      if (at === dirname(at)) return undefined;
    }
  }
}

/** How a configuration is read from the disk. */
export const DISK = {
  readFile: (path: string) => readTextFile(path),
  readFolder: (path: string) => readdirSync(path),
} as const;
