import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/** Which core a process may use: the one that is measured has core 0 to itself; upstream and load share core 1. */
export const CORE = { measured: 0, rest: 1 };

/** What a command says, on stdout and stderr (some tell their version there); undefined where it can't be run. */
export function outputOf(command, args) {
  const { error, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  return error ? undefined : stdout + stderr;
}

const canPin = availableParallelism() > 1 && outputOf('taskset', ['--version']) !== undefined;
const ticksPerSecond = Number(outputOf('getconf', ['CLK_TCK']) ?? 100);

export const pinning = canPin
  ? 'the measured process alone on core 0; upstream and load on core 1 (taskset)'
  : 'none: no taskset, or a single core';

const running = new Set();
// Whatever ends the script, nothing that it started outlives it. Not SIGKILL: nginx would leave its worker behind.
process.on('exit', () => {
  for (const child of running) child.kill('SIGTERM');
});

/** Starts a process on a core, or on several with commas between. taskset becomes the command itself (exec), so that the pid is that of the command. */
export function start(core, command, args, options = {}) {
  const [file, ...rest] = canPin ? ['taskset', '-c', String(core), command, ...args] : [command, ...args];
  const child = spawn(file, rest, { stdio: ['ignore', 'ignore', 'pipe'], ...options });
  running.add(child);
  child.ended = new Promise((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('exit', (code, signal) => resolve(signal ?? code));
  });
  child.ended.then(() => running.delete(child));
  child.lastWords = '';
  child.stderr?.setEncoding('utf8').on('data', (text) => {
    // Kept short: a server that complains all the time must not fill our memory.
    child.lastWords = (child.lastWords + text).slice(-2000);
  });
  return child;
}

/** How a process ended, with what it said last; undefined while it runs. */
export function endingOf(child) {
  if (running.has(child)) return undefined;
  return `ended by itself (${child.signalCode ?? child.exitCode}): ${child.lastWords.trim()}`;
}

/** Starts a server and waits until it tells on stderr what `pattern` looks for. Throws with what it said instead. */
export async function startServer(core, command, args, { pattern, env }) {
  const child = start(core, command, args, { env: { ...process.env, ...env } });
  const told = new Promise((resolve) => {
    child.stderr.on('data', () => {
      const said = pattern.exec(child.lastWords);
      if (said) resolve({ child, said });
    });
  });
  const ended = await Promise.race([told, child.ended, wait(10_000)]);
  if (ended?.said) return ended;
  await stop(child);
  const words = child.lastWords.trim() || ended || 'it said nothing for 10 s';
  throw new Error(`${command} ${args[0] ?? ''} did not start: ${words}`);
}

/** Starts a server that says nothing when it is ready: it is asked until it takes a connection. */
export async function startListening(core, command, args, port) {
  const child = start(core, command, args);
  const origin = `http://127.0.0.1:${port}`;
  for (let tries = 0; tries < 100 && running.has(child); tries += 1) {
    if (
      await fetch(origin).then(
        () => true,
        () => false,
      )
    )
      return { child, origin };
    await wait(50);
  }
  await stop(child);
  throw new Error(`${command} did not start: ${child.lastWords.trim()}`);
}

/** Ends one process, by its own pid: gently, then not. */
export async function stop(child) {
  if (!running.has(child)) return;
  child.kill('SIGTERM');
  await Promise.race([child.ended, wait(8000)]);
  child.kill('SIGKILL');
  await child.ended;
}

/** Ends everything that still runs. */
export async function stopAll() {
  await Promise.all([...running].map(stop));
}

/** The stdout of a command that ends by itself within `seconds`. Throws when it fails or does not end. */
export async function run(core, command, args, seconds) {
  const child = start(core, command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text;
  });
  const code = await Promise.race([child.ended, wait(seconds * 1000, 'it did not end')]);
  await stop(child);
  if (code !== 0) throw new Error(`${command} failed (${code}): ${child.lastWords.trim() || stdout.trim()}`);
  return stdout;
}

/** Seconds of CPU that a process used so far, with its children, all threads and the kernel on their behalf; undefined without /proc. */
export function cpuSeconds({ pid }) {
  const each = familyOf(pid).map(ownCpuSeconds);
  return each.includes(undefined) ? undefined : each.reduce((sum, one) => sum + one, 0);
}

function familyOf(pid) {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    return [pid, ...(children === '' ? [] : children.split(' ').map(Number))];
  } catch {
    return [pid];
  }
}

function ownCpuSeconds(pid) {
  let stat;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  // proc(5): the second field is the command's name in brackets and may hold blanks, so fields are counted behind it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [utime, stime] = [Number(fields[11]), Number(fields[12])];
  return (utime + stime) / ticksPerSecond;
}

/** Memory of a process and its children that stands in RAM, in MiB; undefined without /proc. */
export function residentMegabytes({ pid }) {
  try {
    const each = familyOf(pid).map(
      (one) => /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${one}/status`, 'utf8'))?.[1],
    );
    return each.reduce((sum, kilobytes) => sum + Number(kilobytes), 0) / 1024;
  } catch {
    return undefined;
  }
}

/** Resolves to `value` after some time. The timer keeps nothing alive. */
export function wait(milliseconds, value) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds, value).unref());
}
