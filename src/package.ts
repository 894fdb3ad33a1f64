import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

// This file and the bundle that a build makes of it both lie one folder below package.json.

/** The version of the package. */
export function version(): string {
  return JSON.parse(readFileSync(packagedFile('package.json'), 'utf8')).version;
}

/** The path of a file that the package carries, such as `config/gateway.yaml`. */
export function packagedFile(path: string): string {
  return fileURLToPath(new URL(`../${path}`, import.meta.url));
}
