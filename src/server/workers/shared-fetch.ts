import { Readable } from 'node:stream';
import type { Clock } from '../../clock.ts';
import type { Config } from '../../config/config.ts';
import type { Answer, Ask } from '../../verify/ask.ts';
import { ACCEPT } from '../../verify/fetch.ts';

/** A document of an issuer, as one answer to all that ask for it. */
export interface SharedDocument {
  readonly status: number;
  /** A character for each byte. */
  readonly body: string;
}

/** More than a key set may have: who reads it refuses it, and nobody has to keep it. */
const MOST = 1024 * 1024;
/** How long, in ms, an asking may take: those that asked have given up by then. */
const PATIENCE = 60_000;
/** How long a failure stands for all that ask meanwhile. */
const FAILED_FOR = 1_000;

/**
 * Asks issuers for their documents on behalf of several processes: each address once, however many of them ask within
 * `goodFor` ms.
 */
export class SharedFetch {
  readonly #asker: Ask;
  readonly #clock: Clock;
  readonly #goodFor: () => number;
  readonly #known = new Map<string, Promise<SharedDocument>>();

  constructor(ask: Ask, clock: Clock, goodFor: () => number) {
    this.#asker = ask;
    this.#clock = clock;
    this.#goodFor = goodFor;
  }

  /** Rejects with what went wrong. */
  get(url: string): Promise<SharedDocument> {
    const known = this.#known.get(url);
    if (known) return known;
    const asked = this.#ask(url);
    this.#known.set(url, asked);
    const forgetAfter = (ms: number) => void this.#clock.after(ms, () => this.#known.delete(url));
    asked.then(
      ({ status }) => forgetAfter(status === 200 ? this.#goodFor() : FAILED_FOR),
      () => forgetAfter(FAILED_FOR),
    );
    return asked;
  }

  /** The same for who asks for a document alone. What is more than a plain GET is nobody else's business. */
  readonly ask: Ask = async (url, question) => {
    if (question.method === 'POST') return this.#asker(url, question);
    return answerOf(await abandonable(this.get(url), question.signal));
  };

  async #ask(url: string): Promise<SharedDocument> {
    const signal = AbortSignal.timeout(PATIENCE);
    const answer = await this.#asker(url, { headers: { accept: ACCEPT }, signal });
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of answer.body ?? []) {
      size += chunk.byteLength;
      if (size > MOST) throw new Error('more than 1 MiB');
      chunks.push(chunk);
    }
    return { status: answer.status, body: Buffer.concat(chunks).toString('latin1') };
  }
}

/**
 * How long, in ms, documents are as good as new: no longer than any issuer's cooldown, within which a single process would
 * not ask again either, and never into the time of the next refresh.
 */
export function goodFor({ issuers }: Config): number {
  const times = issuers.flatMap((issuer) => ('keys' in issuer ? [issuer.keys.cooldown, issuer.keys.refresh / 2] : []));
  return Math.min(...times, LONGEST_GOOD);
}

const LONGEST_GOOD = 30_000;

/** A document as the answer to one of those that asked. */
export function answerOf({ status, body }: SharedDocument): Answer {
  return { status, body: Object.assign(Readable.from([Buffer.from(body, 'latin1')]), { cancel() {} }) };
}

/** Who asks may give up; what was asked goes on for others. */
export function abandonable<T>(asked: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return asked;
  return new Promise((resolve, reject) => {
    const giveUp = () => reject(signal.reason);
    if (signal.aborted) giveUp();
    signal.addEventListener('abort', giveUp, { once: true });
    asked.then(resolve, reject).finally(() => signal.removeEventListener('abort', giveUp));
  });
}
