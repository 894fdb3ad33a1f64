import { spawnSync } from 'node:child_process';
import { truncateSync } from 'node:fs';
import { mkdir, symlink } from 'node:fs/promises';
import { createServer } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { readBounded, readBoundedSync } from '../src/bounded-file.ts';
import { reasonOf } from '../src/config/files.ts';
import { temporaryFolder } from './support/files.ts';
import { needs } from './support/needs.ts';

const MOST = 1024;
const NOW = { most: MOST, patience: 0 };
const fifo = needs('mkfifo', () => spawnSync('mkfifo', ['--version']).error === undefined);

async function folderOf(t: ExecutionContext) {
  const folder = await temporaryFolder({
    'a.txt': 'plain',
    'most.txt': 'x'.repeat(MOST),
    'more.txt': 'x'.repeat(MOST + 1),
  });
  t.teardown(() => folder.remove());
  return folder;
}

/** What both ways of reading say of a file: its text, or the reason. */
async function said(path: string): Promise<string> {
  const attempt = async (read: () => Buffer | Promise<Buffer>) => {
    try {
      return (await read()).toString();
    } catch (error) {
      return reasonOf(error);
    }
  };
  const [one, other] = [await attempt(() => readBoundedSync(path, NOW)), await attempt(() => readBounded(path, MOST))];
  return one === other ? one : `${one}, ${other}`;
}

test('files are read whole, up to their bound', async (t) => {
  const folder = await folderOf(t);
  t.is(await said(folder.file('a.txt')), 'plain');
  t.is((await said(folder.file('most.txt'))).length, MOST);
  t.is(await said(folder.file('more.txt')), 'has more than 4 MiB');
});

test('a file of no size that has content all the same is read, as those of /proc are', async (t) => {
  t.regex(await said('/proc/self/stat'), /^\d+ \(/);
});

test('a file of gigabytes is refused before a byte of it is read', async (t) => {
  const folder = await folderOf(t);
  await folder.write('huge.txt', '');
  truncateSync(folder.file('huge.txt'), 2 ** 40);
  t.is(await said(folder.file('huge.txt')), 'has more than 4 MiB');
});

for (const device of ['/dev/zero', '/dev/null', '/dev/full', '/dev/random']) {
  test(`a device is refused: ${device}`, async (t) => t.is(await said(device), 'is a device or a socket, not a file'));
}

test('a folder, a socket, a link to itself and what is not there are told apart', async (t) => {
  const folder = await folderOf(t);
  await mkdir(folder.file('folder'));
  await symlink('loop', folder.file('loop'));
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(folder.file('socket'), resolve));
  t.teardown(() => server.close());
  t.is(await said(folder.file('folder')), 'is a folder');
  t.is(await said(folder.file('loop')), 'is a symbolic link that leads in a circle');
  t.is(await said(folder.file('socket')), 'is a device or a socket, not a file');
  t.is(await said(folder.file('nothing')), 'does not exist');
  t.is(await said(folder.file('a.txt/nothing')), 'does not exist: something on its way is no folder');
});

fifo('a pipe without a writer is refused at once, instead of waited for', async (t) => {
  const folder = await folderOf(t);
  t.is(spawnSync('mkfifo', [folder.file('pipe')]).status, 0);
  t.is(await said(folder.file('pipe')), 'is a pipe that nothing is written to, is a device or a socket, not a file');
});

/** What a command line reads in the place of `<(…)`: a pipe that another process writes to. */
function readFrom(writer: string, bounds: { most: number; patience: number }): string {
  const script = `
    import { readBoundedSync } from ${JSON.stringify(new URL('../src/bounded-file.ts', import.meta.url).href)};
    try { console.log(readBoundedSync(process.argv[1], ${JSON.stringify(bounds)}).length); }
    catch (error) { console.log(error.code); }`;
  const command = `exec "$0" --import tsx --input-type=module --eval "$1" <(${writer})`;
  const { stdout, stderr } = spawnSync('bash', ['-c', command, process.execPath, script], {
    encoding: 'utf8',
    timeout: 30_000,
  });
  return stdout.trim() || stderr;
}

test('a pipe is read to its end, however late its writer begins', (t) => {
  t.is(readFrom('sleep 0.3; echo one; sleep 0.3; echo two', { most: MOST, patience: 20_000 }), '8');
});

test('a pipe with more than the bound, and one whose writer says nothing in its time, are given up', (t) => {
  t.is(readFrom('yes', { most: MOST, patience: 20_000 }), 'EFBIG');
  t.is(readFrom('sleep 5', { most: MOST, patience: 0 }), 'ESILENT');
});
