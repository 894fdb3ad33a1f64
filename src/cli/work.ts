import type { Loaded } from '../config/load.ts';
import type { ThisWorker } from '../server/workers/channel.ts';
import { Head } from '../server/workers/head.ts';
import { type GatewayServer, startGateway } from '../server.ts';
import { FollowedConfig } from './follow.ts';
import { inheritedSocket } from './inherited-socket.ts';
import { type CommandIo, EXIT } from './io.ts';
import { type ListenError, listenFailure } from './listen-failure.ts';
import { settleMemory } from './memory.ts';
import { workerCount } from './worker-count.ts';

/**
 * What `bearergate start` does in a process that carries requests for the one at the head, along the same configuration.
 * Answers the exit code.
 */
export async function work(file: string, worker: ThisWorker, io: CommandIo): Promise<number> {
  // A terminal or a service manager may tell every process of a signal. The head decides what comes of it; a second one
  // still ends this process at once.
  void io.stopSignal(); // never rejects
  const head = new Head(worker);
  const followed = new FollowedConfig(file, io);
  const loaded = followed.read();
  try {
    const gateway = await open(loaded, worker, head, io);
    if (gateway === undefined) return EXIT.problems;
    followed.follow(gateway, loaded);
    const signal = await Promise.race([head.drains, worker.isAlone]);
    followed.close();
    await gateway.drain(signal);
    return EXIT.ok;
  } finally {
    followed.close();
    worker.leave();
  }
}

/** A gateway that listens; undefined where it can't, which the head then tells. */
async function open(loaded: Loaded, worker: ThisWorker, head: Head, io: CommandIo): Promise<GatewayServer | undefined> {
  if (!loaded.ok) {
    head.failed('the configuration has changed while it was read, and has mistakes now');
    return undefined;
  }
  settleMemory(workerCount(loaded.config));
  // The head is the one that it was passed to, and listens for its workers.
  const socket = inheritedSocket(io.variables, io.process?.ppid);
  try {
    if (typeof socket === 'string') throw new Error(socket);
    const terminal = io.terminal ? { terminal: { color: io.color } } : {};
    const gateway = await startGateway(loaded.config, {
      ...{ ask: head.ask, worker: worker.number, socket, ...terminal },
      onLimits: (limits) => head.limitsReached(limits),
    });
    io.onAbruptEnd((defect, done) => {
      void head.lastReport().then(() => gateway.lastWords(defect, done)); // never rejects
    });
    head.listening(gateway.url, gateway);
    return gateway;
  } catch (error) {
    head.failed(listenFailure(error as ListenError) ?? `a worker could not start: ${(error as Error).stack}`);
    return undefined;
  }
}
