import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Permit } from '../authorise/permit.ts';
import type { Fault } from '../errors/fault.ts';
import type { RequestFacts } from '../forward/headers.ts';
import type { Passage } from '../forward/passage.ts';
import type { Journey } from '../journey.ts';
import { closeGently, cut } from '../request/linger.ts';
import type { Target } from '../route/target.ts';

/** Answers requests that are not forwarded, and records how each request ended. */
export interface VisitDesk {
  refuse(fault: Fault, visit: Visit): void;
  defect(error: unknown, visit: Visit): void;
  /** Called once, when the response has closed; the journey is closed from then on. */
  ended(visit: Visit): void;
}

/** One request under way with its response: forwarding sees the client through it. */
export class Visit implements Passage {
  readonly journey: Journey;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly #desk: VisitDesk;
  #facts: RequestFacts | undefined;
  #whenGone: (() => void) | undefined;
  readonly #isBehind: boolean;

  constructor(journey: Journey, request: IncomingMessage, response: ServerResponse, desk: VisitDesk) {
    this.journey = journey;
    this.request = request;
    this.response = response;
    this.#desk = desk;
    response.on('close', this.#closed);
    this.#isBehind = response.socket === null;
    // Behind one that has not quite left, node doesn't tell it when its connection closes.
    if (this.#isBehind) request.socket.on('close', this.#closed);
  }

  readonly #closed = (): void => {
    if (this.journey.closed) return;
    if (this.#isBehind) this.request.socket.off('close', this.#closed);
    this.#desk.ended(this);
    this.#whenGone?.();
  };

  /** Has the route's upstream answer it. */
  forward(permit: Permit): void {
    const { journey } = this;
    const { head, target, route } = journey;
    if (!head || !target || !route) throw new Error('a permit without a route');
    if (head.upgrade) {
      // Ours is the stricter reading, if node takes it for a plain request: what we can't hand over is not forwarded.
      this.refuse({ code: 'route.upgrade', close: true });
      return;
    }
    journey.permit = permit;
    this.#facts = journey.factsFor(head, permit);
    route.forwarder.forward(permit, this);
  }

  get facts(): RequestFacts {
    if (this.#facts === undefined) throw new Error('a request that is not forwarded');
    return this.#facts;
  }

  get path(): string {
    return this.#target.path;
  }

  get query(): string {
    return this.#target.query;
  }

  get #target(): Target {
    if (this.journey.target === undefined) throw new Error('a request without a target');
    return this.journey.target;
  }

  get record(): Journey {
    return this.journey;
  }

  whenGone(listener: () => void): void {
    this.#whenGone = listener;
  }

  welcome(): void {
    const { request, response } = this;
    // HTTP/1.0 knows no interim answers (RFC 9110 §10.1.1).
    if (this.facts.head.expect !== undefined && request.httpVersion !== '1.0' && !response.headersSent)
      response.writeContinue();
  }

  refuse(fault: Fault): void {
    this.#desk.refuse(fault, this);
  }

  broken(error: Error): void {
    // Of what a shutdown has cut, the pool may tell before the client's connection does: the upstream did nothing wrong.
    if (this.journey.ended !== 'cut') this.journey.broken = error;
    // Ours has to look broken too: a reset can't be taken for a complete answer, whatever the framing.
    cut(this.request.socket);
  }

  /** Whatever was sent of the answer must not look complete. */
  failed(error: unknown): void {
    this.#desk.defect(error, this);
    this.journey.fault = { code: 'gateway.internal', cause: error };
    cut(this.request.socket);
  }

  expired(): void {
    this.journey.ended = 'token ended';
    // What the client has not read yet still reaches it. Only where the close ends an answer it has to be a reset.
    if (this.request.httpVersion !== '1.0') closeGently(this.request.socket);
    else cut(this.request.socket);
  }

  /** Whether nothing has been answered to a request whose body has not all gone on: it can still be refused whole. */
  get isUnsent(): boolean {
    const { request, response } = this;
    return !response.headersSent && (!request.complete || request.readableLength > 0);
  }
}
