import type { Socket } from 'node:net';
import type { Clock } from '../clock.ts';
import { cut } from '../request/linger.ts';

/** What a client may fail to read from: a connection, or a stream of HTTP/2. */
export interface Sending {
  /** Bytes that are written and that the client has not read. */
  readonly waiting: number;
  /** Bytes that the client has read so far. */
  readonly taken: number;
  /** The connection of a stream. */
  readonly connection?: Sending | undefined;
  /** Ends it because its client has stalled. */
  stalled(): void;
}

/** Watches for stalled clients. */
export interface StallWatch {
  add(sending: Sending): void;
  /** Does nothing for one that is not watched. */
  delete(sending: Sending): void;
}

/** The state at the last check at which the client had made progress. */
interface Progress {
  taken: number;
  connectionTaken: number;
  /** Checks since then. */
  looks: number;
}

/** How many checks make up the time limit. */
const LOOKS = 4;
const SHORTEST_BETWEEN_LOOKS = 10;

/**
 * Bytes a second that a client must read of what waits for it: low enough for any network, and high enough that an attacker
 * cannot hold a connection by reading a byte now and then.
 */
export const LEAST_RATE = 256;

/**
 * Progress of an HTTP/2 stream is visible only per chunk of up to 64 KiB. If the connection as a whole is fast enough for all
 * streams that wait on it, a stream gets this many times as long for its next chunk.
 */
const STREAM_PATIENCE = 4;

/**
 * Ends connections and streams whose clients do not read (Slow Read attack): each holds memory and, until its answer is all
 * written, a connection to an upstream. All of them are checked together, so that this costs a request nothing. A client that
 * reads at LEAST_RATE is slow, not stalled. If no data waits, nothing is required: quiet WebSockets and event streams stay.
 */
export class StalledClients implements StallWatch {
  readonly #clock: Clock;
  readonly #open = new Map<Sending, Progress>();
  #limit: number;
  #cancel: () => void;

  /** `limit` in ms. */
  constructor(clock: Clock, limit: number) {
    this.#clock = clock;
    this.#limit = limit;
    this.#cancel = this.#lookLater();
  }

  /** Applies from the next check on. */
  set limit(ms: number) {
    this.#limit = ms;
  }

  add(sending: Sending): void {
    if (!this.#open.has(sending)) this.#open.set(sending, { taken: 0, connectionTaken: 0, looks: 0 });
  }

  delete(sending: Sending): void {
    this.#open.delete(sending);
  }

  stop(): void {
    this.#cancel();
  }

  #lookLater(): () => void {
    return this.#clock.after(Math.max(SHORTEST_BETWEEN_LOOKS, this.#limit / LOOKS), () => {
      this.#cancel = this.#lookLater();
      this.#look();
    });
  }

  #look(): void {
    const seconds = this.#limit / 1000;
    let streams: ReadonlyMap<Sending, number> | undefined;
    for (const [sending, progress] of this.#open) {
      if (sending.waiting === 0) progress.looks = 0;
      else if (progress.looks === 0 || sending.taken - progress.taken >= seconds * LEAST_RATE) note(sending, progress);
      else {
        progress.looks += 1;
        if (progress.looks <= LOOKS) continue;
        streams ??= this.#waitingStreams();
        if (!isPatient(sending, progress, streams, seconds)) {
          this.#open.delete(sending);
          sending.stalled();
        }
      }
    }
  }

  /** How many streams wait on each connection. */
  #waitingStreams(): ReadonlyMap<Sending, number> {
    const counts = new Map<Sending, number>();
    for (const { connection, waiting } of this.#open.keys())
      if (connection !== undefined && waiting > 0) counts.set(connection, (counts.get(connection) ?? 0) + 1);
    return counts;
  }
}

function note(sending: Sending, progress: Progress): void {
  progress.taken = sending.taken;
  progress.connectionTaken = sending.connection?.taken ?? 0;
  progress.looks = 1;
}

/** Whether a stream without progress may wait longer because its connection makes progress. */
function isPatient(
  { connection }: Sending,
  { connectionTaken, looks }: Progress,
  streams: ReadonlyMap<Sending, number>,
  seconds: number,
): boolean {
  if (connection === undefined || looks > LOOKS * STREAM_PATIENCE) return false;
  const passed = ((looks - 1) / LOOKS) * seconds;
  return connection.taken - connectionTaken >= (streams.get(connection) ?? 1) * passed * LEAST_RATE;
}

/** A client connection of HTTP/1, or an upgraded one. Of HTTP/2, the streams are watched. */
export class ConnectionSending implements Sending {
  readonly #socket: Socket;
  readonly #stalled: (socket: Socket) => void;

  /** `stalled` is called before it is cut. */
  constructor(socket: Socket, stalled: (socket: Socket) => void = () => {}) {
    this.#socket = socket;
    this.#stalled = stalled;
  }

  get waiting(): number {
    return this.#socket.writableLength;
  }

  get taken(): number {
    return bytesTaken(this.#socket);
  }

  stalled(): void {
    this.#stalled(this.#socket);
    cut(this.#socket);
  }
}

interface Handle {
  readonly bytesWritten: number;
  readonly writeQueueSize: number;
  /** With TLS: the underlying connection, whose unsent bytes are visible. */
  readonly _parent?: Handle | undefined;
}

/** Bytes that the kernel has accepted. Node's own count includes bytes that are still queued. */
export function bytesTaken(socket: Socket): number {
  const { _handle: handle } = socket as { _handle?: Handle | null };
  if (!handle) return 0;
  const { bytesWritten, writeQueueSize } = handle._parent ?? handle;
  return bytesWritten - writeQueueSize;
}
