import { inspect } from 'node:util';
import type { TokenPlace } from './place.ts';

/**
 * A token as the client sent it, checked for length and characters and nothing else. It prints as `[token]` wherever
 * it might be printed by accident: in JSON, in a template, in console.log and in an error's properties.
 */
export class RawToken {
  readonly #text: string;
  /** Where the request had it; undefined of a token that came in no request. */
  readonly place: TokenPlace | undefined;

  constructor(text: string, place?: TokenPlace) {
    this.#text = text;
    this.place = place;
  }

  /** The token itself, for those who verify or forward it. */
  reveal(): string {
    return this.#text;
  }

  toString(): string {
    return '[token]';
  }

  toJSON(): string {
    return '[token]';
  }

  [inspect.custom](): string {
    return '[token]';
  }
}
