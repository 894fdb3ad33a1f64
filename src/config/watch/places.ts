import { readlink, stat } from 'node:fs/promises';
import { isAbsolute, join, parse, resolve, sep } from 'node:path';

/** A folder, and the names in it that a file's content depends on. */
export interface Place {
  readonly folder: string;
  /** Another one under the same path has another identity: it is watched anew. */
  readonly identity: string;
  readonly names: ReadonlySet<string>;
  /** Whether it matters which names there are. */
  readonly listed: boolean;
}

/** More symbolic links than this in a path are a circle; it is what Linux allows. */
const MOST_LINKS = 40;

/**
 * Where one has to look to see files change: the folder of each, and of each symbolic link on the way to it. Kubernetes
 * swaps such a link (`..data`) and leaves the file itself alone. One that is a folder is such a place itself. Folders that
 * are not there are left out.
 */
export async function placesOf(files: readonly string[]): Promise<Place[]> {
  const names = new Map<string, Set<string>>();
  const listed = new Set<string>();
  for (const file of files) {
    if (await isFolder(file)) {
      const folder = resolve(file);
      listed.add(folder);
      if (!names.has(folder)) names.set(folder, new Set());
    }
    for (const [folder, name] of await stepsTo(file)) {
      const known = names.get(folder);
      if (known) known.add(name);
      else names.set(folder, new Set([name]));
    }
  }
  const places = [...names].map(async ([folder, those]) => {
    const identity = await identityOf(folder);
    return identity === undefined ? [] : [{ folder, identity, names: those, listed: listed.has(folder) }];
  });
  return (await Promise.all(places)).flat();
}

/** The folder and name of the file itself, and those of each link that leads there. */
async function stepsTo(file: string): Promise<(readonly [folder: string, name: string])[]> {
  const steps: (readonly [string, string])[] = [];
  let links = 0;
  let { root: at, rest } = split(resolve(file));
  while (rest.length > 0) {
    const [name = '', ...further] = rest;
    const target = await linkTarget(join(at, name));
    const isLast = further.length === 0;
    if (target !== undefined || isLast) steps.push([at, name]);
    if (target === undefined || ++links > MOST_LINKS) {
      at = join(at, name);
      rest = further;
    } else {
      const led = split(isAbsolute(target) ? target : resolve(at, target));
      at = led.root;
      rest = [...led.rest, ...further];
    }
  }
  return steps;
}

function split(path: string): { root: string; rest: string[] } {
  const { root } = parse(path);
  return { root, rest: path.slice(root.length).split(sep).filter(Boolean) };
}

/** Where a symbolic link leads; undefined when it is none, or nothing. */
async function linkTarget(path: string): Promise<string | undefined> {
  try {
    return await readlink(path);
  } catch {
    return undefined;
  }
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false;
  }
}

async function identityOf(folder: string): Promise<string | undefined> {
  try {
    const { dev, ino } = await stat(folder, { bigint: true });
    return `${dev}:${ino}`;
  } catch {
    return undefined;
  }
}
