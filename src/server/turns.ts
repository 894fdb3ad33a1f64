import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { headBytes, withoutUpgrade } from '../request/head-bytes.ts';
import { namesWebSocket } from '../request/upgrade.ts';
import { connectionEvent } from './tls.ts';

/** The response to the last request of a connection, if there was one. */
type LastResponse = (socket: Socket) => ServerResponse | undefined;

/**
 * Begins a request of HTTP/1 when the one before it on its connection is answered. Node begins every pipelined request as
 * soon as it is parsed: an attacker could fill an upstream and its queue with 48 KB on one connection, behind one slow
 * answer.
 *
 * A request that has to wait is stopped at the end of its head, as node stops at an upgrade: the parser releases the
 * connection and reads nothing more. When its turn comes, the head and the data after it are given to a new parser, as if
 * they had just arrived. A request to upgrade to an unsupported protocol is stopped and restarted in the same way, without
 * its Upgrade field.
 */
export class Turns {
  readonly #lastResponse: LastResponse;
  readonly #waiting = new Set<Waiting>();
  #server: Server | undefined;

  constructor(lastResponse: LastResponse) {
    this.#lastResponse = lastResponse;
  }

  /** Watches over every connection of a server. */
  watch(server: Server): void {
    this.#server = server;
    // For all its life, whoever reads it: node removes its own listener where it stops, and an error without any ends the process.
    server.on(connectionEvent(server), (socket: Socket) => socket.on('error', () => socket.destroy()));
    server.on(connectionEvent(server), this.#stopAtUpgrades);
  }

  /**
   * Takes what node has stopped at, if it is not (yet) an upgrade to WebSocket or a CONNECT: a request whose turn has not
   * come, or one that goes on in HTTP/1.1. Returns whether it has taken it. `early` is what followed the head.
   */
  take(request: IncomingMessage, socket: Socket, early: Buffer): boolean {
    const server = this.#server ?? (socket as SocketOfServer).server;
    const isUpgrade = request.method === 'CONNECT' || asksForWebSocket(request);
    const head = headBytes(isUpgrade ? request : withoutUpgrade(request));
    const last = this.#lastResponse(socket);
    const isFinished = last === undefined || last.writableFinished;
    if (isFinished && isUpgrade) return false;
    const waiting = new Waiting(server, socket, { head, early, isUpgrade }, () => this.#attach(server, socket));
    if (isFinished) {
      waiting.begin();
    } else {
      this.#waiting.add(waiting);
      waiting.waitFor(last, () => this.#waiting.delete(waiting));
    }
    return true;
  }

  /** Cuts every connection on which a request waits: while it does, node does not know the connection. */
  cut(): void {
    for (const { socket } of this.#waiting) socket.destroy();
  }

  /** Gives a connection to node's server, as if it were new. */
  #attach(server: Server, socket: Socket): void {
    const [serve] = server.listeners(connectionEvent(server));
    serve?.call(server, socket);
    this.#stopAtUpgrades(socket);
  }

  readonly #stopAtUpgrades = (socket: Socket & { readonly parser?: Parser | null }): void => {
    const { parser } = socket;
    if (!parser) return; // HTTP/2
    const begin = parser.onIncoming;
    parser.onIncoming = (request, keepAlive) => {
      const last = this.#lastResponse(socket);
      if (!request.upgrade && (last === undefined || isAnswered(last, socket))) return begin(request, keepAlive);
      request.upgrade = true;
      return STOP;
    };
  };
}

/** node's own note of the server that has accepted a connection: another one than ours, where the gateway is a library. */
type SocketOfServer = Socket & { readonly server: Server };

/** What there is to node's own note of a connection's parser. */
interface Parser {
  /** Called with each head. What it returns tells the parser how to go on. */
  onIncoming(request: IncomingMessage & { upgrade: boolean }, keepAlive: boolean): number;
}

/** Tells the parser that the rest of this connection is not HTTP, not even a body. */
const STOP = 2;

/** After this many bytes of waiting requests, reading pauses. A single read may exceed it. */
const MAX_BYTES = 16 * 1024;

/**
 * Whether all of an answer has been written. Over TLS, node reports the last write one turn of the event loop after the
 * client may have read it. After an answer that the client does not read, no request begins.
 */
function isAnswered(response: ServerResponse, socket: Socket): boolean {
  if (response.writableFinished) return true;
  return response.writableEnded && response.socket !== null && !socket.writableNeedDrain;
}

function asksForWebSocket({ upgrade, rawHeaders }: IncomingMessage & { upgrade?: boolean }): boolean {
  if (!upgrade) return false;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    if (rawHeaders[at]?.toLowerCase() === 'upgrade' && namesWebSocket(rawHeaders[at + 1] as string)) return true;
  }
  return false;
}

interface StoppedRequest {
  readonly head: Buffer;
  readonly early: Buffer;
  /** To WebSocket, or a CONNECT: what is behind the head is its own. */
  readonly isUpgrade: boolean;
}

/** A connection with a request that waits for its turn. Meanwhile no parser reads it. */
class Waiting {
  readonly socket: Socket;
  readonly #server: Server;
  readonly #request: StoppedRequest;
  readonly #attach: () => void;
  readonly #behind: Buffer[];
  #size: number;
  /** The client has ended its side. */
  #ended = false;
  #earlier: ServerResponse | undefined;
  #whenOver: (() => void) | undefined;

