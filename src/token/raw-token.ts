import { inspect } from 'node:util';

/**
 * A token as the client sent it, checked for length and characters and nothing else. It prints as `[token]` wherever
 * it might be printed by accident: in JSON, in a template, in console.log and in an error's properties.
 */
export class RawToken {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
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
