import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { constants, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { Sending, StallWatch } from '../stalled.ts';

/** What a response needs of the lane that it answers on. */
interface Carrier {
  readonly destroyed: boolean;
  readonly request: { readonly complete: boolean };
  /** What its connection sends as a whole. */
  readonly sending: Sending;
  /** The client takes nothing of the answer, which is about to be cut. */
  stalled(): void;
  /** All of the answer has left, and not all of the body has come. */
  answeredEarly(): void;
  destroy(code?: number): unknown;
}

type ResponseOfHttp1 = Pick<
  ServerResponse,
  'flushHeaders' | 'headersSent' | 'shouldKeepAlive' | 'statusCode' | 'writableEnded' | 'writableFinished'
>;

/**
 * What there is of a ServerResponse in a stream, for whom the gateway answers. Emits `close` once, `drain`, and `finish`
 * when all of the answer has left.
 */
export class Http2Response extends EventEmitter implements ResponseOfHttp1, Sending {
  /** Of no meaning: a stream brings one request, and the connection outlives it. */
  shouldKeepAlive = true;
  statusCode = 0;
  headersSent = false;
  writableEnded = false;
  writableFinished = false;
  readonly socket: Carrier;
  readonly #stream: ServerHttp2Stream;
  /** Until it is known whether a body follows. */
  #head: OutgoingHttpHeaders | undefined;
  readonly #isHead: boolean;
  readonly #watch: StallWatch;
  /** Bytes that were given to the stream. */
  #written = 0;
  /** node asks how the stream is to end. */
  #endIsAsked = false;
  #isClosed = false;
  /** It is to end without being complete. */
  #broken = false;

  constructor(stream: ServerHttp2Stream, lane: Carrier, isHead: boolean, watch: StallWatch) {
    super();
    this.socket = lane;
    this.#stream = stream;
    this.#isHead = isHead;
    this.#watch = watch;
    stream.on('drain', () => {
      watch.delete(this);
      this.emit('drain');
    });
  }

  get destroyed(): boolean {
    return this.socket.destroyed;
  }

  /** The head of the answer; `fields` are names and values in turn. HTTP/2 has no reason beside the status. */
  writeHead(status: number, reasonOrFields: string | readonly string[], fields?: readonly string[]): this {
    const given = fields ?? (reasonOrFields as readonly string[]);
    this.#head = headOf(status, given);
    this.statusCode = status;
    this.headersSent = true;
    return this;
  }

  /** Sends the head before there is a body. */
  flushHeaders(): void {
    if (this.#isOpen) this.#respond(true);
  }

  write(chunk: Buffer): boolean {
    if (!this.#isOpen || this.#isBodiless) return true;
    this.#respond(true);
    if (this.destroyed) return true;
    this.#written += chunk.length;
    if (this.#stream.write(chunk)) return true;
    this.#watch.add(this);
    return false;
  }

  end(chunk: Buffer | string = '', encoding: BufferEncoding = 'utf8'): this {
    if (this.writableEnded || !this.#isOpen) return this;
    this.writableEnded = true;
    const isEmpty = chunk.length === 0 || this.#isBodiless;
    // An answer that ends as it begins is known to be whole.
    this.#respond(false, isEmpty);
    if (this.destroyed) return this;
    if (!this.#endIsAsked) this.#stream.once('finish', () => this.#finish());
    // To HEAD node has ended its side already.
    if (this.#stream.writableFinished) this.#finish();
    else if (isEmpty) this.#stream.end();
    else this.#stream.end(chunk, encoding);
    this.#written += chunk.length;
    // A client that opens no window for the end of an answer would keep it for ever (CVE-2019-9517).
    if (!this.destroyed && !this.writableFinished) this.#watch.add(this);
    return this;
  }

  /** What is not all out yet waits, even if only its end does. */
  get waiting(): number {
    const { writableLength } = this.#stream;
    return writableLength === 0 && this.writableEnded && !this.writableFinished ? 1 : writableLength;
  }

  get taken(): number {
    return this.#written - this.#stream.writableLength;
  }

  get connection(): Sending {
    return this.socket.sending;
  }

  stalled(): void {
    this.socket.stalled();
    this.destroy();
  }

  /** Ends the stream behind what was written, and not as if that were all. */
  breakOff(): void {
    if (this.#head !== undefined || !this.#stream.headersSent) {
      this.socket.destroy(constants.NGHTTP2_CANCEL);
      return;
    }
    this.#broken = true;
    this.#stream.end();
  }

  /**
   * Called once the stream is closed, before `close` is emitted. node closes a stream whose both sides have ended before
   * it reports that the last bytes have left, and then never reports it: such an answer is complete all the same.
   */
  streamClosed(): void {
    const isClean = this.#stream.rstCode === constants.NGHTTP2_NO_ERROR && this.socket.request.complete;
    if (isClean && this.writableEnded && !this.#endIsAsked) this.#finish();
  }

  /** The answer is over, complete or not: emits `close`. */
  closed(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.emit('close');
  }

  destroy(): this {
    this.socket.destroy(constants.NGHTTP2_CANCEL);
    return this;
  }

  writeContinue(): void {
    this.#inform({ ':status': 100 });
  }

  writeProcessing(): void {
    this.#inform({ ':status': 102 });
  }

  writeEarlyHints({ link }: { readonly link: string[] }): void {
    for (const value of link) assertValue(value);
    this.#inform({ ':status': 103, link });
  }

  #inform(fields: OutgoingHttpHeaders): void {
    if (!this.headersSent && this.#isOpen) this.#stream.additionalHeaders(fields);
  }

  /** Whether node would take an answer. It may know earlier than it tells that there is no stream any more. */
  get #isOpen(): boolean {
    if (!this.destroyed && (this.#stream.closed || this.#stream.destroyed)) this.socket.destroy();
    return !this.destroyed;
  }

  get #isBodiless(): boolean {
    const status = this.statusCode;
    return this.#isHead || status === 204 || status === 205 || status === 304;
  }

  /** Sends the head if it has not been sent. */
  #respond(bodyFollows: boolean, endStream = false): void {
    const head = this.#head;
    if (head === undefined) return;
    this.#head = undefined;
    // node ends a stream cleanly before it resets it, and a body that was broken off would look complete. So it is made
    // to ask before it ends one, at the price of an empty frame.
    this.#endIsAsked = bodyFollows && !this.#isBodiless;
    try {
      this.#stream.respond(head, { endStream, waitForTrailers: this.#endIsAsked });
    } catch {
      // What node finds fault with beyond what was looked at in `headOf`: nobody is there to hear of it, in some turns.
      this.socket.destroy();
      return;
    }
    if (this.#endIsAsked) this.#stream.once('wantTrailers', () => this.#sent());
  }

  /** Every byte that was written has left, and the stream can still be ended in either way. */
  #sent(): void {
    if (this.destroyed) return;
    if (this.#broken) {
      this.socket.destroy(constants.NGHTTP2_CANCEL);
      return;
    }
    this.#stream.sendTrailers({});
    this.#finish();
  }

  #finish(): void {
    if (this.writableFinished || this.destroyed) return;
    this.writableFinished = true;
    this.#watch.delete(this);
    this.emit('finish');
    if (!this.socket.request.complete) this.socket.answeredEarly();
  }
}

/** Of the hop, or without meaning in HTTP/2 (RFC 9113 §8.2.2). */
const OF_THE_CONNECTION: ReadonlySet<string> = new Set([
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
]);

/** Fields that node throws at where they stand twice. The first counts. */
const SINGLE: ReadonlySet<string> = new Set([
  'access-control-allow-credentials',
  'access-control-max-age',
  'access-control-request-method',
  'age',
  'authorization',
  'content-encoding',
  'content-language',
  'content-length',
  'content-location',
  'content-md5',
  'content-range',
  'content-type',
  'date',
  'dnt',
  'etag',
  'expires',
  'from',
  'host',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'last-modified',
  'location',
  'max-forwards',
  'proxy-authorization',
  'range',
  'referer',
  'retry-after',
  'tk',
  'upgrade-insecure-requests',
  'user-agent',
  'x-content-type-options',
]);

/** Throws node's own errors for what can't be answered, before anything is sent. */
function headOf(status: number, fields: readonly string[]): OutgoingHttpHeaders {
  if (status < 200 || status > 599) throw failure('ERR_HTTP_INVALID_STATUS_CODE', `Invalid status code: ${status}`);
  const head: OutgoingHttpHeaders = Object.create(null);
  head[':status'] = status;
  for (let at = 0; at < fields.length; at += 2) {
    const name = (fields[at] as string).toLowerCase();
    const value = fields[at + 1] as string;
    assertValue(value);
    const before = head[name];
    if (OF_THE_CONNECTION.has(name)) continue;
    if (before === undefined) head[name] = value;
    else if (Array.isArray(before)) before.push(value);
    else if (!SINGLE.has(name)) head[name] = [before as string, value];
  }
  return head;
}

function assertValue(value: string): void {
  if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) throw failure('ERR_INVALID_CHAR', 'Invalid character in a header');
}

function failure(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}
