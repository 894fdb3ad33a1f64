import { systemClock } from '../clock.ts';
import type { Config } from '../config/config.ts';
import { DISK } from '../config/files.ts';
import { type Loaded, loadConfig } from '../config/load.ts';
import { renderProblems } from '../config/render.ts';
import { thisWorker } from '../server/workers/channel.ts';
import { Team, TeamError } from '../server/workers/team.ts';
import { type GatewayOptions, type GatewayServer, startGateway } from '../server.ts';
import { FollowedConfig } from './follow.ts';
import { inheritedSocket } from './inherited-socket.ts';
import { type CommandIo, EXIT } from './io.ts';
import { type ListenError, listenFailure } from './listen-failure.ts';
import { settleMemory } from './memory.ts';
import { work } from './work.ts';
import { workerCount } from './worker-count.ts';

/**
 * `bearergate start`: runs the gateway until a signal asks it to end, along its configuration; with `workers`, at the head
 * of as many processes that carry the requests. Answers the exit code.
 */
export async function start({ file }: { readonly file: string }, io: CommandIo): Promise<number> {
  const worker = thisWorker();
  if (worker !== undefined) return work(file, worker, io);
  const followed = new FollowedConfig(file, io);
  try {
    const loaded = followed.read();
    const config = configOf(loaded, io);
    if (config) settleMemory(workerCount(config));
    const socket = inheritedSocket(io.variables, io.process?.pid);
    if (typeof socket === 'string') {
      io.stderr(`bearergate: ${socket}\n`);
      return EXIT.problems;
    }
    const gateway = config && (await openGateway(config, io, { ...teamFor(config), socket }));
    if (gateway === undefined) return EXIT.problems;
    io.stderr(`bearergate listens on ${gateway.url} (admin: ${gateway.adminUrl})\n`);
    followed.follow(gateway, loaded);
    const signal = await io.stopSignal();
    followed.close();
    await drain(gateway, signal, io);
    return EXIT.ok;
  } finally {
    followed.close();
  }
}

/** Ctrl-C on a terminal has no `drain.delay`, since no load balancer has to notice, and says what it waits for. */
async function drain(gateway: GatewayServer, signal: string, io: CommandIo): Promise<void> {
  if (signal !== 'SIGINT' || !io.interactive) return gateway.drain(signal);
  const drained = gateway.drain(signal, 0);
  const seconds = gateway.drainTimeout / 1000;
  const cancel = systemClock.after(PATIENCE, () =>
    io.stderr(`bearergate: draining for ${seconds} s; Ctrl-C again ends it now\n`),
  );
  return drained.finally(cancel);
}

/** What ends within this time, in ms, needs no explanation. */
const PATIENCE = 500;

/** The config of a file; undefined when it has errors, which stderr then tells. Warnings are told too. */
export function configFor(file: string, io: CommandIo): Config | undefined {
  return configOf(loadConfig(file, { variables: io.variables, ...DISK }), io);
}

/** The same for one that has been read. */
export function configOf(loaded: Loaded, io: CommandIo): Config | undefined {
  const problems = loaded.ok ? loaded.warnings : loaded.problems;
  if (problems.length > 0) io.stderr(renderProblems(problems, { color: io.color }));
  return loaded.ok ? loaded.config : undefined;
}

function teamFor(config: Config): GatewayOptions {
  const count = workerCount(config);
  return count === 1 ? {} : { team: (head) => new Team(count, head) };
}

/** A gateway that listens; undefined when a port can't be had, which stderr then tells; `setting` says where it is set. */
export async function openGateway(
  config: Config,
  io: CommandIo,
  options: GatewayOptions = {},
  setting?: string,
): Promise<GatewayServer | undefined> {
  try {
    const terminal = io.terminal ? { terminal: { color: io.color } } : {};
    const gateway = await startGateway(config, { ...options, ...terminal });
    io.onAbruptEnd((defect, done) => gateway.lastWords(defect, done));
    return gateway;
  } catch (error) {
    const message = error instanceof TeamError ? error.message : listenFailure(error as ListenError, setting);
    if (message === undefined) throw error;
    io.stderr(`bearergate: ${message}\n`);
    return undefined;
  }
}
