import { availableParallelism } from 'node:os';
import type { Config } from '../config/config.ts';

/** How many processes carry requests; `auto` is one for each core. */
export function workerCount({ workers }: Config): number {
  return workers === 'auto' ? availableParallelism() : workers;
}
