import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { ConnectionFigures } from '../observe/capacity.ts';

/** Counts the connections of a server, and those that it could not take. */
export class Connections {
  readonly #server: Server;
  readonly #reached: (limit: number) => void;
  #open = 0;
  #refused = 0;

  /** `reached` is called for each connection that is refused because of the limit. */
  constructor(server: Server, reached: (limit: number) => void) {
    this.#server = server;
    this.#reached = reached;
    server.on('connection', (socket: Socket) => {
      this.#open += 1;
      socket.once('close', this.#closed);
    });
    server.on('drop', () => this.refused());
  }

  /** One was refused. */
  refused(): void {
    this.#refused += 1;
    this.#reached(this.#server.maxConnections);
  }

  get figures(): ConnectionFigures {
    return { open: this.#open, limit: this.#server.maxConnections, refused: this.#refused };
  }

  readonly #closed = (): void => {
    this.#open -= 1;
  };
}
