import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type ClientOptions, WebSocket, WebSocketServer } from 'ws';
import type { CertificatePair } from './certificates.ts';
import type { WireHeader } from './http-bytes.ts';
import { listenOnLoopback } from './listen.ts';

/** A service that sends back every message as it came, with the subprotocol it is told to choose. */
export interface EchoService {
  readonly url: string;
  /** The handshakes that it saw. */
  readonly handshakes: readonly IncomingMessage[];
  /** The connections that it has now. */
  readonly clients: ReadonlySet<WebSocket>;
  close(): Promise<void>;
}

/** Starts one. `choose` picks among what the client offers; by default none. With a certificate it talks TLS. */
export async function startEcho(
  choose: (offered: Set<string>) => string | false = () => false,
  certificate?: CertificatePair,
): Promise<EchoService> {
  const http = certificate ? createHttpsServer(certificate) : createServer();
  http.on('tlsClientError', () => {}); // a client that does not trust it
  const server = new WebSocketServer({ server: http, handleProtocols: choose, perMessageDeflate: true });
  const handshakes: IncomingMessage[] = [];
  server.on('connection', (socket, request) => {
    handshakes.push(request);
    socket.on('error', () => {}); // a connection that a test cuts
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
  });
  const { port } = await listenOnLoopback(http);
  return {
    url: `${certificate ? 'https' : 'http'}://127.0.0.1:${port}`,
    handshakes,
    clients: server.clients,
    close: () =>
      new Promise((resolve) => {
        for (const client of server.clients) client.terminate();
        server.close(() => http.close(() => resolve()));
      }),
  };
}

/** What became of a WebSocket that was opened. */
export interface Closing {
  readonly code: number;
  readonly reason: string;
}

/** A WebSocket of a real client, with everything it received. */
export interface Opened {
  readonly socket: WebSocket;
  /** Waits for the next message that nobody has waited for yet. */
  next(): Promise<{ readonly data: Buffer; readonly isBinary: boolean }>;
  readonly closed: Promise<Closing>;
}

/** Opens one with the `ws` package. Rejects when it is refused. */
export async function openWebSocket(
  url: string,
  protocols: string[] = [],
  options: ClientOptions = {},
): Promise<Opened> {
  const socket = new WebSocket(url.replace(/^http/, 'ws'), protocols, options);
  const messages: { data: Buffer; isBinary: boolean }[] = [];
  const waiting: ((message: { data: Buffer; isBinary: boolean }) => void)[] = [];
  socket.on('message', (data, isBinary) => {
    const message = { data: data as Buffer, isBinary };
    const next = waiting.shift();
    if (next) next(message);
    else messages.push(message);
  });
  const closed = new Promise<Closing>((resolve) => {
    socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }));
  });
  await once(socket, 'open');
  socket.on('error', () => {}); // told by `closed`
  return {
    socket,
    closed,
    next: () =>
      new Promise((resolve) => {
        const message = messages.shift();
        if (message) resolve(message);
        else waiting.push(resolve);
      }),
  };
}

export const SAMPLE_KEY = 'dGhlIHNhbXBsZSBub25jZQ==';

/** The headers of an opening handshake; those of `over` stand in place of the ones of their name, undefined for none. */
export function handshakeHeaders(over: Readonly<Record<string, string | undefined>> = {}): WireHeader[] {
  const headers: Record<string, string | undefined> = {
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': SAMPLE_KEY,
    ...over,
  };
  return Object.entries(headers).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]));
}

/** RFC 6455 §4.2.2 */
export function acceptOf(key: string): string {
  return createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
}

/** The bytes of a 101 that fits; `over` as for handshakeHeaders. */
export function switching(key: string = SAMPLE_KEY, over: Readonly<Record<string, string | undefined>> = {}): string {
  const headers: Record<string, string | undefined> = {
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Accept': acceptOf(key),
    ...over,
  };
  const lines = Object.entries(headers).flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}`]));
  return `HTTP/1.1 101 Switching Protocols\r\n${lines.join('\r\n')}\r\n\r\n`;
}

/** A text frame of a client, masked, or of a server, bare; up to 125 bytes. */
export function textFrame(text: string, from: 'client' | 'server'): Buffer {
  const payload = Buffer.from(text);
  if (from === 'server') return Buffer.concat([Buffer.from([0x81, payload.length]), payload]);
  const mask = randomBytes(4);
  const masked = payload.map((byte, at) => byte ^ (mask[at % 4] as number));
  return Buffer.concat([Buffer.from([0x81, 0x80 | payload.length]), mask, masked]);
}
