import { readdirSync, readFileSync } from 'node:fs';

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  ENOTDIR: 'does not exist: something on its way is no folder',
  EACCES: 'may not be read by this process',
  EPERM: 'may not be read by this process',
  EISDIR: 'is a folder',
  EMFILE: 'cannot be opened: this process has too many open files',
};

/** Why a file could not be read, said of the file, by the code that node:fs throws. */
export function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
  return (code && REASONS[code]) ?? `cannot be read${code ? ` (${code})` : ''}`;
}

/** How a configuration is read from the disk. */
export const DISK = {
  readFile: (path: string) => readFileSync(path, 'utf8'),
  readFolder: (path: string) => readdirSync(path),
} as const;
