import type { Readable } from 'node:stream';
import { Transform, type TransformCallback } from 'node:stream';

/**
 * The body of a request on its way to the upstream. It stands between the client's stream and undici, which destroys
 * the body it was given when a request fails: the client's socket would go with it, and the answer that says why.
 */
export class RequestBody extends Transform {
  readonly #limit: number;
  readonly #onTooLarge: () => void;
  #size = 0;

  /** `limit` in bytes; `onTooLarge` is called once, when more has come. */
  constructor(source: Readable, limit: number, onTooLarge: () => void) {
    super();
    this.#limit = limit;
    this.#onTooLarge = onTooLarge;
    source.pipe(this);
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#size += chunk.length;
    if (this.#size <= this.#limit) done(null, chunk);
    else this.#onTooLarge();
  }
}
