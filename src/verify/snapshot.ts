import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { readBounded } from '../bounded-file.ts';
import { MAX_BYTES } from './fetch.ts';

/** The last good keys of an issuer, as they are kept over a restart. Public keys only. */
export interface Snapshot {
  /** A JWK Set (RFC 7517 §5). */
  readonly document: unknown;
  /** Milliseconds since 1970. */
  readonly fetchedAt: number;
}

/** What was found on the disk: keys, nothing, or something that can't be used and why. */
export type FoundSnapshot = Snapshot | { readonly unusable: string } | undefined;

const VERSION = 1;

/** Where the snapshot of an issuer lies: readable by its name in the config, and apart from another issuer of that name. */
export function snapshotPath(
  folder: string,
  { name, issuer }: { readonly name: string; readonly issuer: string },
): string {
  return join(folder, `${name}-${createHash('sha256').update(issuer).digest('hex').slice(0, 12)}.json`);
}

/**
 * Reads a snapshot. One that is torn, of another issuer, from the future or older than `maxStale` is not used and left
 * where it is: the next good fetch replaces it.
 */
export async function readSnapshot(
  path: string,
  issuer: string,
  now: number,
  maxStale: number,
): Promise<FoundSnapshot> {
  let text: string;
  try {
    text = (await inTurn(() => readBounded(path, 2 * MAX_BYTES))).toString('utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' ? undefined : { unusable: `cannot be read: ${code}` };
  }
  const content = parse(text);
  if (content === undefined || content.version !== VERSION)
    return { unusable: 'is torn, or no snapshot of this version' };
  if (content.issuer !== issuer) return { unusable: 'belongs to another issuer' };
  const { fetchedAt, jwks } = content;
  if (typeof fetchedAt !== 'number' || !Number.isFinite(fetchedAt) || fetchedAt > now)
    return { unusable: 'has no date, or one in the future' };
  if (now - fetchedAt >= maxStale) return { unusable: 'is older than `maxStale`' };
  return { document: jwks, fetchedAt };
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Keeps keys on the disk: written beside, synced and then renamed, so that a crash leaves the old file or the new one
 * and never half of one. Rejects when the folder can't be written.
 */
export function writeSnapshot(path: string, issuer: string, snapshot: Snapshot): Promise<void> {
  return inTurn(() => replace(path, issuer, snapshot));
}

let last: Promise<unknown> = Promise.resolve();

/**
 * One after the other: a file system that does not answer holds a thread of node's pool, and there are four, which names
 * of hosts are looked up with too.
 */
function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const done = last.then(work);
  last = done.catch(() => {}); // the caller of this work gets the error
  return done;
}

async function replace(path: string, issuer: string, { document, fetchedAt }: Snapshot): Promise<void> {
  const folder = join(path, '..');
  await makeFolder(folder);
  const beside = `${path}.${randomUUID()}.tmp`;
  try {
    const file = await open(beside, 'w', 0o600);
    try {
      await file.writeFile(JSON.stringify({ version: VERSION, issuer, fetchedAt, jwks: document }));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(beside, path);
  } catch (error) {
    await rm(beside, { force: true });
    throw error;
  }
}

/**
 * Makes a folder and those above it. One by one: where a folder cannot be made although the one above it is there, as in
 * /proc, node's own `recursive` tries for ever.
 */
async function makeFolder(folder: string): Promise<void> {
  const absent: string[] = [];
  for (let at = folder; at !== dirname(at) && !(await isThere(at)); at = dirname(at)) absent.push(at);
  for (const path of absent.reverse()) {
    await mkdir(path).catch((error: NodeJS.ErrnoException) => {
      // Another process of ours may be as quick.
      if (error.code !== 'EEXIST') throw error;
    });
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
