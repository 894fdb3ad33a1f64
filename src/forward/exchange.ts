import type { ServerResponse } from 'node:http';
import { Batch } from '../batch.ts';
import type { Fault } from '../errors/fault.ts';
import { dropRest } from '../request/linger.ts';
import { contentLength, dropContentLength, isEventStream, plainReason } from './answer.ts';
import { Attempts } from './attempts.ts';
import { RequestBody } from './body.ts';
import { failureFault, tooLarge } from './failure.ts';
import type { HeaderRules } from './headers.ts';
import { passOnInterim } from './interim.ts';
import type { Passage } from './passage.ts';
import type { Holding } from './share.ts';
import type { OpenStream, OpenStreams } from './streams.ts';
import type { Target, UpstreamRequest } from './target.ts';
import type { Sending, Upstream } from './upstream.ts';

/** One request to an upstream and its answer, in undici's own low-level terms: no stream is made for the answer. */
export class Exchange implements Sending {
  readonly #passage: Passage;
  readonly #rules: HeaderRules;
  readonly #upstream: Upstream;
  readonly options: UpstreamRequest;
  readonly holding: Holding | undefined;
  readonly #streams: OpenStreams;
  target: Target | undefined;
  behind: Sending['behind'];
  ahead: Sending['ahead'];
  fresh = false;
  readonly #retries: number;
  /** Made when the first attempt has failed, which is seldom. */
  #attempts: Attempts | undefined;
  #body: RequestBody | undefined;
  #sentAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #abort: ((error?: Error) => void) | undefined;
  #resume: (() => void) | undefined;
  /** Bytes that the answer still has to bring; undefined when it doesn't say. */
  #expected: number | undefined;
  #answering = false;
  /** What is still to leave of an answer that has come whole. */
  #lastPiece: Buffer | undefined;
  #interim = 0;
  /** #timer bounds the time until the head of the answer. */
  #answerIsBounded = false;
  /** Set for an event stream. */
  #stream: OpenStream | undefined;
  /** Nobody is interested any more in what undici tells. */
  #over = false;

  constructor(
    passage: Passage,
    rules: HeaderRules,
    upstream: Upstream,
    options: UpstreamRequest,
    holding: Holding | undefined,
    retries: number,
    streams: OpenStreams,
  ) {
    this.#passage = passage;
    this.#rules = rules;
    this.#upstream = upstream;
    this.options = options;
    this.holding = holding;
    this.#retries = retries;
    this.#streams = streams;
  }

