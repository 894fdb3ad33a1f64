import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

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
    text = await readFile(path, 'utf8');
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
export async function writeSnapshot(path: string, issuer: string, { document, fetchedAt }: Snapshot): Promise<void> {
  const folder = join(path, '..');
  await mkdir(folder, { recursive: true });
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
