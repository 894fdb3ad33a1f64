import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder of a test's own, with these files in it. */
export async function temporaryFolder(files: Readonly<Record<string, string>>): Promise<{
  readonly path: string;
  file(name: string): string;
  write(name: string, content: string): Promise<void>;
  remove(): Promise<void>;
}> {
  const path = await mkdtemp(join(tmpdir(), 'bearergate-'));
  const write = (name: string, content: string) => writeFile(join(path, name), content);
  for (const [name, content] of Object.entries(files)) await write(name, content);
  return { path, file: (name) => join(path, name), write, remove: () => rm(path, { recursive: true, force: true }) };
}
