import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { ConnectionFigures } from '../observe/capacity.ts';

/**
 * How many connections beyond the limit are accepted at a time, just to answer a request on them with 503; over TLS each
 * costs a handshake. Connections beyond these are closed unread.
 */
const SPARE = 64;

/** How long such a connection may take to send its request, in ms. */
const PATIENCE = 5_000;

/**
 * Counts the open and the refused connections of a server. Node's own `maxConnections` is not used: when all workers are
 * full, the primary process would offer a connection to one after the other without end.
 */
export class Connections {
  readonly #reached: (limit: number) => void;
  /** How many may be open. */
  limit: number;
  #open = 0;
  #refused = 0;
  /** Connections beyond the limit, by address and port of their client: with TLS the socket is another object. */
  readonly #surplus = new Set<string>();

  /** `reached` is called for each connection that is refused because of the limit. */
  constructor(server: Server, limit: number, reached: (limit: number) => void) {
    this.#reached = reached;
    this.limit = limit;
    server.on('connection', (socket: Socket) => {
      if (this.#open >= this.limit) {
        this.#refuse();
        if (this.#surplus.size < SPARE) this.#takeSurplus(socket);
        else socket.destroy();
        return;
      }
      this.#open += 1;
      socket.once('close', this.#closed);
    });
  }

  /** Whether a connection is beyond the limit, so that its request is to be refused. */
  isSurplus(socket: Pick<Socket, 'remoteAddress' | 'remotePort'>): boolean {
    return this.#surplus.size > 0 && this.#surplus.has(nameOf(socket));
  }

  get figures(): ConnectionFigures {
    return { open: this.#open, limit: this.limit, refused: this.#refused };
  }

  #takeSurplus(socket: Socket): void {
    const name = nameOf(socket);
    this.#surplus.add(name);
    const timer = setTimeout(() => socket.destroy(), PATIENCE);
    socket.once('close', () => {
      clearTimeout(timer);
      this.#surplus.delete(name);
    });
  }

  #refuse(): void {
    this.#refused += 1;
    this.#reached(this.limit);
  }

  readonly #closed = (): void => {
    this.#open -= 1;
  };
}

function nameOf({ remoteAddress, remotePort }: Pick<Socket, 'remoteAddress' | 'remotePort'>): string {
  return `${remoteAddress} ${remotePort}`;
}
