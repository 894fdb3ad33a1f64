import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

// Files that an operator names. Any of them may turn out to be a pipe without a writer, a device without an end, or a
// file of some gigabytes: reading one ends in bounded time and memory, or throws.

/** Why a file is not read although the system would let us. Like an error of node:fs, it has a code. */
export type FileFlaw = 'EISDIR' | 'EFBIG' | 'ENOTFILE' | 'ESILENT';

class FileError extends Error {
  readonly code: FileFlaw;

  constructor(code: FileFlaw, path: string) {
    super(`${code}: ${path}`);
    this.code = code;
  }
}

/** Opening a pipe for reading waits for its writer unless it is told not to. */
const FLAGS = constants.O_RDONLY | constants.O_NONBLOCK;
const CHUNK = 64 * 1024;
const PAUSE = 10;

export interface SyncBounds {
  /** Bytes. */
  readonly most: number;
  /** Milliseconds that the writer of a pipe may take for all of it, while this process does nothing else. */
  readonly patience: number;
}

/** The content of a file or pipe. Throws as node:fs does, or with the code of a FileFlaw. */
export function readBoundedSync(path: string, { most, patience }: SyncBounds): Buffer {
  const descriptor = openSync(path, FLAGS);
  try {
    const stats = fstatSync(descriptor);
    const flaw = flawOf(stats, most, stats.isFIFO());
    if (flaw) throw new FileError(flaw, path);
    return stats.isFIFO() ? readPipe(descriptor, path, most, patience) : readAll(descriptor, path, most);
  } finally {
    closeSync(descriptor);
  }
}

/** The content of a regular file. Rejects as node:fs does, or with the code of a FileFlaw. */
export async function readBounded(path: string, most: number): Promise<Buffer> {
  const file = await open(path, FLAGS);
  try {
    const flaw = flawOf(await file.stat(), most, false);
    if (flaw) throw new FileError(flaw, path);
    return await readHandle(file, path, most);
  } finally {
    await file.close();
  }
}

function flawOf(stats: Stats, most: number, pipeAllowed: boolean): FileFlaw | undefined {
  if (stats.isDirectory()) return 'EISDIR';
  if (!stats.isFile() && !pipeAllowed) return 'ENOTFILE';
  return stats.size > most ? 'EFBIG' : undefined;
}

// Files of /proc have a size of 0 and content all the same, and a file can grow: its end counts, not its size.
function readAll(descriptor: number, path: string, most: number): Buffer {
  const content = new Content(path, most);
  while (content.take(readSync(descriptor, content.next()))) {}
  return content.whole();
}

async function readHandle(file: FileHandle, path: string, most: number): Promise<Buffer> {
  const content = new Content(path, most);
  for (;;) {
    const { bytesRead } = await file.read(content.next());
    if (!content.take(bytesRead)) return content.whole();
  }
}

/** A pipe is empty until its writer writes, and without one it stays so. */
function readPipe(descriptor: number, path: string, most: number, patience: number): Buffer {
  const content = new Content(path, most);
  const until = performance.now() + patience;
  for (;;) {
    const count = readIfThere(descriptor, content.next());
    if (count !== undefined && !content.take(count)) break;
    if (count !== undefined) continue;
    if (performance.now() >= until) throw new FileError('ESILENT', path);
    Atomics.wait(SLEEPER, 0, 0, PAUSE);
  }
  const whole = content.whole();
  if (whole.length === 0) throw new FileError('ESILENT', path);
  return whole;
}

const SLEEPER = new Int32Array(new SharedArrayBuffer(4));

function readIfThere(descriptor: number, into: Buffer): number | undefined {
  try {
    return readSync(descriptor, into);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return undefined;
    throw error;
  }
}

/** What has been read so far. */
class Content {
  readonly #path: string;
  readonly #most: number;
  readonly #pieces: Buffer[] = [];
  #length = 0;
  #current: Buffer = Buffer.alloc(0);

  constructor(path: string, most: number) {
    this.#path = path;
    this.#most = most;
  }

  /** Room for the next piece. */
  next(): Buffer {
    this.#current = Buffer.allocUnsafeSlow(CHUNK);
    return this.#current;
  }

  /** Keeps what was read into it; answers whether more may come. */
  take(count: number): boolean {
    if (count === 0) return false;
    this.#pieces.push(this.#current.subarray(0, count));
    this.#length += count;
    if (this.#length > this.#most) throw new FileError('EFBIG', this.#path);
    return true;
  }

  whole(): Buffer {
    return Buffer.concat(this.#pieces, this.#length);
  }
}
