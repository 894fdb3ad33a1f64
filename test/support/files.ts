import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
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

/** A folder that is a volume of Kubernetes, in which a ConfigMap or Secret is mounted. */
export async function mountedVolume(files: Readonly<Record<string, string>>): Promise<{
  file(name: string): string;
  /** Puts other content in place of all there is, as the kubelet does: a new folder, to which `..data` is led by a rename. */
  publish(files: Readonly<Record<string, string>>): Promise<void>;
  remove(): Promise<void>;
}> {
  const { path, file, remove } = await temporaryFolder({});
  let version = 0;
  const publish = async (content: Readonly<Record<string, string>>) => {
    const before = version;
    version += 1;
    await mkdir(file(`..2026_11_22_${version}`));
    for (const [name, text] of Object.entries(content))
      await writeFile(join(path, `..2026_11_22_${version}`, name), text);
    await symlink(`..2026_11_22_${version}`, file('..data_tmp'));
    await rename(file('..data_tmp'), file('..data'));
    await rm(file(`..2026_11_22_${before}`), { recursive: true, force: true });
  };
  await publish(files);
  for (const name of Object.keys(files)) await symlink(join('..data', name), file(name));
  return { file, publish, remove };
}
