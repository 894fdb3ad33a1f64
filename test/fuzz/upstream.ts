import { createServer, type Server, type Socket } from 'node:net';
import { readBody, readHead, type WireHeader } from '../support/http-bytes.ts';
import { listenOnLoopback } from '../support/listen.ts';
import { answer } from './answers.ts';
import { randomFor } from './random.ts';

/** The head of a request that arrived, and what its client said which case it is. */
export interface Arrival {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly WireHeader[];
  readonly case: string;
}

/** An upstream that tells of each head that arrives, and answers as the case of the request wants. */
export class FuzzUpstream {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  url = '';

  constructor(seed: number, onArrival: (arrival: Arrival) => void, onBroken: (why: string, bytes: Buffer) => void) {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => {}).on('close', () => this.#sockets.delete(socket));
      let pending: Buffer = Buffer.alloc(0);
      let told: Arrival | undefined;
      socket.on('data', (chunk) => {
        pending = Buffer.concat([pending, chunk]);
        for (let head = readHead(pending); head; head = readHead(pending)) {
          const line = /^([A-Z-]+) (\S+) HTTP\/1\.1$/.exec(head.firstLine);
          if (!line) return onBroken('a request line that is none', pending);
          if (!told) {
            const [, method = '', target = ''] = line;
            const [, number = ''] = head.headers.find(([name]) => name.toLowerCase() === 'x-case') ?? [];
            told = { method, target, headers: head.headers, case: number };
            onArrival(told);
          }
          const { complete, length } = readBody(pending.subarray(head.length), head.headers, 'empty');
          if (!complete) return;
          pending = pending.subarray(head.length + length);
          const number = Number(told.case);
          answer(randomFor(seed, Number.isFinite(number) ? -number - 2 : -1), told.method, socket);
          told = undefined;
        }
      });
    });
  }

  async listen(): Promise<void> {
    this.url = (await listenOnLoopback(this.#server)).url;
  }

  close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}
