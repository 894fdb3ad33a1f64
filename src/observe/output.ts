import { fstatSync, write, writeSync } from 'node:fs';
import { isatty } from 'node:tty';

/** Writes bytes, or some of them, as fs.write does. */
export type WriteBytes = (
  bytes: Buffer,
  offset: number,
  length: number,
  done: (error: NodeJS.ErrnoException | null, written: number) => void,
) => void;

const toStdout: WriteBytes = (bytes, offset, length, done) => write(1, bytes, offset, length, null, done);

/** The same as fs.writeSync does: answers how many bytes were taken, and throws EAGAIN where none can be. */
export type WriteBytesNow = (bytes: Buffer, offset: number, length: number) => number;

/** Pipes and sockets do not block: node has set them so for its own process.stdout. */
const toStdoutNow: WriteBytesNow = (bytes, offset, length) => writeSync(1, bytes, offset, length);

/** So many bytes leave at once where there are more. */
const BATCH = 256 * 1024;
const CHUNK = 512 * 1024;
/** What a pipe takes as a whole, whoever else writes to it (PIPE_BUF of Linux). */
const WHOLE = 4096;
const MOST_BUFFERED = 8 * 1024 * 1024;
/** So much more may wait of lines that no client brings about: a flood of requests never costs the line of a reload. */
const RESERVE = 1024 * 1024;
/** How long, in ms, a line waits for others. */
const FLUSH_EVERY = 200;
/** How long, in ms, until a reader that can't take more is tried again. */
const RETRY_AFTER = 100;
/** How long, in ms, the last lines may take at the end. */
const LAST_FLUSH = 1000;
/** The same in ms where nothing else goes on meanwhile, and how long it waits between two attempts. */
const LAST_WORDS = 500;
const LAST_WORDS_PAUSE = 10;
/** So much may be waiting when lines are said to get through again: a reader that is too slow is not told of each gap. */
const LITTLE_BUFFERED = MOST_BUFFERED / 2;

/**
 * Whether what several processes write to a descriptor that they have in common may mix. A pipe that is nearly full takes a
 * part of a write, then one of somebody else's; what is written to a file is in it as a whole, and to /dev/null in nothing.
 */
export function mayMix(descriptor: number): boolean {
  const stat = fstatSync(descriptor);
  return !stat.isFile() && !(stat.isCharacterDevice() && !isatty(descriptor));
}

/** Where lines go. */
export interface OutputOptions {
  readonly write?: WriteBytes;
  readonly writeNow?: WriteBytesNow;
  /** Whether other processes write to the same place, and what they write may mix: lines must not. */
  readonly isShared?: boolean;
}

/**
 * `access`: lines that clients bring about, as many as they like. `event`: what happens to the gateway itself, such as a
 * reload. Events have a reserve that access lines cannot use up.
 */
export type LineKind = 'access' | 'event';

/** Lines that were lost. */
export interface LostLines {
  /** Of every kind. */
  readonly all: number;
  /** Of these, events. */
  readonly events: number;
}

interface Chunk {
  readonly bytes: Buffer;
  length: number;
  lines: number;
  /** Of `lines`. */
  events: number;
}

/**
 * Takes lines and writes them in batches. It never blocks the event loop: while the other end is not read, lines wait in
 * memory up to a bound for each kind, and are then dropped and counted. Lines are copied into one buffer as they come: as a text that
 * grows, they cost twice that when it is written.
 */
export class BatchedOutput {
  /** Lines that could not be written: nobody reads, the disk is full, the reader has gone. */
  dropped = 0;
  /** Of these, events. */
  droppedEvents = 0;
  /** Called when lines get through again, with how many were lost since the last time. */
  resumed: (lost: LostLines) => void = () => {};
  readonly #write: WriteBytes;
  readonly #chunk: number;
  readonly #batch: number;
  readonly #writeNow: WriteBytesNow;
  readonly #timer: NodeJS.Timeout;
  #current: Chunk;
  #waiting: Chunk[] = [];
  #leaving: Chunk | undefined;
  #written = 0;
  #spare: Chunk | undefined;
  #buffered = 0;
  /** What `resumed` has reported. */
  #reported: LostLines = { all: 0, events: 0 };
  /** A write has been asked for and has not come back. */
  #writing = false;
  #ended: (() => void) | undefined;
  /** What happens in place of the next write: the process ends. */
  #instead: (() => void) | undefined;

  constructor({ write = toStdout, writeNow = toStdoutNow, isShared = false }: OutputOptions = {}) {
    this.#write = write;
    this.#writeNow = writeNow;
    this.#chunk = isShared ? WHOLE : CHUNK;
    this.#batch = isShared ? WHOLE : BATCH;
    this.#current = newChunk(this.#chunk);
    this.#timer = setInterval(() => this.#flush(), FLUSH_EVERY).unref();
  }

