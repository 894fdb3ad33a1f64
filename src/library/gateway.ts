import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { env } from 'node:process';
import type { Duplex } from 'node:stream';
import { DISK } from '../config/files.ts';
import { type Loaded, loadConfig } from '../config/load.ts';
import { GatewayServer } from '../server.ts';
import type { Gateway, GatewaySource } from './api.ts';
import { configError, configOf, loadObject } from './options.ts';

/**
 * Makes a gateway that opens no port, not even the admin port: it takes requests from a server of the caller's. The log goes where
 * that of `bearergate start` goes, to stdout; `log.level` changes how much. Rejects with ConfigError if the configuration has
 * mistakes.
 */
export async function createGateway(source: GatewaySource): Promise<Gateway> {
  let current = source;
  const gateway = new GatewayServer(configOf(load(current)), {});
  gateway.begin();
  return {
    handle: (request, response) => handle(gateway, request, response),
    upgrade: (request, socket: Duplex, head) => gateway.upgrade(request, socket as Socket, head),
    async reload(next = current) {
      const loaded = load(next);
      if (!(await gateway.reload(loaded)))
        throw loaded.ok ? new Error('the gateway is closed') : configError(loaded.problems);
      current = next;
    },
    close: () => gateway.end(),
  };
}

function load(source: GatewaySource): Loaded {
  return 'configFile' in source
    ? loadConfig(source.configFile, { ...DISK, variables: env })
    : loadObject(source.config, 'config', env);
}

/** node's servers keep this many header fields and drop the rest, while their parser obeys them. */
const MAX_FIELDS = 2000;

function handle(gateway: GatewayServer, request: IncomingMessage, response: ServerResponse): void {
  if (request.readableDidRead && hasBody(request)) {
    throw new Error(
      'something read the body of this request before the gateway did: put the gateway before body parsers',
    );
  }
  if (request.rawHeaders.length >= 2 * MAX_FIELDS) {
    response.writeHead(431, { Connection: 'close', 'Content-Length': 0 }).end();
    return;
  }
  gateway.serve(request, response);
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}
