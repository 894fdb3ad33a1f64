import { spawnSync } from 'node:child_process';
import { mkdir, rename, symlink, unlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import test from 'ava';
import { type Clock, systemClock } from '../../src/clock.ts';
import { judge } from '../../src/config/watch/settle.ts';
import { WatchedFiles, type WatchFolder } from '../../src/config/watch.ts';
import { FakeClock } from '../support/clock.ts';
import { mountedVolume, temporaryFolder } from '../support/files.ts';
import { needs } from '../support/needs.ts';

interface Test {
  teardown(end: () => void | Promise<void>): void;
}

/** Watched files whose changes can be waited for, one after the other. */
function watched(t: Test, clock: Clock = systemClock, watchFolder?: WatchFolder) {
  const reports: string[][] = [];
  let wake = () => {};
  const files = new WatchedFiles(
    clock,
    (paths) => {
      reports.push([...paths]);
      wake();
    },
    watchFolder,
  );
  t.teardown(() => files.close());
  let read = 0;
  const next = async (): Promise<string[]> => {
    const deadline = Date.now() + 10_000;
    while (reports.length <= read) {
      if (Date.now() > deadline) throw new Error('no change was seen within 10 s');
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 10_000);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    read += 1;
    return reports[read - 1] as string[];
  };
  return { files, reports, next };
}

async function folderWith(t: Test, content: Readonly<Record<string, string>>) {
  const folder = await temporaryFolder(content);
  t.teardown(folder.remove);
  return folder;
}

test('a file that is written in place', async (t) => {
  const folder = await folderWith(t, { 'a.yaml': 'one' });
  const { files, next } = watched(t);
  t.is(files.read(folder.file('a.yaml')), 'one');
  await files.follow([folder.file('a.yaml')]);
  await folder.write('a.yaml', 'two');
  t.deepEqual(await next(), [folder.file('a.yaml')]);
  t.is(files.read(folder.file('a.yaml')), 'two');
  await folder.write('a.yaml', 'six');
  t.deepEqual(await next(), [folder.file('a.yaml')]);
});

test('a file that is replaced by another, as editors do it, again and again', async (t) => {
  const folder = await folderWith(t, { 'a.yaml': 'one' });
  const { files, next } = watched(t);
  await files.follow([folder.file('a.yaml')]);
  for (const content of ['two', 'three', 'four']) {
    await folder.write('.a.yaml.swp', content);
    await rename(folder.file('.a.yaml.swp'), folder.file('a.yaml'));
    t.deepEqual(await next(), [folder.file('a.yaml')]);
    t.is(files.read(folder.file('a.yaml')), content);
  }
});

test('a volume that Kubernetes swaps: all files of it change at once, and the old folder goes', async (t) => {
  const names = ['gateway.yaml', 'secret'];
  const folder = await mountedVolume({ 'gateway.yaml': 'version 1', secret: '1' });
  t.teardown(folder.remove);
  const { files, next } = watched(t);
  for (const name of names) files.read(folder.file(name));
  await files.follow(names.map(folder.file));
  for (const version of ['2', '3', '4']) {
    await folder.publish({ 'gateway.yaml': `version ${version}`, secret: version });
    t.deepEqual(await next(), names.map(folder.file));
    t.is(files.read(folder.file('gateway.yaml')), `version ${version}`);
  }
  await folder.publish({ 'gateway.yaml': 'version 4', secret: 'another' });
  t.deepEqual(await next(), [folder.file('secret')], 'one that reads as before has not changed');
});

test('a folder that is swapped for another one under the same name', async (t) => {
  const folder = await folderWith(t, {});
  const put = async (name: string, content: string) => {
    await mkdir(folder.file(name));
    await writeFile(join(folder.file(name), 'a.yaml'), content);
  };
  await put('conf', 'one');
  const path = join(folder.file('conf'), 'a.yaml');
  const { files, next } = watched(t);
  await files.follow([path]);
  for (const content of ['two', 'three']) {
    await put('next', content);
    await rename(folder.file('conf'), folder.file(`old-${content}`));
    await rename(folder.file('next'), folder.file('conf'));
    t.deepEqual(await next(), [path]);
  }
  await writeFile(path, 'four');
  t.deepEqual(await next(), [path], 'the new folder is watched');
});

test('a file that is deleted, and one that comes back', async (t) => {
  const folder = await folderWith(t, { 'a.yaml': 'one' });
  const { files, next } = watched(t);
  files.read(folder.file('a.yaml'));
  await files.follow([folder.file('a.yaml')]);
  await unlink(folder.file('a.yaml'));
  t.deepEqual(await next(), [folder.file('a.yaml')]);
  t.throws(() => files.read(folder.file('a.yaml')), { code: 'ENOENT' });
  await folder.write('a.yaml', 'one');
  t.deepEqual(await next(), [folder.file('a.yaml')]);
});

test('a file that does not exist yet, in a folder that does not either', async (t) => {
  const folder = await folderWith(t, {});
  const path = join(folder.file('later'), 'secret');
  const { files, next } = watched(t);
  t.throws(() => files.read(path), { code: 'ENOENT' });
  await files.follow([path]);
  await mkdir(folder.file('later'));
  await writeFile(path, 'here');
  t.deepEqual(await next(), [path]);
});

test('a change between reading a file and watching it', async (t) => {
  const folder = await folderWith(t, { 'a.yaml': 'one' });
  const { files, next } = watched(t);
  files.read(folder.file('a.yaml'));
  await folder.write('a.yaml', 'two');
  await files.follow([folder.file('a.yaml')]);
  t.deepEqual(await next(), [folder.file('a.yaml')]);
});

test('a file that is touched, or written as it was, has not changed', async (t) => {
  const folder = await folderWith(t, { 'a.yaml': 'one', 'b.yaml': 'one' });
  const { files, next, reports } = watched(t);
  const paths = ['a.yaml', 'b.yaml'].map(folder.file);
  await files.follow(paths);
  await utimes(folder.file('a.yaml'), new Date(), new Date());
  await folder.write('a.yaml', 'one');
  await folder.write('next', 'one');
  await rename(folder.file('next'), folder.file('a.yaml'));
  await folder.write('b.yaml', 'two');
  t.deepEqual(await next(), [folder.file('b.yaml')], 'whatever is seen of the other file is seen by now');
  t.is(reports.length, 1);
});

/** The system tells of nothing: network and overlay mounts are like that. */
const TELLS_NOTHING: WatchFolder = () => ({ on: () => {}, close: () => {} });

/** Lets time pass until the next look, and waits until that is over. */
async function lookAgain(clock: FakeClock): Promise<number> {
  const [ms = 0] = clock.waiting;
  clock.advance(ms);
  while (clock.waiting.length === 0) await nextTurn();
  return ms;
}

test('a file is looked at every now and then although the system tells of no change', async (t) => {
  const clock = new FakeClock();
  const folder = await folderWith(t, { 'a.yaml': 'one' });
  const { files, reports } = watched(t, clock, TELLS_NOTHING);
  await files.follow([folder.file('a.yaml')]);
  for (let looks = 0; looks < 3; looks += 1) t.true((await lookAgain(clock)) <= 5_000);
  t.deepEqual(reports, []);
  await folder.write('a.yaml', 'two');
  await lookAgain(clock);
  t.deepEqual(reports, [], 'it may still be written');
  await lookAgain(clock);
  t.deepEqual(reports, [[folder.file('a.yaml')]]);
});

test('a file that is written in pieces is told of once it holds still', async (t) => {
  const clock = new FakeClock();
  const folder = await folderWith(t, { 'a.yaml': 'whole' });
  const { files, reports } = watched(t, clock, TELLS_NOTHING);
  await files.follow([folder.file('a.yaml')]);
  for (const content of ['', 'one', 'one two', 'one two three']) {
    await folder.write('a.yaml', content);
    await lookAgain(clock);
    t.deepEqual(reports, []);
  }
  await lookAgain(clock);
  t.deepEqual(reports, [[folder.file('a.yaml')]]);
  t.is(files.read(folder.file('a.yaml')), 'one two three');
});

test('a file that never holds still keeps no other waiting for ever', async (t) => {
  const clock = new FakeClock();
  const folder = await folderWith(t, { 'a.yaml': 'one', restless: '' });
  const { files, reports } = watched(t, clock, TELLS_NOTHING);
  await files.follow(['a.yaml', 'restless'].map(folder.file));
  await folder.write('a.yaml', 'two');
  let looks = 0;
  while (reports.length === 0 && looks < 1000) {
    looks += 1;
    await folder.write('restless', String(looks));
    await lookAgain(clock);
  }
  t.deepEqual(reports, [[folder.file('a.yaml')]]);
});

const fifo = needs('mkfifo', () => spawnSync('mkfifo', ['--version']).status === 0);

fifo('a pipe is not read a second time, and holds nothing up', async (t) => {
  const folder = await folderWith(t, { 'a.yaml': 'one' });
  t.is(spawnSync('mkfifo', [folder.file('pipe')]).status, 0);
  const { files, next } = watched(t);
  await files.follow([folder.file('pipe'), folder.file('a.yaml')]);
  await folder.write('a.yaml', 'two');
  t.deepEqual(await next(), [folder.file('a.yaml')]);
});

test('a folder changes with the names in it, and is no reason to read for ever where a file was meant', async (t) => {
  const folder = await folderWith(t, {});
  await mkdir(folder.file('routes'));
  const { files, next, reports } = watched(t);
  t.throws(() => files.read(folder.file('routes')), { code: 'EISDIR' });
  await files.follow([folder.file('routes')]);
  await writeFile(join(folder.file('routes'), 'a.yaml'), '');
  t.deepEqual(await next(), [folder.file('routes')]);
  t.throws(() => files.read(folder.file('routes')), { code: 'EISDIR' });
  await files.follow([folder.file('routes')]);
  t.is(reports.length, 1);
});

test('new names in a folder are told of by the system, and what is written into its files is not listened to', async (t) => {
  const clock = new FakeClock();
  const listeners: Parameters<WatchFolder>[2][] = [];
  const watchFolder: WatchFolder = (path, _, listener) => {
    if (path === folder.path) listeners.push(listener);
    return TELLS_NOTHING('', { persistent: false }, listener);
  };
  const folder = await folderWith(t, { 'a.yaml': 'one' });
  const { files } = watched(t, clock, watchFolder);
  await files.follow([folder.path, folder.file('a.yaml')]);
  t.is(listeners.length, 1);
  const [tell] = listeners;
  tell?.('change', 'unknown.log');
  t.deepEqual(clock.waiting, [2_000]);
  tell?.('rename', 'b.yaml');
  t.deepEqual(clock.waiting, [50]);
});

test('following answers whether files still hold what was read of them', async (t) => {
  const clock = new FakeClock();
  const folder = await folderWith(t, { 'a.yaml': 'one' });
  const { files, reports } = watched(t, clock, TELLS_NOTHING);
  const paths = [folder.file('a.yaml'), folder.path];
  const read = () => {
    files.read(folder.file('a.yaml'));
    files.readFolder(folder.path);
  };
  read();
  t.true(await files.follow(paths));
  await folder.write('a.yaml', 'two');
  t.false(await files.follow(paths));
  read();
  t.true(await files.follow(paths));
  await folder.write('b.yaml', 'new');
  t.false(await files.follow(paths));
  t.throws(() => files.readFolder(folder.file('none')), { code: 'ENOENT' });
  t.deepEqual(reports, [], 'nothing was told that had not been asked for');
});

test('links that lead in a circle are no file', async (t) => {
  const folder = await folderWith(t, {});
  await symlink('b', folder.file('a'));
  await symlink('a', folder.file('b'));
  const { files, next } = watched(t);
  t.throws(() => files.read(folder.file('a')), { code: 'ELOOP' });
  await files.follow([folder.file('a')]);
  await unlink(folder.file('b'));
  await folder.write('b', 'here');
  t.deepEqual(await next(), [folder.file('a')]);
});

test('nothing is told after the end', async (t) => {
  const folder = await folderWith(t, { 'a.yaml': 'one', 'b.yaml': 'one' });
  const { files, reports } = watched(t);
  const other = watched(t);
  await files.follow([folder.file('a.yaml')]);
  await other.files.follow([folder.file('a.yaml')]);
  files.close();
  await folder.write('a.yaml', 'two');
  await other.next();
  t.deepEqual(reports, []);
});

const sight = (content: Readonly<Record<string, string>>) => new Map(Object.entries(content));

for (const [name, known, before, now, changed, moving] of [
  ['nothing', { a: '1' }, { a: '1' }, { a: '1' }, [], false],
  ['one that differs for the first time', { a: '1' }, { a: '1' }, { a: '2' }, [], true],
  ['one that differs and holds still', { a: '1' }, { a: '2' }, { a: '2' }, ['a'], false],
  ['one that differs again', { a: '1' }, { a: '2' }, { a: '3' }, [], true],
  ['one that is as it was again', { a: '1' }, { a: '2' }, { a: '1' }, [], false],
  [
    'one that holds still beside one that moves',
    { a: '1', b: '1' },
    { a: '2', b: '1' },
    { a: '2', b: '2' },
    ['a'],
    true,
  ],
  ['one of which nothing is known', {}, { a: '1' }, { a: '1' }, ['a'], false],
] as const) {
  test(`of two looks is judged: ${name}`, (t) => {
    t.deepEqual(judge(sight(known), sight(before), sight(now)), { changed: [...changed], moving });
  });
}
