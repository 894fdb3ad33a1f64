import { stop } from './processes.mjs';
import { MeasuredProxy, warmUpTwice } from './proxy.mjs';
import { median, tableOf } from './report.mjs';
import { startUpstream } from './tools.mjs';

/**
 * How much more two workers on two cores carry than one on one. Load and upstream need their cores as well, so each side
 * has the same of everything for each core: one worker, one of nginx's, and the same number of connections of wrk. Answers
 * `{ table, flaws }`.
 */
export async function measureWorkers(scenario, world, load, { seconds, rounds, connections }) {
  if (!load.name.startsWith('wrk')) return { table: 'Not measured: it takes wrk and nginx.', flaws: [] };
  const one = await startSide(1, scenario, world, load, connections);
  const two = await startSide(2, scenario, world, load, connections);
  await warmUpTwice([one.warmUp, two.warmUp]);
  const runs = [];
  for (let round = 1; round <= rounds; round += 1) {
    runs.push({ one: await one.measure(seconds), two: await two.measure(seconds) });
  }
  for (const { child } of [one, two]) await stop(child);
  const row = (name, side) => {
    const of = (field) => median(runs.map((run) => run[side][field]));
    const ratio = median(runs.map((run) => run[side].rate / run.one.rate));
    return [name, of('rate').toFixed(0), ratio.toFixed(2), of('cpu')?.toFixed(1) ?? '-', of('p99').toFixed(2)];
  };
  const lines = [row('1 worker, 1 core', 'one'), row('2 workers, 2 cores', 'two')];
  return {
    table: tableOf(['', 'requests/s', '× 1 worker', 'CPU µs/request', 'p99 ms'], lines),
    flaws: runs.flatMap(({ one: { flaw: first }, two: { flaw: second } }) => [first, second]).filter(Boolean),
  };
}

async function startSide(workers, scenario, world, load, connections) {
  const cores = workers === 1 ? '0' : '0,1';
  const { url: upstream } = await startUpstream(world.folder, 'nginx', { cores, workers });
  const proxy = await MeasuredProxy.start({ ...scenario, workers }, { ...world, cores, upstream });
  const run = (seconds) => (what) =>
    load.run({ ...what, first: 0, seconds, connections: workers * connections, cores, threads: workers });
  await proxy.check();
  return {
    child: proxy.child,
    warmUp: () => proxy.warmUp(run(1)),
    measure: (seconds) => proxy.measure(run(seconds)),
  };
}
