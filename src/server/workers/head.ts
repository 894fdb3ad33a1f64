import type { MetricFigures } from '../../observe/figures.ts';
import { type Ask, ask } from '../../verify/ask.ts';
import type { Channel, FromWorker, ToWorker } from './messages.ts';
import { abandonable, answerOf, type SharedDocument } from './shared-fetch.ts';

interface Waiting {
  resolve(document: SharedDocument): void;
  reject(error: Error): void;
}

/** What the head wants of the gateway that a worker runs. */
export interface WorkingGateway {
  figures(): Promise<MetricFigures[]>;
  renewKeys(issuer: string): void;
}

/** A worker's end of what joins it with the process at the head. */
export class Head {
  /** Resolves with the signal when the worker has to drain. */
  readonly drains: Promise<string>;
  readonly #channel: Channel<ToWorker, FromWorker>;
  readonly #waiting = new Map<number, Waiting>();
  #gateway: WorkingGateway | undefined;
  #asked = 0;

  constructor(channel: Channel<ToWorker, FromWorker>) {
    this.#channel = channel;
    this.drains = new Promise((resolve) => {
      channel.onMessage((message) => {
        if (message.kind === 'drain') resolve(message.signal);
        else void this.#obey(message);
      });
    });
  }

  /** Has the head ask, once for all workers. What is more than a plain GET goes its own way. */
  readonly ask: Ask = async (url, question) => {
    if (question.method === 'POST') return ask(url, question);
    return answerOf(await abandonable(this.#ask(url), question.signal));
  };

  /** Requests are taken there from now on, by this gateway. */
  listening(url: string, gateway: WorkingGateway): void {
    this.#gateway = gateway;
    this.#channel.send({ kind: 'listening', url });
  }

  failed(message: string): void {
    this.#channel.send({ kind: 'failed', message });
  }

  #ask(url: string): Promise<SharedDocument> {
    this.#asked += 1;
    const id = this.#asked;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#channel.send({ kind: 'fetch', id, url });
    });
  }

  async #obey(message: Exclude<ToWorker, { kind: 'drain' }>): Promise<void> {
    switch (message.kind) {
      case 'fetched':
        this.#waitingFor(message.id)?.resolve(message);
        break;
      case 'unfetched':
        this.#waitingFor(message.id)?.reject(new Error(message.error));
        break;
      case 'keys':
        this.#gateway?.renewKeys(message.issuer);
        break;
      case 'figures': {
        const figures = (await this.#gateway?.figures()) ?? [];
        this.#channel.send({ kind: 'figures', id: message.id, figures });
      }
    }
  }

  #waitingFor(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    return waiting;
  }
}
