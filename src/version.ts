import { readFileSync } from 'node:fs';

/** The version of the package. This file, and the one that a build makes of all of them, stand a folder below package.json. */
export function version(): string {
  return JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version;
}
