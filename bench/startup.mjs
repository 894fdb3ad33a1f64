import { residentMegabytes, stop, wait } from './processes.mjs';
import { median, tableOf } from './report.mjs';
import { SUBJECTS } from './subjects.mjs';

/** How long a process takes until it can serve, and what it holds in memory while nothing is asked of it. */
export async function measureStartUp(scenarios, world, rounds) {
  const rows = new Map(scenarios.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const scenario of scenarios) rows.get(scenario.name).push(await startOnce(scenario, world));
  }
  return tableOf(
    ['process', 'listens after ms', 'ready after ms', 'idle MiB'],
    [...rows].map(([name, runs]) => [name, ...['listens', 'ready', 'idle'].map((key) => shown(runs, key))]),
  );
}

function shown(runs, key) {
  const value = median(runs.map((run) => run[key]));
  return value === undefined ? '-' : value.toFixed(0);
}

async function startOnce(scenario, world) {
  const began = performance.now();
  const { child, admin } = await SUBJECTS[scenario.subject].start(world, scenario);
  const listens = performance.now() - began;
  while (admin && !(await fetch(`${admin}/readyz`)).ok) await wait(2);
  const ready = admin && performance.now() - began;
  await wait(1000); // what was only needed at the start may go
  const idle = residentMegabytes(child);
  await stop(child);
  return { listens, ready, idle };
}
