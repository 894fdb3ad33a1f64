import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Config } from '../config/config.ts';
import type { Fault } from '../errors/fault.ts';
import type { Log } from '../observe/log.ts';
import { LeanRequest } from '../request/incoming.ts';
import { keepIdleTimers } from './idle-timer.ts';
import { parserFault } from './parser-fault.ts';
import type { Requests } from './requests.ts';
import type { StalledClients } from './stalled.ts';
import { createHttpServer, plainHttpOf } from './tls.ts';
import { watchConnections } from './watched-connections.ts';

/** Creates the server for clients, with its limits. It does not listen yet. */
export function createPublicServer(
  listen: Config['listen'],
  requests: Requests,
  log: Log,
  stalled: StalledClients,
): Server {
  const options = {
    maxHeaderSize: listen.limits.headers,
    connectionsCheckingInterval: 1000,
    // The gateway checks Host itself, and reports what is wrong with it.
    requireHostHeader: false,
    noDelay: true,
    IncomingMessage: LeanRequest,
    // A request without a body needs no `end` event. Ignored before Node 24.12.
    ...{ optimizeEmptyRequests: true },
  };
  const server = createHttpServer(listen, options, stalled);
  setLimits(server, listen.limits);
  // A client may end its side behind its last request (half-close.ts). Node reads this property, but its types lack it.
  Object.assign(server, { httpAllowHalfOpen: true });
  // Node ignores the fields behind the 2000th, while its parser obeys them; the size is bounded anyway.
  server.maxHeadersCount = 0;
  keepIdleTimers(server, (answer) => requests.leftUnread(answer));
  watchConnections(server, stalled, (socket) => requests.stalled(socket));
  server.on('stalled', (lane) => requests.stalled(lane));
  takeRequests(server, requests);
  refuseBroken(server, requests, log);
  return server;
}

/** Sets the limits that can be changed while the server listens: all but `headers`, which its parser is created with. */
export function setLimits(server: Server, limits: Config['listen']['limits']): void {
  server.headersTimeout = limits.headersTimeout;
  server.requestTimeout = limits.requestTimeout;
  server.keepAliveTimeout = limits.keepAlive;
}

function takeRequests(server: Server, requests: Requests): void {
  requests.turns.watch(server);
  for (const event of ['request', 'checkContinue', 'checkExpectation']) {
    server.on(event, (request, response) => requests.serve(request, response));
  }
  server.on('upgrade', (request, socket, early) => requests.upgrade(request, socket as Socket, early));
  server.on('connect', (request, socket, early) => refuseConnect(requests, request, socket as Socket, early));
}

function refuseConnect(requests: Requests, request: IncomingMessage, socket: Socket, early: Buffer): void {
  if (requests.turns.take(request, socket, early)) return;
  // Node has removed its own listener: without another, a reset is an unhandled error, which ends the process.
  socket.on('error', () => socket.destroy());
  // Nor does node notice that a client leaves whose earlier request still waits.
  socket.on('end', () => socket.writableEnded || socket.destroy());
  requests.refuseOn(socket, CONNECT);
}

/** Refuses what never becomes a request: failed handshakes, floods of HTTP/2, and what the parser does not accept. */
function refuseBroken(server: Server, requests: Requests, log: Log): void {
  server.on('tlsClientError', (error, socket: Socket) => {
    const plain = plainHttpOf(error, socket);
    if (plain) return requests.refuseOn(plain, PLAIN_HTTP);
    log.handshakeFailed(socket.remoteAddress, error);
    socket.destroy();
  });
  server.on('flood', (client: string | undefined) => log.flooded(client));
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'ECONNRESET' || error.code === 'EPIPE') socket.destroy();
    else requests.refuseOn(socket as Socket, parserFault(error));
  });
}

const CONNECT: Fault = { code: 'route.method', allow: ['GET', 'HEAD'], close: true };

const PLAIN_HTTP: Fault = {
  code: 'request.invalid',
  detail: 'This port speaks HTTPS, and the request came in plain HTTP.',
  fix: 'Send the request to the same address with https:// in place of http://.',
  close: true,
};
