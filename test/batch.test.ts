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
