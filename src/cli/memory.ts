import { availableParallelism } from 'node:os';
import { versions } from 'node:process';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** How long, in ms, there has to be little to do until V8 gives back memory. */
const LULL = 10 * 60_000;

/**
 * Has the memory of a process that serves nobody yet fit what comes: what reading a configuration took is given back now,
 * and what serving takes is kept through a lull, where V8 can be told so. `workers` is how many processes carry requests.
 */
export function settleMemory(workers: number): void {
  keepThroughLulls(); // first: the collection sets the clock for the next one
  if (workers >= availableParallelism()) collectAlone();
  countBuffersIn();
  giveBack();
}

/**
 * By itself V8 looks through its whole heap whenever 64 MiB of buffers have come since the last time, which large answers
 * bring several times a second. Versions before that of Node 24 can't be told to count them as a part of the heap.
 */
function countBuffersIn(): void {
  if (isFrom(13, 6)) setFlagsFromString('--external-memory-accounted-in-global-limit');
}

/** Where each core has a process that carries requests, threads that help to collect take their time from one of those. */
function collectAlone(): void {
  setFlagsFromString('--no-parallel-scavenge');
}

/**
 * By itself V8 gives back what it can when there has been little to do for 8 s, and with that the machine code for whatever
 * no request is using just then, which is nearly all: the next 100,000 requests cost up to twice the CPU. Versions before
 * that of Node 26 can't be told otherwise while they run.
 */
function keepThroughLulls(): void {
  if (isFrom(14, 6)) setFlagsFromString(`--memory-reducer-delay-ms=${LULL}`);
}

/** V8 keeps the room of what is garbage by now, some 7 MiB, for as long as there is little to do. Takes some 40 ms. */
function giveBack(): void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as ((options: object) => void) | undefined;
  collect?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}

/** Whether this is that version of V8 or a later one. */
function isFrom(major: number, minor: number): boolean {
  const [ofMajor = 0, ofMinor = 0] = versions.v8.split('.').map(Number);
  return ofMajor > major || (ofMajor === major && ofMinor >= minor);
}
