/**
 * The CPU time, in ms, that this process spends while `run` runs. Unlike the time by the clock it hardly grows on a machine
 * that is busy with others.
 */
export function cpuTime(run: () => void): number {
  const before = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
