import type { Socket } from 'node:net';
import type { Clock } from '../clock.ts';
import { cut } from '../request/linger.ts';

/** What may wait for its client: a connection, or a stream of HTTP/2. */
export interface Sending {
  /** Bytes that are written and that the client has not taken. */
  readonly waiting: number;
  /** Bytes that it has taken so far. */
  readonly taken: number;
  /** The connection that a stream is one of many on. */
  readonly connection?: Sending | undefined;
  /** Ends it, since its client has stalled. */
  stalled(): void;
}

/** Who watches over what waits. */
export interface StallWatch {
  add(sending: Sending): void;
  /** Does nothing for one that is not watched. */
  delete(sending: Sending): void;
}

/** How far one had got when it was last found to move. */
interface Progress {
  taken: number;
  connectionTaken: number;
  /** Looks since then. */
  looks: number;
}

/** So many looks make up the time that a client may take nothing. */
const LOOKS = 4;
const SHORTEST_BETWEEN_LOOKS = 10;

/**
 * Bytes a second that a client has to take of what waits for it: few enough for any network, and too many for somebody who
 * would hold a place with a byte now and then.
 */
export const LEAST_RATE = 256;

/**
 * What is taken of a stream of HTTP/2 can be seen by the piece alone, up to 64 KiB. Where the connection as a whole takes
 * enough for all streams that wait on it, one of them has this many times as long for its next piece.
 */
const STREAM_PATIENCE = 4;

/**
 * Ends what its client takes nothing of (Slow Read): it holds memory here and, while an answer is not all written, a
 * connection to an upstream. All that is open is looked at together, so that a request pays nothing for it. A client is
 * slow, not stalled, if it takes LEAST_RATE. Where nothing waits nothing is asked of it: quiet WebSockets and event streams
 * stay.
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

  /** From the next look on. */
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

/** Whether one that has got no further may wait on, since its connection has. */
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

/** What one connection to a client has written, of HTTP/1 or upgraded; of HTTP/2 its streams are looked at. */
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
  /** Of TLS: the connection beneath, where what is left to send can be seen by the byte. */
  readonly _parent?: Handle | undefined;
}

/** Bytes that the kernel has taken. node's own count has those too that are only about to be. */
export function bytesTaken(socket: Socket): number {
  const { _handle: handle } = socket as { _handle?: Handle | null };
  if (!handle) return 0;
  const { bytesWritten, writeQueueSize } = handle._parent ?? handle;
  return bytesWritten - writeQueueSize;
}
