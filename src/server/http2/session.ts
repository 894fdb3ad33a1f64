import { constants, performServerHandshake, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import type { BlockFlaw } from '../../request/field-block.ts';
import { Budget } from '../budget.ts';
import { ConnectionSending, type StallWatch } from '../stalled.ts';
import { Http2Lane, type LaneSurroundings } from './lane.ts';
import { BlockWatch, Http2Tap } from './tap.ts';

/** What a connection of HTTP/2 is held to; durations in ms. Read when they are needed, since they may change. */
export interface Http2Limits {
  /** How long a client has for its first request. */
  readonly headersTimeout: number;
  /** How long for a whole request. */
  readonly requestTimeout: number;
  /** How long a connection may stay without any. */
  readonly keepAliveTimeout: number;
}

export interface Http2SessionOptions {
  readonly limits: Http2Limits;
  /** The most that the fields of a request may take, in bytes. */
  readonly maxHeaderSize: number;
  /** The gateway is about to close: each client is told so behind its next request. */
  readonly isLeaving: () => boolean;
  /** Monotonic, in ms. */
  readonly now: () => number;
  readonly serve: (lane: Http2Lane) => void;
  readonly watch: StallWatch;
  /** Called before a stream is cut whose client takes nothing of its answer. */
  readonly stalled: (lane: Http2Lane) => void;
  /** A request has taken too long to come whole. */
  readonly late: (lane: Http2Lane) => void;
  /** A client does too much of what costs it nothing, and loses its connection. */
  readonly flooded: (client: string | undefined) => void;
}

const MOST_STREAMS = 100;
/** RFC 9113 §6.5.2 counts so much for each field beside its bytes. */
const FIELD_OVERHEAD = 32;

/**
 * What a client may do that costs it nothing: so often at once, and so often a second. Honest clients do it too, and earn
 * more by what they do besides. nghttp2 bounds the resets that clients send, whatever else they do, but not those that
 * they provoke (CVE-2023-44487, CVE-2025-8671); and acknowledgements that the client does not read (CVE-2019-9512,
 * CVE-2019-9515), but not those that it reads.
 */
const FLOODS = { resets: [500, 20], pings: [1000, 50], settings: [50, 1] } as const;

/**
 * A stream that was open for so long, in ms, was not opened to be reset. The bound on streams at a time bounds how many
 * such streams there are.
 */
const RAPID = 1000;

/** gRPC clients measure the connection with a PING for each answer, or piece of a large one: so many bytes earn one. */
const BYTES_PER_PING = 1024;

/**
 * nghttp2's own bound on resets knows nothing of answered requests, and ends the connection of a client that cancels one
 * request in ten of many. From Node 22 on it can be set; before, it is 1000 at once and 33 a second.
 */
const NGHTTP2_RESETS = { streamResetBurst: 10_000, streamResetRate: 1000 };

/** How many requests of a connection may be malformed in a way that nghttp2 refuses; it has a bound of its own, of 1000. */
const MOST_MALFORMED = 2000;

/** How many heads may wait until node hands them over. A TLS record, which is read as a whole, holds fewer. */
const MOST_UNSEEN = 2000;

/** How often it is looked whether a client with requests is still there, at most; ms. */
const PROBE = 20_000;

/** How long a connection has to say good-bye; ms. */
const GOODBYE = 1000;

/** How long a client that floods has to be told so; ms. */
const LAST_WORD = 100;

/** One connection of HTTP/2: its streams, how long it may be idle, and what it may not do too often. */
export class Http2Session {
  readonly #socket: TLSSocket;
  readonly #tap: Http2Tap;
  readonly #session: ServerHttp2Session;
  readonly #options: Http2SessionOptions;
  readonly #surroundings: LaneSurroundings;
  readonly #resets = new Budget(...FLOODS.resets);
  readonly #pings = new Budget(...FLOODS.pings);
  readonly #settings = new Budget(...FLOODS.settings);
  #lanes = 0;
  #movedAtPing = 0;
  /** Streams whose requests are malformed, of which node does not know. */
  readonly #malformed = new Set<number>();
  /** How many fields each head has that node has not handed over yet. */
  readonly #fieldCounts = new Map<number, number>();
  /** Fields that are malformed may be meant by a number, in any request: none can be trusted. */
  #isTainted = false;
  #flooding = false;
  #idle: NodeJS.Timeout;
  readonly #probing: NodeJS.Timeout;
  /** Whether the last PING has come back, and how many bytes had moved when it was sent. */
  #answered = true;
  #moved = 0;
  #isLeaving = false;

  constructor(socket: TLSSocket, options: Http2SessionOptions) {
    this.#socket = socket;
    this.#options = options;
    const { maxHeaderSize, limits, stalled } = options;
    const sending = new ConnectionSending(socket);
    this.#surroundings = { connection: socket, sending, watch: options.watch, stalled };
    const watch = new BlockWatch({
      counted: (stream, fields) => this.#counted(stream, fields),
      flawed: (stream, flaw) => this.#flawed(stream, flaw),
    });
    this.#tap = new Http2Tap(socket, (chunk) => watch.look(chunk));
    this.#session = performServerHandshake(this.#tap, {
      ...NGHTTP2_RESETS,
      maxHeaderListPairs: Math.max(100, Math.ceil(maxHeaderSize / FIELD_OVERHEAD)),
      settings: {
        enablePush: false,
        enableConnectProtocol: false,
        maxConcurrentStreams: MOST_STREAMS,
        maxHeaderListSize: maxHeaderSize,
      },
    });
    this.#session.on('stream', (stream: ServerHttp2Stream, _fields: unknown, _flags: unknown, raw: readonly string[]) =>
      this.#take(stream, raw),
    );
    this.#session.on('ping', () => this.#pinged());
    this.#session.on('remoteSettings', () => this.#spend(this.#settings));
    // Whatever it is, the connection ends by it, which its streams hear of.
    this.#session.on('error', () => {});
    this.#session.on('close', () => {
      clearTimeout(this.#idle);
      clearInterval(this.#probing);
    });
    this.#idle = setTimeout(() => this.close(), limits.headersTimeout);
    this.#probing = setInterval(() => this.#probe(), Math.min(PROBE, limits.keepAliveTimeout));
  }

  /** Calls back when the connection is no more. */
  whenClosed(closed: () => void): void {
    this.#session.once('close', closed);
  }

  /** Takes no more streams, and closes behind those that are open. */
  close(): void {
    if (!this.#session.destroyed) this.#session.close();
    if (this.#lanes === 0) this.#sayGoodbye();
  }

  /** Cuts every stream, and the connection. */
  destroy(): void {
    this.#session.destroy();
    this.#sayGoodbye();
  }

  #take(stream: ServerHttp2Stream, rawHeaders: readonly string[]): void {
    // Reset before anybody could look at it. There is nobody to answer: it costs no more than this.
    if (stream.destroyed || stream.closed || this.#flooding) {
      stream.on('error', () => {}); // told by `close` as well
      this.#spend(this.#resets);
      return;
    }
    const { limits, maxHeaderSize, serve, late, isLeaving, now } = this.#options;
    const openedAt = now();
    const isTooLarge = sizeOf(rawHeaders) > maxHeaderSize;
    const isMalformed = !this.#isWhole(stream.id as number, rawHeaders) || this.#isTainted;
    const lane = new Http2Lane(stream, { rawHeaders, isTooLarge, isMalformed }, this.#surroundings);
    const timer = lane.request.complete
      ? undefined
      : setTimeout(() => lane.request.complete || late(lane), limits.requestTimeout);
    clearTimeout(this.#idle);
    this.#lanes += 1;
    lane.once('close', () => {
      clearTimeout(timer);
      this.#left(lane, openedAt);
    });
    serve(lane);
    // As an answer in HTTP/1.1 would say `Connection: close`. node has no GOAWAY that only warns: behind any, it closes.
    if (isLeaving() || this.#isTainted) this.close();
  }

  #counted(stream: number, fields: number): void {
    this.#fieldCounts.set(stream, fields);
    if (this.#fieldCounts.size <= MOST_UNSEEN) return;
    const [oldest] = this.#fieldCounts.keys();
    this.#fieldCounts.delete(oldest as number);
  }

  /**
   * Whether a head has arrived with every field that its client has sent. nghttp2 leaves out more than those that are
   * looked for: a Host beside :authority, for one, with characters that it does not take.
   */
  #isWhole(stream: number, rawHeaders: readonly string[]): boolean {
    const count = this.#fieldCounts.get(stream);
    // What nghttp2 has refused before it is never asked for.
    for (const earlier of this.#fieldCounts.keys()) {
      if (earlier > stream) break;
      this.#fieldCounts.delete(earlier);
    }
    return !this.#malformed.delete(stream) && rawHeaders.length === 2 * (count ?? Number.NaN);
  }

  #flawed(stream: number, flaw: BlockFlaw): void {
    if (flaw === 'remembered') this.#isTainted = true;
    this.#malformed.add(stream);
    // Those that nghttp2 has refused itself stay.
    if (this.#malformed.size > MOST_MALFORMED) this.#endFlood();
  }

  /** `openedAt`: when its stream was. */
  #left(lane: Http2Lane, openedAt: number): void {
    const { now, limits } = this.#options;
    this.#lanes -= 1;
    if (lane.response.writableFinished) {
      this.#resets.earn(1);
      this.#pings.earn(1);
    } else if (lane.abandoned && now() - openedAt < RAPID && !this.#session.destroyed) {
      this.#spend(this.#resets);
    }
    if (this.#lanes > 0) return;
    // Neither pings nor half a head are requests: whoever sends no more than these is idle.
    if (this.#session.closed || this.#session.destroyed) this.#sayGoodbye();
    else this.#idle = setTimeout(() => this.close(), limits.keepAliveTimeout);
  }

  #pinged(): void {
    const moved = this.#bytesMoved;
    this.#pings.earn((moved - this.#movedAtPing) / BYTES_PER_PING);
    this.#movedAtPing = moved;
    this.#spend(this.#pings);
  }

  get #bytesMoved(): number {
    return this.#socket.bytesRead + this.#socket.bytesWritten;
  }

  #spend(budget: Budget): void {
    if (!budget.take(this.#options.now())) this.#endFlood();
  }

  #endFlood(): void {
    if (this.#flooding) return;
    this.#flooding = true;
    this.#options.flooded(this.#socket.remoteAddress);
    this.#tap.ignoreAll();
    // Not at once: from within what it reads, node would close the connection before the GOAWAY that says why. Nor does it
    // send one with its own end while something else is being written.
    setImmediate(() => {
      if (this.#session.destroyed) return;
      this.#session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM);
      setTimeout(() => this.destroy(), LAST_WORD);
    });
  }

  /**
   * Looks whether there is still somebody. After DATA on a stream that the client had ended, node reads no more, tells
   * nobody, and does not see the client go: its requests would go on for as long as each may last.
   */
  #probe(): void {
    if (this.#lanes === 0 || this.#session.destroyed) return;
    const moved = this.#bytesMoved;
    if (!this.#answered && moved === this.#moved) {
      // What has arrived while this process was busy has not been read yet.
      setImmediate(() => {
        if (!this.#answered && this.#bytesMoved === moved) this.#socket.destroy();
      });
      return;
    }
    this.#moved = moved;
    if (!this.#answered) return; // slow to read, perhaps, but something moves
    this.#answered = false;
    this.#session.ping((error) => {
      if (!error) this.#answered = true;
    });
  }

  /** A client that reads nothing does not hear that it is to go, and node waits for it. */
  #sayGoodbye(): void {
    clearTimeout(this.#idle);
    if (this.#isLeaving || this.#socket.destroyed) return;
    this.#isLeaving = true;
    const timer = setTimeout(() => this.#socket.destroy(), GOODBYE);
    this.#socket.once('close', () => clearTimeout(timer));
  }
}

/** As RFC 9113 §6.5.2 counts. A client that does not acknowledge our settings is not held to them by nghttp2. */
function sizeOf(rawHeaders: readonly string[]): number {
  let size = (rawHeaders.length / 2) * FIELD_OVERHEAD;
  for (const text of rawHeaders) size += text.length;
  return size;
}
