import type { Config } from '../config/config.ts';
import { DISK } from '../config/files.ts';
import { type Loaded, loadConfig } from '../config/load.ts';
import { renderProblems } from '../config/render.ts';
import { type GatewayServer, startGateway } from '../server.ts';
import { FollowedConfig } from './follow.ts';
import { type CommandIo, EXIT } from './io.ts';

/** `bearergate start`: runs the gateway until a signal asks it to end, along its configuration. Answers the exit code. */
export async function start({ file }: { readonly file: string }, io: CommandIo): Promise<number> {
  const followed = new FollowedConfig(file, io);
  try {
    const loaded = followed.read();
    const config = configOf(loaded, io);
    const gateway = config && (await openGateway(config, io));
    if (gateway === undefined) return EXIT.problems;
    io.stderr(`bearergate listens on ${gateway.url} (admin: ${gateway.adminUrl})\n`);
    followed.follow(gateway, loaded);
    const signal = await io.stopSignal();
    followed.close();
    await gateway.drain(signal);
    return EXIT.ok;
  } finally {
    followed.close();
  }
}

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

/** A gateway that listens; undefined when a port can't be had, which stderr then tells. */
export async function openGateway(config: Config, io: CommandIo): Promise<GatewayServer | undefined> {
  try {
    return await startGateway(config);
  } catch (error) {
    const message = listenFailure(error as ListenError);
    if (message === undefined) throw error;
    io.stderr(`bearergate: ${message}\n`);
    return undefined;
  }
}

/** What keeps a server from listening, in one line; undefined for an error of another kind. */
export function listenFailure(error: ListenError): string | undefined {
  if (error.syscall !== 'listen' && error.syscall !== 'getaddrinfo') return undefined;
  const where = error.port === undefined ? String(error.hostname) : `${error.address}:${error.port}`;
  switch (error.code) {
    case 'EADDRINUSE':
      return `cannot listen on ${where}: the port is in use. Set another one in listen.port or admin.port, or stop what uses it.`;
    case 'EACCES':
      return `cannot listen on ${where}: not permitted. Ports below 1024 need privileges.`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `cannot listen on ${where}: this machine does not have that address.`;
    default:
      return `cannot listen on ${where}: ${error.code}.`;
  }
}

/** What node tells of a failed listen: an address and port, or the name that could not be looked up. */
export type ListenError = NodeJS.ErrnoException & { address?: string; port?: number; hostname?: string };