  start(maxBody: number | undefined): void {
    const { request, response, facts } = this.#passage;
    this.#passage.whenGone(this.#clientGone);
    if (facts.head.hasBody) {
      const limit = maxBody ?? Number.POSITIVE_INFINITY;
      const answered = () => response.headersSent;
      this.#body = new RequestBody(
        request,
        limit,
        () => this.#passage.welcome(),
        () => this.#tooLarge(limit),
        answered,
      );
      this.options.body = this.#body;
    }
    this.#upstream.send(this);
    this.#boundWaiting();
  }

  /**
   * undici's own clock runs from the moment a request has a connection; standing in line for one counts as well, where the
   * time runs on from the first time it stood there. Connecting has a time of its own.
   */
  #boundWaiting(): void {
    if (this.target !== undefined || this.#over) return;
    this.#timer = setTimeout(this.#waitedTooLong, this.options.headersTimeout as number);
  }

  sent(target: Target): void {
    if (this.#sentAt === 0) this.#sentAt = performance.now();
    this.#passage.record.servedBy = target.url;
  }

  onConnect(abort: (error?: Error) => void): void {
    this.target?.reached();
    clearTimeout(this.#timer);
    this.#abort = abort;
    if (this.#over) abort();
  }

  onHeaders(status: number, raw: Buffer[], resume: () => void, statusText: string): boolean {
    if (status < 200) {
      this.#interimAnswer(status, raw);
      return true;
    }
    const { request, response, facts } = this.#passage;
    // Its body was refused while it was on its way.
    if (response.headersSent) this.#clientGone();
    if (this.#over) return true;
    if (this.#answerIsBounded) clearTimeout(this.#timer);
    this.#noteTime();
    const headers = this.#rules.forClient(raw, facts, this.options.path);
    if (headers === undefined) {
      this.#refuse({
        code: 'forward.invalid-response',
        detail: 'Its body is in a transfer coding other than chunked.',
      });
      return true;
    }
    this.#resume = resume;
    // Of a body that comes no further the connection can't be read on: a next request would stand behind it.
    if (facts.head.hasBody && !request.complete) {
      response.shouldKeepAlive = false;
      dropRest(request);
    }
    if (status === 204) dropContentLength(headers);
    response.writeHead(status, plainReason(statusText), headers);
    this.#answering = true;
    if (facts.head.method === 'HEAD' || status === 204 || status === 304) {
      // Complete here: of a Content-Length that undici waits for in vain (RFC 9110 §8.6) we want to hear nothing.
      this.#finish();
      response.end();
      return true;
    }
    this.#expected = contentLength(headers);
    // An answer without a length may be a stream: its head must not wait for the first byte that comes later.
    if (this.#expected === undefined) {
      if (isEventStream(headers)) this.#stream = this.#streams.open(facts.permit, this.#expired);
      queueMicrotask(() => response.headersSent && flush(response));
    }
    return true;
  }

  #interimAnswer(status: number, raw: readonly Buffer[]): void {
    const { request, response, facts } = this.#passage;
    if (this.#over || response.headersSent) return;
    if (!this.#answerIsBounded) this.#boundAnswer();
    if (this.#interim === MOST_INTERIM || request.httpVersion === '1.0') return;
    this.#interim += 1;
    passOnInterim(status, this.#rules.forClient(raw, facts, this.options.path) ?? [], response);
  }

  /**
   * undici's clock for the head of an answer begins anew with each interim one, so an upstream could keep a request, and
   * its place, for ever. From the first one on it is ours: it runs from when the request was sent whole.
   */
  #boundAnswer(): void {
    this.#answerIsBounded = true;
    const allowed = this.options.headersTimeout as number;
    const look = (): void => {
      const sentAt = this.#body === undefined ? this.#sentAt : this.#body.endedAt;
      const left = sentAt === undefined ? allowed : sentAt + allowed - performance.now();
      if (left > 0) this.#timer = setTimeout(look, left);
      else
        this.#refuse({ code: 'forward.timeout', detail: 'Nothing but interim answers came within the time allowed.' });
    };
    look();
  }

  onData(chunk: Buffer): boolean {
    if (this.#over) return true;
    const { response } = this.#passage;
    if (this.#expected !== undefined) {
      this.#expected -= chunk.length;
      // The last piece and the end leave in one write. A short text is joined to the head; bytes would be gathered.
      if (this.#expected === 0) {
        if (chunk.length > SHORT) response.end(chunk);
        else {
          this.#lastPiece = chunk;
          deliveries.add(this);
        }
        return true;
      }
    }
    if (response.write(chunk)) return true;
    // undici's clock stands while it is paused. A client that takes next to nothing is cut by the server in less time.
    this.#timer = setTimeout(this.#clientStalled, this.options.bodyTimeout as number);
    response.once('drain', this.#drained);
    return false;
  }

  onComplete(): void {
    this.#upstream.leave(this);
    if (this.#over) return;
    this.#finish();
    const { response } = this.#passage;
    if (!response.writableEnded && this.#lastPiece === undefined) response.end();
  }

  /** Has the last piece of a short answer leave. */
  deliver(): void {
    const { response } = this.#passage;
    // By now its client may have gone.
    if (!response.destroyed) response.end((this.#lastPiece as Buffer).toString('latin1'), 'latin1');
  }

  undelivered(error: unknown): void {
    this.#passage.failed(error);
  }

  onError(error: Error): void {
    if (this.#triesAgain(error)) return;
    // Only now: a request that its client has left may still stand in undici's hands, which these places alone bound.
    this.#upstream.leave(this, error);
    if (this.#over) return;
    if (this.#answering) {
      this.#finish();
      this.#passage.broken(error);
      return;
    }
    this.#noteTime();
    this.#finish();
    this.#passage.refuse(failureFault(error));
  }

  /** Whether it is on its way once more. */
  #triesAgain(error: Error): boolean {
    if (this.#over || this.#answering) return false;
    this.#attempts ??= new Attempts(this.#retries, this.#upstream.size);
    if (!this.#attempts.allow(error, this.#body?.begun ?? false)) return false;
    this.#abort = undefined;
    if (this.#answerIsBounded) clearTimeout(this.#timer);
    this.#answerIsBounded = false;
    this.fresh = true;
    this.#upstream.resend(this, error, this.#attempts.countOut(this.target));
    this.#boundWaiting();
    return true;
  }

  #tooLarge(limit: number): void {
    if (this.#over) return;
    if (!this.#answering) {
      this.#refuse(tooLarge(limit));
      return;
    }
    const error = new Error('the body is larger than the route allows');
    this.#finish();
    this.#abort?.(error);
    this.#passage.broken(error);
  }

  #refuse(fault: Fault): void {
    this.#noteTime();
    this.#finish();
    this.#abort?.(new Error('the request was refused'));
    this.#passage.refuse(fault);
  }

  /** Nobody waits for the answer any more: the upstream need not go on with it. */
  readonly #clientGone = (): void => {
    if (this.#over) return;
    this.#finish();
    this.#abort?.(new Error('the client has gone'));
  };

  /** The token of an event stream has ended. What comes is no whole answer, and must not look like one. */
  readonly #expired = (): void => {
    if (this.#over) return;
    const error = new Error('the token has ended');
    this.#finish();
    this.#abort?.(error);
    this.#passage.expired();
  };

  readonly #waitedTooLong = (): void => {
    if (!this.#over) this.#refuse({ code: 'forward.timeout', detail: 'No connection to it became free in time.' });
  };

  readonly #drained = (): void => {
    clearTimeout(this.#timer);
    this.#resume?.();
  };

  readonly #clientStalled = (): void => {
    this.#clientGone();
    this.#passage.response.destroy();
  };

  /** Takes the time that the upstream needed, once. */
  #noteTime(): void {
    const { record } = this.#passage;
    if (this.#sentAt > 0) record.upstreamMs ??= performance.now() - this.#sentAt;
  }

  #finish(): void {
    this.#over = true;
    clearTimeout(this.#timer);
    if (this.target === undefined) this.#upstream.withdraw(this);
    this.#stream?.close();
    // undici may still come to it, once it has a connection: nobody is asked for it then.
    if (this.#body?.begun === false) this.#body.destroy();
  }
}

/** Short answers leave together: most of what a request costs is the two writes to sockets. */
const deliveries = new Batch<Exchange>(
  (exchange) => exchange.deliver(),
  undefined,
  (error, exchange) => exchange.undelivered(error),
);

/** An upstream that goes on with them for ever fills nobody's memory. */
const MOST_INTERIM = 8;

/** Up to so many bytes it is cheaper to copy than to gather, measured with node's own server: 16.4 µs and 14.9 µs. */
const SHORT = 16 * 1024;

function flush(response: ServerResponse): void {
  if (!response.writableEnded && !response.destroyed) response.flushHeaders();
}
