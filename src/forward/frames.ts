/** Where an upstream's frames (RFC 6455 §5.2) begin and end in the bytes that pass: only between two may anything be said. */
export class FrameEdges {
  /** Bytes of the header that is being read. */
  #header = 0;
  #headerLength = 2;
  /** Bytes of the header that give a long length. */
  #extended = 0;
  #length = 0;
  /** Bytes of the payload that are still to come. */
  #payload = 0;
  /** The upstream has said goodbye: nothing may follow (RFC 6455 §5.5.1). */
  #closing = false;

  /** Whether a frame of our own can follow what has passed. */
  get between(): boolean {
    return this.#header === 0 && this.#payload === 0 && !this.#closing;
  }

  pass(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#payload > 0) {
        const taken = Math.min(this.#payload, chunk.length - at);
        this.#payload -= taken;
        at += taken;
      } else {
        this.#take(chunk[at] as number);
        at += 1;
      }
    }
  }

  /** One byte of a header. A length beyond 2^53 loses its last bits here; nobody lives to see the end of that frame. */
  #take(byte: number): void {
    if (this.#header === 0) {
      this.#closing ||= (byte & 0x0f) === 0x8;
    } else if (this.#header === 1) {
      const short = byte & 0x7f;
      this.#length = short < 126 ? short : 0;
      this.#extended = short === 126 ? 2 : short === 127 ? 8 : 0;
      this.#headerLength = 2 + this.#extended + (byte & 0x80 ? 4 : 0);
    } else if (this.#header < 2 + this.#extended) {
      this.#length = this.#length * 256 + byte;
    }
    this.#header += 1;
    if (this.#header < this.#headerLength) return;
    this.#payload = this.#length;
    this.#header = 0;
    this.#headerLength = 2;
  }
}

/** A Close frame of a server (RFC 6455 §5.5.1). `reason` is at most 123 bytes. */
export function closeFrame(code: number, reason: string): Buffer {
  const text = Buffer.from(reason);
  const head = Buffer.from([0x88, 2 + text.length, code >> 8, code & 0xff]);
  return Buffer.concat([head, text]);
}