  write(line: string, kind: LineKind = 'event'): void {
    // No text is longer than this in UTF-8.
    const most = line.length * 3;
    const isEvent = kind === 'event';
    if (this.#buffered + most > (isEvent ? MOST_BUFFERED + RESERVE : MOST_BUFFERED)) {
      this.#drop(1, isEvent ? 1 : 0);
      return;
    }
    if (this.#current.length + most > this.#current.bytes.length) {
      this.#turn(most);
      this.#flush();
    }
    const chunk = this.#current;
    const length = chunk.bytes.write(line, chunk.length);
    chunk.length += length;
    chunk.lines += 1;
    if (isEvent) chunk.events += 1;
    this.#buffered += length;
    if (chunk.length >= this.#batch) this.#flush();
  }

  /** Resolves when everything has been written, or after a moment when nobody takes it. Nothing is written after that. */
  async end(): Promise<void> {
    clearInterval(this.#timer);
    await new Promise<void>((resolve) => {
      const deadline = setTimeout(resolve, LAST_FLUSH);
      this.#ended = () => {
        clearTimeout(deadline);
        resolve();
      };
      this.#flush();
      if (this.#leaving === undefined) this.#ended();
    });
  }

  /**
   * For a process that must not go on: writes what there is in one go, for a moment at most, and tells `done` whether all of
   * it was taken. It does so before it returns, unless a write is on its way, which has to be known of first.
   */
  endNow(done: (complete: boolean) => void): void {
    clearInterval(this.#timer);
    if (!this.#writing) {
      done(this.#writeAll());
      return;
    }
    const finish = (complete: () => boolean) => {
      if (this.#instead === undefined) return;
      clearTimeout(deadline);
      this.#instead = undefined;
      done(complete());
    };
    const deadline = setTimeout(() => finish(() => false), LAST_WORDS);
    this.#instead = () => finish(() => this.#writeAll());
  }

  #writeAll(): boolean {
    const deadline = performance.now() + LAST_WORDS;
    for (const chunk of [this.#leaving, ...this.#waiting, this.#current]) {
      let written = chunk === this.#leaving ? this.#written : 0;
      while (chunk && written < chunk.length) {
        try {
          written += this.#writeNow(chunk.bytes, written, chunk.length - written);
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'EAGAIN' || performance.now() > deadline) return false;
          Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LAST_WORDS_PAUSE);
        }
      }
    }
    return true;
  }

  /** Puts what there is in line, and goes on in a chunk with room for `most` bytes. */
  #turn(most: number): void {
    if (this.#current.lines > 0) this.#waiting.push(this.#current);
    this.#current = (most <= this.#chunk && this.#spare) || newChunk(Math.max(most, this.#chunk));
    this.#spare = undefined;
  }

  #flush(): void {
    if (this.#leaving !== undefined) return;
    if (this.#waiting.length === 0 && this.#current.lines > 0) this.#turn(0);
    this.#leaving = this.#waiting.shift();
    this.#written = 0;
    if (this.#leaving !== undefined) this.#send(this.#leaving);
    else this.#ended?.();
  }

  #send({ bytes, length }: Chunk): void {
    this.#writing = true;
    this.#write(bytes, this.#written, length - this.#written, this.#sent);
  }

  readonly #sent = (error: NodeJS.ErrnoException | null, written: number): void => {
    const chunk = this.#leaving as Chunk;
    this.#writing = false;
    if (error === null) this.#written += written;
    if (this.#instead) this.#instead();
    else if (error?.code === 'EAGAIN') setTimeout(() => this.#send(chunk), RETRY_AFTER).unref();
    else if (error === null && this.#written < chunk.length) this.#send(chunk);
    else this.#left(chunk, error === null);
  };

  /** A chunk has been written, or given up. */
  #left(chunk: Chunk, taken: boolean): void {
    if (!taken) this.#drop(chunk.lines, chunk.events);
    this.#buffered -= chunk.length;
    this.#leaving = undefined;
    this.#recycle(chunk);
    if (taken && this.dropped > this.#reported.all && this.#buffered <= LITTLE_BUFFERED) this.#reportLost();
    // What came meanwhile waits for a batch again, but for what had filled a chunk, and at the end.
    if (this.#waiting.length > 0 || this.#current.length >= this.#batch || this.#ended) this.#flush();
  }

  #drop(lines: number, events: number): void {
    this.dropped += lines;
    this.droppedEvents += events;
  }

  #reportLost(): void {
    const { all, events } = this.#reported;
    this.#reported = { all: this.dropped, events: this.droppedEvents };
    this.resumed({ all: this.dropped - all, events: this.droppedEvents - events });
  }

  #recycle(chunk: Chunk): void {
    if (chunk.bytes.length !== this.#chunk) return;
    chunk.length = 0;
    chunk.lines = 0;
    chunk.events = 0;
    this.#spare = chunk;
  }
}

function newChunk(size: number): Chunk {
  return { bytes: Buffer.allocUnsafe(size), length: 0, lines: 0, events: 0 };
}
