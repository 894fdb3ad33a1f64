import test from 'ava';
import { isCounted, type MetricFigures, pageOf, together } from '../../src/observe/figures.ts';

function figures(type: string, name: string, aggregator: string, values: object): MetricFigures {
  const entries = Object.entries(values).map(([route, value]) => ({ labels: { route }, value }));
  return { name, help: 'What it is.', type, aggregator, values: entries } as unknown as MetricFigures;
}

test('counts of several processes are summed by their labels; of some the first or the largest counts', async (t) => {
  const one = [figures('counter', 'a_total', 'sum', { x: 1, y: 2 }), figures('gauge', 'age', 'max', { x: 5 })];
  const other = [figures('counter', 'a_total', 'sum', { y: 3, z: 4 }), figures('gauge', 'age', 'max', { x: 7 })];
  const first = (value: number) => [figures('counter', 'reloads_total', 'first', { x: value })];
  const [type, page] = await pageOf([[...one, ...first(1)], [...other, ...first(9)], []]);
  t.regex(type, /^text\/plain; version=0\.0\.4/);
  const lines = page.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  t.deepEqual(lines.sort(), [
    'a_total{route="x"} 1',
    'a_total{route="y"} 5',
    'a_total{route="z"} 4',
    'age{route="x"} 7',
    'reloads_total{route="x"} 1',
  ]);
});

test('what has been counted can be put together again and again; what there is of something is left out', async (t) => {
  const all = [figures('counter', 'a_total', 'sum', { x: 1 }), figures('gauge', 'open', 'sum', { x: 3 })];
  const once = await together([[], all.filter(isCounted)]);
  const twice = await together([once, all.filter(isCounted)]);
  t.deepEqual(
    twice.map(({ name, values }) => [name, values.map(({ value }) => value)]),
    [['a_total', [2]]],
  );
});
