import type { Config } from '../../src/config/config.ts';
import { DISK } from '../../src/config/files.ts';
import { type Loaded, loadConfig } from '../../src/config/load.ts';

/** A configuration as a user writes it, as plain values. A missing `upstream` of a route is filled in where there is one. */
export interface ConfigDocument {
  readonly routes: readonly object[];
  readonly upstreams: Readonly<Record<string, string | object>>;
  readonly issuers?: Readonly<Record<string, object>>;
  readonly [section: string]: unknown;
}

const FILE = '/etc/bearergate/gateway.yaml';

/** Loads a configuration through the loader that users meet, like `configFrom`, and answers what it says. */
export function loadedFrom(document: ConfigDocument, variables: Readonly<Record<string, string>> = {}): Loaded {
  return load(textOf(document), variables);
}

/**
 * Loads a configuration through the loader that users meet: JSON is YAML. An upstream may be just its address. Files that
 * it names are real ones. Throws with every problem when it is wrong.
 */
export function configFrom(document: ConfigDocument, variables: Readonly<Record<string, string>> = {}): Config {
  const text = textOf(document);
  const loaded = load(text, variables);
  if (loaded.ok) return loaded.config;
  const told = loaded.problems.map(
    ({ column, message, hint }) => `${text.slice(column - 1, column + 60)}: ${message}; ${hint}`,
  );
  throw new Error(`the configuration is wrong:\n${told.join('\n')}`);
}

function textOf(document: ConfigDocument): string {
  const names = Object.keys(document.upstreams);
  const upstreams = Object.fromEntries(
    Object.entries(document.upstreams).map(([name, entry]) => [
      name,
      typeof entry === 'string' ? { url: entry } : entry,
    ]),
  );
  const routes = document.routes.map((route) => ({ upstream: names[0], ...route }));
  return JSON.stringify({ ...document, upstreams, routes });
}

function load(text: string, variables: Readonly<Record<string, string>>): Loaded {
  return loadConfig(FILE, {
    variables,
    ...DISK,
    readFile: (path) => (path === FILE ? text : DISK.readFile(path)),
  });
}
