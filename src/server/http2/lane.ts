import { EventEmitter } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { constants, type ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import type { Writable } from 'node:stream';
import { HTTP2, type Http2Head } from '../../request/http2.ts';
import { boundDrop } from '../../request/linger.ts';
import type { Sending, StallWatch } from '../stalled.ts';
import { Http2Response } from './response.ts';

/** What all streams of one connection have in common. */
export interface LaneSurroundings {
  readonly connection: Socket;
  readonly sending: Sending;
  readonly watch: StallWatch;
  /** Called before a stream is cut whose client takes nothing of its answer. */
  readonly stalled: (lane: Http2Lane) => void;
}

/**
 * One stream of HTTP/2 in place of the connection that a request has to itself in HTTP/1: to cut it ends this request
 * and no other. Emits `close` once.
 */
export class Http2Lane extends EventEmitter implements Pick<Socket, 'destroyed' | 'writable' | 'writableEnded'> {
  /** What all streams of a client share: who it is. */
  readonly connection: Socket;
  readonly sending: Sending;
  readonly request: Http2Request;
  readonly response: Http2Response;
  destroyed = false;
  readonly #stream: ServerHttp2Stream;
  readonly #surroundings: LaneSurroundings;
  #dropsRest = false;
  /** Whether it was we who ended it before its time. */
  #cut = false;

  constructor(stream: ServerHttp2Stream, head: ReceivedHead, surroundings: LaneSurroundings) {
    super();
    const { rawHeaders } = head;
    this.connection = surroundings.connection;
    this.sending = surroundings.sending;
    this.#surroundings = surroundings;
    this.#stream = stream;
    this.request = new Http2Request(stream, head, this);
    this.response = new Http2Response(stream, this, fieldOf(rawHeaders, ':method') === 'HEAD', surroundings.watch);
    // Told by `close` as well.
    stream.on('error', () => {});
    stream.on('aborted', () => this.#gone());
    stream.on('close', () => {
      if (!this.destroyed) this.response.streamClosed();
      this.#close();
    });
  }

  get writable(): boolean {
    return !this.destroyed && !this.response.writableEnded;
  }

  get writableEnded(): boolean {
    return this.destroyed || this.response.writableEnded;
  }

  /** Whether the client, or a mistake of it, ended the stream before its answer was complete. */
  get abandoned(): boolean {
    return this.destroyed && !this.#cut && !this.response.writableFinished;
  }

  /** Ends the stream when what was written has left. An answer that is not complete does not look complete. */
  end(): this {
    if (this.writable) {
      this.#cut = true;
      this.response.breakOff();
    }
    return this;
  }

  destroySoon(): void {
    if (this.response.writableEnded && !this.response.writableFinished)
      this.response.once('finish', () => this.destroy());
    else this.destroy();
  }

  resetAndDestroy(): this {
    return this.destroy();
  }

  /** Ends the stream at once, by a reset where the answer is not complete. */
  destroy(code = constants.NGHTTP2_INTERNAL_ERROR): this {
    if (this.destroyed) return this;
    this.#cut = true;
    this.#stream.close(this.response.writableFinished ? constants.NGHTTP2_NO_ERROR : code);
    this.#gone();
    return this;
  }

  stalled(): void {
    this.#surroundings.stalled(this);
  }

  /** Has the rest of the body be read and dropped once the answer is complete, within bounds. */
  dropRest(): void {
    this.#dropsRest = true;
  }

  /** All of the answer has left, and not all of the body has come. */
  answeredEarly(): void {
    if (!this.#dropsRest) {
      this.destroy();
      return;
    }
    this.response.closed();
    const dropped = boundDrop(this.#stream, this, () => this.destroy());
    this.#stream.on('data', (chunk: Buffer) => dropped(chunk.length));
  }

  /** The client does not wait any more, or is not to. */
  #gone(): void {
    // A reset without an error looks like the end of a body to node: what came of it must not go on as the whole.
    this.request.unpipe();
    this.#close();
    // Else node waits until somebody has read what is left of the body. Not at once: its own code is on the stack.
    setImmediate(() => this.#stream.destroy());
  }

  #close(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.request.unpipe();
    this.#surroundings.watch.delete(this.response);
    this.response.closed();
    this.emit('close');
  }
}

type ReceivedHead = Omit<Http2Head, 'bodyFollows'>;

type RequestOfHttp1 = Pick<IncomingMessage, 'complete' | 'httpVersion' | 'readableLength' | 'rawHeaders'>;

/** What there is of an IncomingMessage in a stream, for whom the gateway takes it. */
export class Http2Request implements RequestOfHttp1, Http2Head {
  readonly httpVersion = HTTP2;
  readonly rawHeaders: string[];
  readonly isTooLarge: boolean;
  readonly isMalformed: boolean;
  readonly bodyFollows: boolean;
  readonly socket: Http2Lane;
  readonly #stream: ServerHttp2Stream;
  #sink: Writable | undefined;
  /** The client has said that this was all. */
  #ended: boolean;

  constructor(stream: ServerHttp2Stream, { rawHeaders, isTooLarge, isMalformed }: ReceivedHead, lane: Http2Lane) {
    this.rawHeaders = rawHeaders as string[];
    this.isTooLarge = isTooLarge;
    this.isMalformed = isMalformed;
    this.socket = lane;
    this.#stream = stream;
    this.bodyFollows = !stream.endAfterHeaders;
    this.#ended = !this.bodyFollows;
    if (this.bodyFollows) stream.once('end', () => this.#end());
    // Nobody is going to read where there is nothing, and node waits for somebody to have seen the end.
    if (!this.bodyFollows || hasNothing(rawHeaders)) stream.resume();
  }

  get complete(): boolean {
    return this.#ended;
  }

  get readableLength(): number {
    return this.#stream.readableLength;
  }

  /** Gives the body to a stream, which ends with it: only if it came whole. */
  pipe<T extends Writable>(sink: T): T {
    if (this.socket.destroyed) return sink;
    this.#sink = sink;
    this.#stream.pipe(sink, { end: false });
    if (this.#ended) sink.end();
    return sink;
  }

  unpipe(): this {
    if (this.#sink) this.#stream.unpipe(this.#sink);
    this.#sink = undefined;
    return this;
  }

  /** Nothing begins to flow by itself. */
  read(): null {
    return null;
  }

  #end(): void {
    // Closed by both sides, or by a reset: whoever resets has no whole body, whatever reason is given.
    if (this.#stream.closed) return;
    this.#ended = true;
    this.#sink?.end();
  }
}

/** Whether the body that follows has no bytes, which nghttp2 sees to. */
function hasNothing(rawHeaders: readonly string[]): boolean {
  const length = fieldOf(rawHeaders, 'content-length');
  return length !== undefined && Number(length) === 0;
}

/** Names stand in even places alone: a value may spell one. */
function fieldOf(rawHeaders: readonly string[], name: string): string | undefined {
  for (let at = 0; at < rawHeaders.length; at += 2) if (rawHeaders[at] === name) return rawHeaders[at + 1];
  return undefined;
}
