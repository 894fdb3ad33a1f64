import cluster from 'node:cluster';
import type { Channel, FromWorker, ToWorker } from './messages.ts';

/** This process, where it carries requests for another one. */
export interface ThisWorker extends Channel<ToWorker, FromWorker> {
  /** From 1. */
  readonly number: number;
  /** Resolves when the process at the head has gone, with what the log says in place of a signal. */
  readonly isAlone: Promise<string>;
  /** Lets the process end: what joins it with the head would keep it. */
  leave(): void;
}

/** Undefined in a process that nobody has started for this. */
export function thisWorker(): ThisWorker | undefined {
  const { worker } = cluster;
  if (!cluster.isWorker || worker === undefined) return undefined;
  return {
    number: worker.id,
    isAlone: new Promise((resolve) => worker.once('disconnect', () => resolve('the head has gone'))),
    send: (message, sent = () => {}) => {
      // With a listener, node reports a head that has gone to it alone; the end of the connection ends this process anyway.
      if (worker.isConnected()) worker.send(message, sent);
      else sent();
    },
    onMessage: (listener) => void worker.on('message', listener),
    leave: () => {
      if (worker.isConnected()) worker.disconnect();
    },
  };
}