  constructor(server: Server, socket: Socket, request: StoppedRequest, attach: () => void) {
    this.#server = server;
    this.socket = socket;
    this.#request = request;
    this.#attach = attach;
    this.#behind = request.early.length > 0 ? [request.early] : [];
    this.#size = request.early.length;
  }

  /** Begins when `earlier` has been answered, unless that answer closes the connection. Calls back when it waits no longer. */
  waitFor(earlier: ServerResponse, whenOver: () => void): void {
    this.#earlier = earlier;
    this.#whenOver = whenOver;
    earlier.on('finish', this.#answered);
    for (const [event, listener] of this.#listeners) this.socket.on(event, listener);
    this.socket.on('error', this.#failed);
  }

  /** Has node read the request and what followed it. */
  begin(): void {
    const { socket } = this;
    const { head, isUpgrade } = this.#request;
    socket.setTimeout(0); // the one for idle connections
    this.#attach();
    socket.off('error', this.#failed);
    // Data after an upgrade must arrive with the head: later it would be lost. Other requests need no copy.
    const pieces = isUpgrade ? [Buffer.concat([head, ...this.#behind])] : [head, ...this.#behind];
    for (const piece of pieces) socket.emit('data', piece);
    if (this.#ended) socket.emit('end');
    else socket.resume();
  }

  /** Stays until node listens again, or for good: the answer may close the connection, and its last write may fail. */
  readonly #failed = (): void => {
    this.socket.destroy();
  };

  readonly #answered = (): void => {
    this.#over();
    if (!this.socket.destroyed && this.#earlier?.shouldKeepAlive) this.begin();
  };

  readonly #over = (): void => {
    this.#earlier?.off('finish', this.#answered);
    for (const [event, listener] of this.#listeners) this.socket.off(event, listener);
    this.#whenOver?.();
  };

  /** Does what node would do if it still managed the connection, and keeps data that arrives meanwhile. */
  readonly #listeners: readonly (readonly [event: string, listener: (chunk: Buffer) => void])[] = [
    ['data', (chunk) => this.#keep(chunk)],
    [
      'end',
      () => {
        this.#ended = true;
      },
    ],
    ['close', () => this.#over()],
    ['drain', () => this.#earlier?.emit('drain')],
    ['timeout', () => this.#server.emit('timeout', this.socket)],
  ];

  #keep(chunk: Buffer): void {
    this.#behind.push(chunk);
    this.#size += chunk.length;
    if (this.#size >= MAX_BYTES) this.socket.pause();
  }
}
