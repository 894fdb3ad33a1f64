import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { env, versions } from 'node:process';
import type { Duplex } from 'node:stream';
import { DISK } from '../config/files.ts';
import { type Loaded, loadConfig } from '../config/load.ts';
import { closeGently } from '../request/linger.ts';
import { namesWebSocket } from '../request/upgrade.ts';
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
    upgrade: (request, socket, head) => upgrade(gateway, request, socket, head),
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
  const given = (source ?? {}) as Partial<Record<'configFile' | 'config', unknown>>;
  if ((given.configFile === undefined) === (given.config === undefined))
    throw new TypeError("createGateway needs either { configFile: './gateway.yaml' } or { config: { … } }");
  return 'configFile' in source && source.configFile !== undefined
    ? loadConfig(source.configFile, { ...DISK, variables: env })
    : loadObject((source as { config: object }).config, 'config', env);
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

/**
 * From 26 on node reads the body of a request to upgrade, and hands over a stand-in for the connection as long as that is on its
 * way. A request for another protocol than WebSocket continues in HTTP/1.1 with this body (RFC 9110 §7.8), as the last one on its
 * connection. Older versions leave the body unread.
 */
function upgrade(gateway: GatewayServer, request: IncomingMessage, socket: Duplex, head: Buffer): void {
  const isRead = socket !== request.socket || request.readableLength > 0 || (READS_BODIES && hasBody(request));
  if (!isRead || namesWebSocket(request.headers.upgrade ?? '')) {
    gateway.upgrade(request, socket as Socket, head);
    return;
  }
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  try {
    response.assignSocket(request.socket);
  } catch {
    request.socket.destroy(); // a client that pipelines: the answer before this one is not over
    return;
  }
  response.once('finish', () => closeGently(request.socket));
  gateway.serve(request, response);
}

/** A chunked body of nothing looks the same, read or unread. */
const READS_BODIES = Number.parseInt(versions.node, 10) >= 26;
