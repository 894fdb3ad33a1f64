import { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { type BlockFlaw, readBlock } from '../../request/field-block.ts';

/**
 * Sits between a TLS connection and node's HTTP/2, which would otherwise read from the connection natively: each chunk that
 * the client sends is inspected before node gets it. What node writes goes straight to the connection, without a queue here.
 */
export class Http2Tap extends Duplex {
  readonly #socket: TLSSocket;
  #isDeaf = false;

  constructor(socket: TLSSocket, look: (chunk: Buffer) => void) {
    super({ allowHalfOpen: false });
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => {
      if (this.destroyed || this.#isDeaf) return;
      look(chunk);
      if (!this.push(chunk)) socket.pause();
    });
    socket.on('end', () => this.push(null));
    socket.on('error', (error) => this.destroy(error));
    socket.on('close', () => this.destroy());
  }

  /** Discards everything that the client sends from now on. */
  ignoreAll(): void {
    this.#isDeaf = true;
    this.#socket.resume();
  }

  override _read(): void {
    this.#socket.resume();
  }

  /** Bypasses the queue of Duplex: node's HTTP/2 writes one chunk after another anyway. */
  override write(chunk: Buffer, ...more: unknown[]): boolean {
    return this.#socket.write(chunk, ...(more as [() => void]));
  }

  override cork(): void {
    this.#socket.cork();
  }

  override uncork(): void {
    this.#socket.uncork();
  }

  override _final(done: () => void): void {
    this.#socket.end(done);
  }

  /** Lets written data be sent first, such as the GOAWAY with the reason. */
  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    done(error);
    const socket = this.#socket;
    if (socket.destroyed) return;
    socket.resume();
    socket.destroySoon();
    const timer = setTimeout(() => socket.destroy(), FLUSH);
    socket.once('close', () => clearTimeout(timer));
  }
}

/** How long, in ms, a client has to take what was written before its connection ended. */
const FLUSH = 1000;

const HEAD = 9;
const PREFACE = 24;
const HEADERS = 1;
const CONTINUATION = 9;
const END_HEADERS = 4;
const PADDED = 8;
const PRIORITY = 32;
/** What nghttp2 takes of one, since we offer no more; and what it takes of a whole block. */
const MOST_FRAME = 16_384;
const MOST_BLOCK = 65_536 + MOST_FRAME;

/** Who hears of each header block, before node does. */
export interface BlockObserver {
  /** Called with the number of fields of a request's head. */
  counted(stream: number, fields: number): void;
  flawed(stream: number, flaw: BlockFlaw): void;
}

/**
 * Follows the frames of a client (RFC 9113 §4.1), and looks at the header block of each request. What is no frame of HTTP/2
 * is nghttp2's business, which ends the connection.
 */
export class BlockWatch {
  readonly #observer: BlockObserver;
  /** How many bytes are of no interest. */
  #skip = PREFACE;
  /** What has come of a frame that is to be looked at, or of its head. */
  #pending: Buffer | undefined;
  /** Of a header block that goes on in further frames. */
  #block: Buffer[] = [];
  #blockSize = 0;
  #last = 0;

  constructor(observer: BlockObserver) {
    this.#observer = observer;
  }

  look(chunk: Buffer): void {
    const bytes = this.#pending === undefined ? chunk : Buffer.concat([this.#pending, chunk]);
    this.#pending = undefined;
    let at = 0;
    for (;;) {
      const skipped = Math.min(this.#skip, bytes.length - at);
      this.#skip -= skipped;
      at += skipped;
      if (at >= bytes.length) return;
      if (bytes.length - at < HEAD) break;
      const length = bytes.readUIntBE(at, 3);
      const type = bytes[at + 3] as number;
      const isOfBlock = (type === HEADERS || type === CONTINUATION) && length <= MOST_FRAME;
      if (isOfBlock && bytes.length - at < HEAD + length) break;
      if (isOfBlock) this.#take(bytes.subarray(at, at + HEAD + length), type);
      this.#skip = HEAD + length;
    }
    this.#pending = Buffer.from(bytes.subarray(at));
  }

  #take(frame: Buffer, type: number): void {
    const flags = frame[4] as number;
    if (type === HEADERS) this.#block = [fragmentOf(frame, flags)];
    else if (this.#blockSize <= MOST_BLOCK) this.#block.push(frame.subarray(HEAD));
    this.#blockSize = (type === HEADERS ? 0 : this.#blockSize) + frame.length;
    if ((flags & END_HEADERS) === 0) return;
    const [first, ...more] = this.#block;
    this.#block = [];
    const stream = frame.readUInt32BE(5) & 0x7fff_ffff;
    const isWhole = first !== undefined && this.#blockSize <= MOST_BLOCK;
    const found = isWhole ? readBlock(more.length === 0 ? first : Buffer.concat([first, ...more])) : 'remembered';
    const isHead = stream > this.#last;
    if (isHead) this.#last = stream;
    if (typeof found === 'number') {
      if (isHead) this.#observer.counted(stream, found);
      return;
    }
    // Trailers are left out anyway; what they have the connection remember is not.
    if (isHead || found === 'remembered') this.#observer.flawed(stream, found);
  }
}

/** The part of a HEADERS frame that is of the block (RFC 9113 §6.2). */
function fragmentOf(frame: Buffer, flags: number): Buffer {
  const isPadded = (flags & PADDED) !== 0;
  const from = HEAD + (isPadded ? 1 : 0) + ((flags & PRIORITY) !== 0 ? 5 : 0);
  return frame.subarray(from, Math.max(from, frame.length - (isPadded ? (frame[HEAD] ?? 0) : 0)));
}
