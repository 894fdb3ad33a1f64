import { lookup as systemLookup } from 'node:dns';
import { isIP, type LookupFunction, type Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import type { UpstreamTls } from '../config/config.ts';
import { spreadOver } from './addresses.ts';
import { buildConnector } from './undici.ts';

/** How a connection to one target is secured, in the terms of node:tls. */
export interface TlsOptions extends Pick<ConnectionOptions, 'ca' | 'cert' | 'key'> {
  /** Empty where the target has an address for a host, and no name. */
  readonly servername: string;
  readonly rejectUnauthorized: true;
}

/**
 * How an https target is verified, and what is shown to it; undefined for one that is spoken to in the clear. Said
 * outright, so that NODE_TLS_REJECT_UNAUTHORIZED=0 in the environment changes nothing.
 */
export function tlsOptions(url: string, { ca, cert, key, serverName }: UpstreamTls): TlsOptions | undefined {
  const { protocol, hostname } = new URL(url);
  if (protocol !== 'https:') return undefined;
  // RFC 6066 §3 knows no addresses as a server's name: node then verifies the certificate by the address itself. Left
  // out instead of empty, node:https would take the Host of the request.
  const servername = serverName ?? (isIP(withoutBrackets(hostname)) === 0 ? hostname : '');
  return {
    servername,
    rejectUnauthorized: true,
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
  };
}

/** A host as it stands in a URL, as the network knows it: RFC 3986 §3.2.2 puts IPv6 addresses in brackets. */
export function withoutBrackets(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '');
}

/** How the addresses of one endpoint's name are found: in turn, and anew for each connection. */
export function createLookup(lookup: LookupFunction = systemLookup as LookupFunction): LookupFunction {
  return spreadOver(lookup);
}

/** Opens connections for undici. `timeout` in ms, until the connection can be used: TLS counts in. */
export function createConnector(
  timeout: number,
  tls: TlsOptions | undefined,
  lookup = createLookup(),
): buildConnector.connector {
  const connect = buildConnector({ timeout, allowH2: false, lookup, ...tls });
  const servername = tls?.servername ?? '';
  return (options, done) =>
    // undici would have the name from the request, which may be the client's Host.
    connect({ ...options, servername }, (...[error, socket]: [Error, null] | [null, Socket]) => {
      if (error) failedToConnect.add(error);
      if (socket) adapt(socket);
      done(...([error, socket] as [null, Socket]));
    });
}

function adapt(socket: Socket): void {
  socket.prependListener('error', sayBroken);
  // undici has idle connections keep no process alive, twice for each request. Ours ends when it has closed them.
  socket.ref = () => socket;
  socket.unref = () => socket;
  keepEndBack(socket);
}

const failedToConnect = new WeakSet<Error>();

/** Whether an error kept a connection from being made, so that nothing of a request has been sent. */
export function isConnectFailure(error: Error): boolean {
  return failedToConnect.has(error);
}

/**
 * undici takes ECONNRESET for the end of an answer that lasts until the close, which would make a cut one look whole.
 * Under another code it is an error like any other.
 */
function sayBroken(error: NodeJS.ErrnoException): void {
  if (error.code === 'ECONNRESET') error.code = 'UND_ERR_SOCKET';
}

/**
 * undici asserts that no end comes while it is paused for a slow client, and an assertion in an event ends the process.
 * So the end is kept back until undici has asked for more and found nothing.
 */
function keepEndBack(socket: Socket): void {
  /** undici has asked for more and found nothing, and nothing has come since. */
  let isWaiting = true;
  let hasEnded = false;
  const read = socket.read.bind(socket);
  const push = socket.push.bind(socket);
  socket.push = (chunk: unknown, encoding?: BufferEncoding): boolean => {
    if (chunk === null && !isWaiting) {
      hasEnded = true;
      return false;
    }
    isWaiting = false;
    return push(chunk, encoding);
  };
  socket.read = (size?: number): unknown => {
    // Node itself reads 0 bytes, to say that it wants some.
    if (size !== undefined) return read(size);
    // undici asks four times for each request; what it has found is still so.
    if (isWaiting) return null;
    const chunk: unknown = read();
    isWaiting = chunk === null;
    if (isWaiting && hasEnded) {
      hasEnded = false;
      queueMicrotask(end);
    }
    return chunk;
  };
  const end = () => {
    push(null);
    read(0);
  };
}
