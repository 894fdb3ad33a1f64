import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Fault } from '../errors/fault.ts';
import type { RequestFacts } from './headers.ts';

/** What an exchange leaves for the log and the metrics. */
export interface ExchangeRecord {
  /** Address of the target that the request went to last. */
  servedBy: string | undefined;
  /** From when it was first sent until the headers of the answer were there, or the failure. Undefined before that. */
  upstreamMs: number | undefined;
}

/** One request on its way: who asks, what for, and how to tell when it can't be answered. */
export interface Passage {
  readonly facts: RequestFacts;
  readonly path: string;
  readonly query: string;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly record: ExchangeRecord;
  /** Has `listener` called when the response has closed: nobody waits for the answer any more, or all of it has gone. */
  whenGone(listener: () => void): void;
  /** Called once the body is wanted: the upstream has a connection for it. */
  welcome(): void;
  /** Called at most once, and only while nothing of an answer has been sent. */
  refuse(fault: Fault): void;
  /** Called when the upstream breaks off in the middle of its answer. */
  broken(error: Error): void;
  /** Called with an error that no code expects, once an answer has begun: it is logged, and the answer is broken off. */
  failed(error: unknown): void;
  /** Called when the token of an event stream has ended, and the stream with it. */
  expired(): void;
}
