import { hash } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { readBounded } from '../../bounded-file.ts';
import { MAX_FILE } from '../files.ts';

/** What a file is like without reading it. */
interface Glance {
  readonly identity: string;
  readonly digest: string;
  /** Times are coarse: what changes twice within a tick looks the same. Only what a second reading confirmed is believed. */
  readonly confirmed: boolean;
}

/** What stands for a text that was read. */
export function digestOf(text: string): string {
  return hash('sha256', text, 'base64');
}

/** What stands for a folder with these names in it. */
export function digestOfNames(names: readonly string[]): string {
  return digestOf(names.toSorted().join('\0'));
}

/** What stands for a file that could not be read, by the error of node:fs. */
export function absence(error: unknown): string {
  return `no file: ${(error as NodeJS.ErrnoException).code}`;
}

/** Looks at files; cheaply where their size and times say that nothing has changed. */
export class Sights {
  readonly #glances = new Map<string, Glance>();

  /**
   * What a file holds now; a folder, by the names in it. Undefined for pipes and devices: reading takes their content
   * away, or never ends. `thoroughly` reads the file whatever its times say.
   */
  async of(path: string, thoroughly: boolean): Promise<string | undefined> {
    try {
      const stats = await stat(path, { bigint: true });
      if (stats.isDirectory()) return digestOfNames(await readdir(path));
      if (!stats.isFile()) return undefined;
      const { dev, ino, size, mtimeNs, ctimeNs } = stats;
      const identity = [dev, ino, size, mtimeNs, ctimeNs].join(':');
      return await this.#read(path, identity, thoroughly);
    } catch (error) {
      this.#glances.delete(path);
      return absence(error);
    }
  }

  /** Forgets what was seen of all other files. */
  keep(paths: ReadonlySet<string>): void {
    for (const path of this.#glances.keys()) if (!paths.has(path)) this.#glances.delete(path);
  }

  async #read(path: string, identity: string, thoroughly: boolean): Promise<string> {
    const known = this.#glances.get(path);
    if (known?.identity === identity && known.confirmed && !thoroughly) return known.digest;
    const digest = digestOf((await readBounded(path, MAX_FILE)).toString('utf8'));
    const confirmed = !thoroughly && known?.identity === identity && known.digest === digest;
    this.#glances.set(path, { identity, digest, confirmed });
    return digest;
  }
}
