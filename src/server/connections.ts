import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { ConnectionFigures } from '../observe/capacity.ts';

/**
 * So many connections beyond the limit are taken for as long as it needs to refuse a request on them, in words; over TLS
 * that is a handshake for each. Those beyond are closed unread.
 */
const SPARE = 64;

/** How long such a connection has to bring its request; ms. */
const PATIENCE = 5_000;

/**
 * Counts the connections of a server, and those that it could not take. Node's own `maxConnections` is not used: where all
 * workers are full, the process at their head offers a connection to one after the other without end.
 */
export class Connections {
  readonly #reached: (limit: number) => void;
  /** How many may be open. */
  limit: number;
  #open = 0;
  #refused = 0;
  /** Those beyond the limit, by the address and port of their client: TLS has another socket for each. */
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

  /** Whether a connection is one too many, so that its request is to be refused. */
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
