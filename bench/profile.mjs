import { readFileSync } from 'node:fs';

/**
 * The functions in which a CPU profile (`--cpu-prof`) spent its time, most first, as Markdown lines: the share of the
 * time in which the process was not idle, without what they called.
 */
export function topFunctions(file, count) {
  const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(file, 'utf8'));
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
  const times = new Map();
  for (const [at, sample] of samples.entries()) {
    const name = frames.get(sample);
    times.set(name, (times.get(name) ?? 0) + timeDeltas[at]);
  }
  for (const asleep of ['(idle)', '(root)']) times.delete(asleep);
  const all = [...times.values()].reduce((sum, time) => sum + time, 0);
  return [...times]
    .sort(([, a], [, b]) => b - a)
    .slice(0, count)
    .map(([name, time]) => `${((time / all) * 100).toFixed(1).padStart(5)} %  ${name}`);
}

function nameOf({ functionName, url, lineNumber }) {
  const name = functionName || '(anonymous)';
  const place = url.replace(/^file:\/\//, '').replace(/^.*\/(?=node_modules\/|dist\/)/, '');
  return url ? `${name} ${place}:${lineNumber + 1}` : name;
}
