import test from 'ava';
import type { MetricFigures } from '../../../src/observe/figures.ts';
import { pageOf } from '../../../src/observe/figures.ts';
import { WorkerCounts } from '../../../src/server/workers/counts.ts';

/** What a worker has counted, and how many streams it has open. */
function figures(requests: number, open = 0): MetricFigures[] {
  const one = (name: string, type: string, value: number) => ({
    ...{ name, type, help: 'x', aggregator: 'sum' },
    values: [{ labels: { route: 'a' }, value }],
  });
  return [one('requests_total', 'counter', requests), one('open', 'gauge', open)] as unknown as MetricFigures[];
}

async function sums(counts: WorkerCounts): Promise<readonly [requests: number, open: number]> {
  const [, page] = await pageOf([[], ...counts.all]);
  const numberOf = (name: string) => Number(new RegExp(`^${name}\\{[^}]*\\} (\\S+)$`, 'm').exec(page)?.[1] ?? 0);
  return [numberOf('requests_total'), numberOf('open')];
}

test('what is heard of a worker counts once, and outlives it; what it had open ends with it', async (t) => {
  const counts = new WorkerCounts();
  counts.heard(1, figures(10, 3));
  counts.heard(1, figures(12, 2));
  counts.heard(2, figures(5, 1));
  t.deepEqual(await sums(counts), [17, 3]);
  counts.ended(1);
  t.deepEqual(await sums(counts), [17, 1]);
  counts.ended(1);
  counts.ended(7);
  counts.heard(3, figures(1, 1));
  t.deepEqual(await sums(counts), [18, 2]);
});

test('at no moment is a count less than it was, whichever workers end in the same turn', async (t) => {
  const counts = new WorkerCounts();
  let total = 0;
  for (let worker = 1; worker <= 60; worker += 1) {
    counts.heard(worker, figures(worker));
    total += worker;
  }
  for (let worker = 1; worker <= 60; worker += 1) {
    counts.ended(worker);
    if (worker % 7 === 0) t.is((await sums(counts))[0], total, `after ${worker}`);
  }
  for (let turn = 0; turn < 20; turn += 1) {
    await new Promise(setImmediate);
    t.is((await sums(counts))[0], total);
  }
});

test('those that have ended are added up: a worker that crashes all day fills no memory', async (t) => {
  const counts = new WorkerCounts();
  for (let worker = 1; worker <= 500; worker += 1) {
    counts.heard(worker, figures(1));
    counts.ended(worker);
    await new Promise(setImmediate);
  }
  t.true(counts.all.length < 30, String(counts.all.length));
  t.is((await sums(counts))[0], 500);
});

test('what is pruned stays pruned, also where it is being added up', async (t) => {
  const counts = new WorkerCounts();
  for (let worker = 1; worker <= 12; worker += 1) {
    counts.heard(worker, figures(1));
    counts.ended(worker);
  }
  counts.prune(() => []);
  await new Promise(setImmediate);
  t.deepEqual(await sums(counts), [0, 0]);
});
