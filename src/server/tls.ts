import { Server as HttpServer, type ServerOptions } from 'node:http';
import type { Socket } from 'node:net';
import { type SecureContextOptions, TLSSocket } from 'node:tls';
import { isDeepStrictEqual } from 'node:util';
import type { Config, ListenTls } from '../config/config.ts';
import { SecureServer } from './http2/secure-server.ts';
import type { StallWatch } from './stalled.ts';

/** A server that listens for HTTPS where there are settings for it, else for HTTP. */
export function createHttpServer(
  { tls, limits }: Config['listen'],
  options: ServerOptions,
  watch?: StallWatch,
): HttpServer {
  if (!tls) return new HttpServer(options);
  const asksClients = tls.clientCa !== undefined;
  const settings = {
    ...options,
    ...contextOf(tls),
    requestCert: asksClients,
    rejectUnauthorized: true,
    // Node's own two minutes would let a client hold a connection for long without having said anything.
    handshakeTimeout: limits.headersTimeout,
  };
  const server = new SecureServer(settings, undefined, watch);
  // Node takes a failed handshake for a client error, which is answered: but nobody is there to read HTTP.
  server.removeAllListeners('tlsClientError');
  inForce.set(server, tls);
  return server;
}

/** What each server uses. */
const inForce = new WeakMap<HttpServer, ListenTls>();

/**
 * Has a server that listens for HTTPS use these settings from the next handshake on; connections that are there stay. Two
 * things can't be changed while it listens, and stay as they were: whether it is HTTPS, and whether clients have to show a
 * certificate. Throws what OpenSSL throws, and then goes on with what it has.
 */
export function renewTls(server: HttpServer, tls: ListenTls | undefined): void {
  const before = inForce.get(server);
  if (!(server instanceof SecureServer) || !tls || !before) return;
  // Without authorities of its own, the certificate of any public one would do.
  const clientCa = before.clientCa === undefined ? undefined : (tls.clientCa ?? before.clientCa);
  const wanted = { ...tls, clientCa };
  if (isDeepStrictEqual(wanted, before)) return;
  server.setSecureContext(contextOf(wanted));
  inForce.set(server, wanted);
}

function contextOf({ cert, key, clientCa, minVersion }: ListenTls): SecureContextOptions {
  return { cert, key, minVersion, ...(clientCa !== undefined && { ca: clientCa }) };
}

/** Has clients know that the server is about to close, where nothing that they get next would tell them. */
export function announceClose(server: HttpServer): void {
  if (server instanceof SecureServer) server.announceClose();
}

/** What OpenSSL says where it recognises a request in place of a handshake; before 3.5 (Node 20) not of every method. */
const PLAIN_HTTP: ReadonlySet<string | undefined> = new Set(['ERR_SSL_HTTP_REQUEST', 'ERR_SSL_HTTPS_PROXY_REQUEST']);

/** The bare connection of a client whose handshake failed because it sent a request in plain HTTP. */
export function plainHttpOf(error: NodeJS.ErrnoException, socket: Socket): Socket | undefined {
  if (!PLAIN_HTTP.has(error.code)) return undefined;
  // node has no public way to it, and none that takes back what TLS was put around.
  const { _parent: plain } = socket as { _parent?: Socket | null };
  if (!plain || plain.destroyed) return undefined;
  plain.on('error', () => {}); // nothing more can be said to it, and `close` follows
  return plain;
}

/** Whether a server listens for HTTPS. */
export function isSecure(server: object): boolean {
  return server instanceof SecureServer;
}

/** The event at which a server takes a new connection to read HTTP from it. */
export function connectionEvent(server: HttpServer): 'connection' | 'secureConnection' {
  return isSecure(server) ? 'secureConnection' : 'connection';
}

/** The subject of the certificate that a client has shown, as RFC 4514 writes it; undefined where there is none. */
export function subjectOf(socket: Socket): string | undefined {
  const certificate = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined;
  if (!certificate || !(socket as TLSSocket).authorized) return undefined;
  // One part a line, the widest first. What separates parts is escaped within them.
  const parts = (certificate.subject ?? '').split('\n').reverse();
  return parts.map((part) => part.replaceAll(' + ', '+')).join(',') || undefined;
}
