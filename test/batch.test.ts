import test from 'ava';
import { Batch } from '../src/batch.ts';

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('what is added within a turn is done at its end, in order', async (t) => {
  const done: number[] = [];
  const batch = new Batch<number>((item) => done.push(item));
  batch.add(1);
  batch.add(2);
  t.deepEqual(done, []);
  await turn();
  t.deepEqual(done, [1, 2]);
  batch.add(3);
  await turn();
  t.deepEqual(done, [1, 2, 3]);
});

test('what is added meanwhile is not lost, and nothing is done twice', async (t) => {
  const done: number[] = [];
  const batch = new Batch<number>((item) => {
    done.push(item);
    if (item < 3) batch.add(item + 1);
  });
  batch.add(1);
  while (done.length < 3) await turn();
  await turn();
  t.deepEqual(done, [1, 2, 3]);
});

test('it can be done at once', async (t) => {
  const done: number[] = [];
  const batch = new Batch<number>((item) => done.push(item));
  batch.add(1);
  batch.run();
  t.deepEqual(done, [1]);
  await turn();
  t.deepEqual(done, [1]);
});

test('of what waits a share is done in each turn, in order', async (t) => {
  const done: number[] = [];
  const batch = new Batch<number>(
    (item) => done.push(item),
    (waiting) => Math.ceil(waiting / 2),
  );
  for (let item = 1; item <= 7; item += 1) batch.add(item);
  const after: number[] = [];
  for (let at = 0; at < 3; at += 1) {
    await turn();
    after.push(done.length);
    if (at === 0) batch.add(8);
  }
  t.deepEqual(after, [4, 6, 7]);
  await turn();
  t.deepEqual(done, [1, 2, 3, 4, 5, 6, 7, 8]);
});

test('an item that throws harms no other, and is handed over with its error', async (t) => {
  const done: number[] = [];
  const failed: [string, number][] = [];
  const batch = new Batch<number>(
    (item) => {
      if (item % 3 === 0) throw new Error(`no ${item}`);
      done.push(item);
    },
    (waiting) => Math.ceil(waiting / 2),
    (error, item) => failed.push([(error as Error).message, item]),
  );
  for (let item = 1; item <= 6; item += 1) batch.add(item);
  for (let turns = 0; turns < 10 && done.length + failed.length < 6; turns += 1) await turn();
  t.deepEqual(done, [1, 2, 4, 5]);
  t.deepEqual(failed, [
    ['no 3', 3],
    ['no 6', 6],
  ]);
});

test('the same where it is done at once, and where nothing was said of failures', (t) => {
  const done: number[] = [];
  const batch = new Batch<number>((item) => {
    if (item === 1) throw new Error('no');
    done.push(item);
  });
  batch.add(1);
  batch.add(2);
  batch.run();
  t.deepEqual(done, [2]);
});
