import type { Readable } from 'node:stream';
import { Transform, type TransformCallback } from 'node:stream';

/**
 * The body of a request on its way to the upstream. It stands between the client's stream and undici, which destroys
 * the body it was given when a request fails: the client's socket would go with it, and the answer that says why. Nothing
 * is taken from the client before undici asks for it, which it does once it has a connection.
 */
export class RequestBody extends Transform {
  /** Whether some of it may have gone: from now on it can't be sent to anybody else. */
  begun = false;
  /** When all of it had come, by the monotonic clock; undefined before that. */
  endedAt: number | undefined;
  readonly #source: Readable;
  readonly #limit: number;
  readonly #onBegin: () => void;
  readonly #onTooLarge: () => void;
  readonly #isAnswered: () => boolean;
  #size = 0;

  /**
   * `limit` in bytes; `onBegin` is called once, when the body is wanted, `onTooLarge` once, when more has come, and
   * `isAnswered` tells whether nobody wants it any more.
   */
  constructor(source: Readable, limit: number, onBegin: () => void, onTooLarge: () => void, isAnswered: () => boolean) {
    super();
    this.#source = source;
    this.#onBegin = onBegin;
    this.#limit = limit;
    this.#onTooLarge = onTooLarge;
    this.#isAnswered = isAnswered;
  }

  override _read(size: number): void {
    if (!this.begun) {
      this.begun = true;
      this.#onBegin();
      // Not at once: the parser may find fault with what stands behind the body in the same packet.
      setImmediate(() => {
        if (!this.destroyed && !this.#isAnswered()) this.#source.pipe(this);
      });
    }
    super._read(size);
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#size += chunk.length;
    if (this.#size <= this.#limit) done(null, chunk);
    else this.#onTooLarge();
  }

  override _flush(done: TransformCallback): void {
    this.endedAt = performance.now();
    done();
  }
}
