import { createHook } from 'node:async_hooks';
import { Socket } from 'node:net';
import { PerformanceObserver } from 'node:perf_hooks';
import { DISK } from '../../src/config/files.ts';
import { loadConfig } from '../../src/config/load.ts';
import { startGateway } from '../../src/server.ts';

// A gateway in a process of its own, which tells what it has done since it was last asked. For test/performance.
// Usage: node --expose-gc measured-gateway.ts CONFIG_FILE, over an IPC channel.

/** What happened between two askings. */
export interface Expense {
  /** Bytes that were allocated on the heap; garbage collections spoil it. */
  readonly allocated: number;
  readonly collections: number;
  /** Asynchronous resources that were made, by their type: PROMISE, Timeout, Immediate, TickObject … */
  readonly resources: Readonly<Record<string, number>>;
  /** Writes that were asked of sockets' handles, which try each at once: so many system calls where a socket takes all. */
  readonly writes: number;
}

const loaded = loadConfig(process.argv[2] as string, { variables: {}, ...DISK });
if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
const gateway = await startGateway(loaded.config, { log: { write: () => {} } });

let resources: Record<string, number> = {};
const hook = createHook({
  init(_id, type) {
    resources[type] = (resources[type] ?? 0) + 1;
  },
});
let writes = 0;
const prototype = Socket.prototype as unknown as { _writeGeneric(...how: unknown[]): void };
const write = prototype._writeGeneric;
prototype._writeGeneric = function (...how) {
  writes += 1;
  write.apply(this, how);
};
let collections = 0;
new PerformanceObserver((list) => {
  collections += list.getEntries().length;
}).observe({ entryTypes: ['gc'] });
let heapBefore = 0;

process.on('message', async (what) => {
  if (what === 'count resources') {
    resources = {};
    writes = 0;
    hook.enable();
  } else if (what === 'count bytes') {
    hook.disable();
    globalThis.gc?.();
    await new Promise((resolve) => setTimeout(resolve, 50)); // collections are told later
    collections = 0;
    heapBefore = process.memoryUsage().heapUsed;
  } else if (what === 'tell') {
    const allocated = process.memoryUsage().heapUsed - heapBefore;
    await new Promise((resolve) => setTimeout(resolve, 50));
    process.send?.({ allocated, collections, resources: { ...resources }, writes } satisfies Expense);
    return;
  }
  process.send?.('ready');
});
process.send?.(gateway.url);
