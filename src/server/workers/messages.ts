import type { MetricFigures } from '../../observe/figures.ts';

/** What the process at the head says to the workers that carry requests. */
export type ToWorker =
  /** What an address that the worker asked for has answered, or why it could not be asked. */
  | { readonly kind: 'fetched'; readonly id: number; readonly status: number; readonly body: string }
  | { readonly kind: 'unfetched'; readonly id: number; readonly error: string }
  | { readonly kind: 'figures'; readonly id: number }
  /** The keys of an issuer have been fetched: they are there for the asking. */
  | { readonly kind: 'keys'; readonly issuer: string }
  | { readonly kind: 'drain'; readonly signal: string };

/** What a worker says. */
export type FromWorker =
  | { readonly kind: 'listening'; readonly url: string }
  /** It can't listen, for a reason that an operator understands. */
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'fetch'; readonly id: number; readonly url: string }
  /** Limits that it has reached within the last minute, where these have changed. */
  | { readonly kind: 'limits'; readonly limits: readonly string[] }
  /** What it has counted: the answer to the question of that number, or by itself every now and then. */
  | { readonly kind: 'figures'; readonly id?: number; readonly figures: readonly MetricFigures[] };

/** One end of what joins two processes. */
export interface Channel<In, Out> {
  /** `sent` is called once the message has left this process, or can't any more. */
  send(message: Out, sent?: () => void): void;
  onMessage(listener: (message: In) => void): void;
}
