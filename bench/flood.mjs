import { stop } from './processes.mjs';
import { MeasuredProxy, warmUpTwice } from './proxy.mjs';
import { median, shown, tableOf } from './report.mjs';

/**
 * What a flood of forged tokens costs the good ones beside it, in one and the same process: code that has seen both is
 * slower than code that has seen one. `run` makes a load of so many seconds. Answers `{ table, flaws }`.
 */
export async function measureFlood(loads, world, run, { seconds, rounds, starts }) {
  const runs = [];
  for (let start = 1; start <= starts; start += 1) {
    const first = await MeasuredProxy.start(loads.good, world);
    const sides = Object.entries(loads).map(([key, scenario]) => [key, first.under(scenario)]);
    for (const [, side] of sides) await side.check();
    await warmUpTwice(
      sides.map(
        ([, side]) =>
          () =>
            side.warmUp(run(1)),
      ),
    );
    for (let round = 1; round <= rounds; round += 1) {
      const figures = {};
      for (const [key, side] of sides) figures[key] = await side.measure(run(seconds));
      runs.push(figures);
    }
    await stop(first.child);
  }
  const row = (key) => {
    const of = (field) => median(runs.map((figures) => figures[key][field]));
    const ratio = median(runs.map((figures) => figures[key].cpu && figures[key].cpu / meanOf(figures)));
    return [loads[key].name, shown(of('cpu'), 1), shown(ratio, 2), of('rate').toFixed(0), shown(of('p99'), 2)];
  };
  return {
    table: tableOf(
      ['', 'CPU µs/request', '× mean of good and forged', 'requests/s', 'p99 ms'],
      Object.keys(loads).map(row),
    ),
    flaws: runs.flatMap((figures) => Object.values(figures).map(({ flaw }) => flaw)).filter(Boolean),
  };
}

function meanOf({ good, forged }) {
  return (good.cpu + forged.cpu) / 2;
}
