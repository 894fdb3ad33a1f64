import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** A package of somebody else's, as the lock file and its own folder describe it. */
export interface ThirdParty {
  readonly name: string;
  readonly version: string;
  /** An SPDX expression. */
  readonly license: string;
  /** Of the package's archive: `sha512-…`, as npm checks it. */
  readonly integrity: string;
  /** Copied into our files; otherwise npm installs it beside them. */
  readonly bundled: boolean;
  readonly folder: string;
}

interface LockedPackage {
  readonly version: string;
  readonly license?: string;
  readonly integrity: string;
  readonly dev?: boolean;
}

const FOLDER = /^.*node_modules\/((?:@[^/]+\/)?[^/]+)$/;

/**
 * Every package whose code runs in production: those whose sources (paths from the repository's root) the bundles contain, and
 * those that npm installs with the package. Throws if one has no licence.
 */
export function thirdParties(sources: readonly string[]): ThirdParty[] {
  const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, LockedPackage>;
  };
  const bundled = new Set(sources.map(packageFolder));
  return Object.entries(packages)
    .filter(([folder, { dev }]) => folder !== '' && (!dev || bundled.has(folder)))
    .map(([folder, { version, license, integrity }]) => {
      const name = FOLDER.exec(folder)?.[1] ?? folder;
      if (license === undefined) throw new Error(`${name} states no licence`);
      return { name, version, license, integrity, bundled: bundled.has(folder), folder };
    })
    .sort((one, other) => (one.folder < other.folder ? -1 : 1));
}

/** `node_modules/zod` for `node_modules/zod/v4/core/core.js`; undefined for a source of our own. */
function packageFolder(source: string): string | undefined {
  const start = source.lastIndexOf('node_modules/');
  if (start === -1) return undefined;
  const [scopeOrName = '', name = ''] = source.slice(start + 'node_modules/'.length).split('/');
  return `${source.slice(0, start)}node_modules/${scopeOrName.startsWith('@') ? `${scopeOrName}/${name}` : scopeOrName}`;
}

/** The texts of the licence and notice files of a package. Throws if there are none. */
export function licenceTexts({ name, folder }: ThirdParty): string[] {
  const files = readdirSync(join(ROOT, folder)).filter((file) => /^(?:licen[cs]e|notice|copying)/i.test(file));
  if (files.length === 0) throw new Error(`${name} ships no licence text`);
  return files.sort().map((file) =>
    readFileSync(join(ROOT, folder, file), 'utf8')
      .replace(/\r\n/g, '\n')
      .trim(),
  );
}
