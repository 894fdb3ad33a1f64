import { stop } from './processes.mjs';
import { MeasuredProxy, warmUpTwice } from './proxy.mjs';
import { median, shown, tableOf } from './report.mjs';
import { HALF_LOAD } from './scenarios.mjs';

/** Connections that send nothing but forged tokens, as fast as they are answered. */
const FLOOD = 512;

/**
 * What a flood of forged tokens costs the good ones beside it, in one and the same process, since code that has seen both
 * is slower than code that has seen one. `run` makes a load of so many seconds. Answers `{ tables, flaws }`: the CPU time of
 * a request, and how good clients fare beside many that forge.
 */
export async function measureFlood(loads, world, run, { seconds, rounds, starts }) {
  const costs = [];
  const fates = [];
  for (let start = 1; start <= starts; start += 1) {
    const first = await MeasuredProxy.start(loads.good, world);
    const sides = Object.entries(loads).map(([key, scenario]) => [key, first.under(scenario)]);
    for (const [, side] of sides) await side.check();
    const warmUp = (side) => () => side.warmUp(run(1));
    await warmUpTwice(sides.map(([, side]) => warmUp(side)));
    const calm = { ...loads.good, ...HALF_LOAD };
    for (let round = 1; round <= rounds; round += 1) {
      const figures = {};
      for (const [key, side] of sides) figures[key] = await side.measure(run(seconds));
      costs.push(figures);
      const alone = await first.under(calm).measure(run(seconds));
      fates.push({ alone, ...(await beside(first, calm, { ...loads.forged, connections: FLOOD }, run(seconds))) });
    }
    await stop(first.child);
  }
  const flaws = costs.flatMap((figures) => Object.values(figures).map(({ flaw }) => flaw));
  return {
    tables: [costTable(costs, loads), fateTable(fates)],
    flaws: [...flaws, ...fates.map(({ alone }) => alone.flaw)].filter(Boolean),
  };
}

/** Both loads at once. What the gateway counted meanwhile is of both, so no flaw can be told from it. */
async function beside(proxy, good, forged, load) {
  const [flooded, flood] = await Promise.all([good, forged].map((scenario) => proxy.under(scenario).measure(load)));
  return { flooded, flood };
}

function costTable(runs, loads) {
  const row = (key) => {
    const of = (field) => median(runs.map((figures) => figures[key][field]));
    const ratio = median(runs.map((figures) => figures[key].cpu && figures[key].cpu / meanOf(figures)));
    return [loads[key].name, shown(of('cpu'), 1), shown(ratio, 2), of('rate').toFixed(0), shown(of('p99'), 2)];
  };
  const columns = ['', 'CPU µs/request', '× mean of good and forged', 'requests/s', 'p99 ms'];
  return tableOf(columns, Object.keys(loads).map(row));
}

function fateTable(runs) {
  const row = (name, key) => {
    const of = (field) => median(runs.map((figures) => figures[key][field]));
    return [name, of('rate').toFixed(0), shown(of('p50'), 2), shown(of('p99'), 2)];
  };
  return tableOf(
    ['', 'requests/s', 'p50 ms', 'p99 ms'],
    [
      row('good, with pauses', 'alone'),
      row(`the same beside ${FLOOD} that forge`, 'flooded'),
      row(`the ${FLOOD} that forge`, 'flood'),
    ],
  );
}

function meanOf({ good, forged }) {
  return (good.cpu + forged.cpu) / 2;
}
