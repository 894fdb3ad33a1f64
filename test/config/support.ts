import { type Loaded, loadConfig } from '../../src/config/load.ts';
import type { Problem } from '../../src/config/problem.ts';

/** The file that tests load. */
export const FILE = '/etc/bearergate/gateway.yaml';

/** Loads a text as if it stood in FILE, beside `files`. */
export function load(
  text: string,
  variables: Readonly<Record<string, string>> = {},
  files: Readonly<Record<string, string>> = {},
): Loaded {
  const all: Readonly<Record<string, string>> = { ...files, [FILE]: text };
  const readFile = (path: string) => {
    const content = all[path];
    if (content === undefined) throw Object.assign(new Error(`no ${path}`), { code: 'ENOENT' });
    return content;
  };
  const readFolder = (path: string) => {
    const below = Object.keys(all).filter((name) => name.startsWith(`${path}/`));
    return [...new Set(below.map((name) => name.slice(path.length + 1).split('/', 1)[0] as string))];
  };
  return loadConfig(FILE, { variables, readFile, readFolder });
}

/** Loads a text that has to be right. */
export function loadGood(...from: Parameters<typeof load>): Extract<Loaded, { ok: true }> {
  const loaded = load(...from);
  if (loaded.ok) return loaded;
  throw new Error(loaded.problems.map(({ line, column, message }) => `${line}:${column} ${message}`).join('\n'));
}

/** Everything that is said about a text. */
export function problemsOf(...from: Parameters<typeof load>): readonly Problem[] {
  const loaded = load(...from);
  return loaded.ok ? loaded.warnings : loaded.problems;
}
