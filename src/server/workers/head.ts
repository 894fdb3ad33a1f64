import { type Clock, systemClock } from '../../clock.ts';
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
  /** Changes whenever something has been counted. */
  readonly countedUntil: number;
  defect(error: unknown, where: string): void;
  renewKeys(issuer: string): void;
}

/** A worker's end of what joins it with the process at the head. */
export class Head {
  /** Resolves with the signal when the worker has to drain. */
  readonly drains: Promise<string>;
  readonly #channel: Channel<ToWorker, FromWorker>;
  readonly #clock: Clock;
  readonly #waiting = new Map<number, Waiting>();
  #gateway: WorkingGateway | undefined;
  #asked = 0;

  constructor(channel: Channel<ToWorker, FromWorker>, clock: Clock = systemClock) {
    this.#channel = channel;
    this.#clock = clock;
    this.drains = new Promise((resolve) => {
      channel.onMessage((message) => {
        if (message.kind === 'drain') resolve(message.signal);
        else this.#obey(message);
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
    this.#reportLater(gateway, MIN_REPORT_INTERVAL, gateway.countedUntil);
  }

  limitsReached(limits: readonly string[]): void {
    this.#channel.send({ kind: 'limits', limits });
  }

  failed(message: string): void {
    this.#channel.send({ kind: 'failed', message });
  }

  /**
   * For a process that is about to end at once: sends what it has counted since the last report, and waits for nothing that
   * would let other work go on. Never rejects.
   */
  async lastReport(): Promise<void> {
    try {
      const figures = await this.#gateway?.figures();
      if (figures) this.#channel.send({ kind: 'figures', figures });
    } catch {
      // The process ends by another defect, which is reported.
    }
  }

  /** Reports what has been counted every now and then, so that little of it is lost with a process that is killed. */
  #reportLater(gateway: WorkingGateway, wait: number, reported: number): void {
    this.#clock.after(wait, async () => {
      const { countedUntil } = gateway;
      const began = performance.now();
      if (countedUntil !== reported) await this.#report(gateway);
      const next = Math.max(MIN_REPORT_INTERVAL, (performance.now() - began) * REPORT_SHARE);
      this.#reportLater(gateway, next, countedUntil);
    });
  }

  /** Resolves once the figures have left, so that they do not pile up for a head that is stuck. Never rejects. */
  async #report(gateway: WorkingGateway, id?: number): Promise<void> {
    try {
      const figures = await gateway.figures();
      await new Promise<void>((sent) => {
        this.#channel.send({ kind: 'figures', figures, ...(id !== undefined && { id }) }, sent);
      });
    } catch (error) {
      gateway.defect(error, 'figures');
    }
  }

  #ask(url: string): Promise<SharedDocument> {
    this.#asked += 1;
    const id = this.#asked;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#channel.send({ kind: 'fetch', id, url });
    });
  }

  #obey(message: Exclude<ToWorker, { kind: 'drain' }>): void {
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
      case 'figures':
        if (this.#gateway)
          void this.#report(this.#gateway, message.id); // never rejects
        else this.#channel.send({ kind: 'figures', id: message.id, figures: [] });
    }
  }

  #waitingFor(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    return waiting;
  }
}

/** In ms. */
const MIN_REPORT_INTERVAL = 1_000;
/** Reports take one part in so many of a worker's time at most. */
const REPORT_SHARE = 100;
