import type { Fault } from './errors/fault.ts';

/** What a step on the request path answers: a value, or the one fault that stops the request. Nothing throws instead. */
export type Outcome<T> = Passed<T> | Stopped;

export interface Passed<T> {
  readonly ok: true;
  readonly value: T;
}

export interface Stopped {
  readonly ok: false;
  readonly fault: Fault;
}

/** A step that went well. */
export function pass<T>(value: T): Passed<T> {
  return { ok: true, value };
}

/** A step that ends the request. */
export function stop(fault: Fault): Stopped {
  return { ok: false, fault };
}
