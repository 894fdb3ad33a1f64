import type { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Permit } from '../authorise/permit.ts';
import type { Fault } from '../errors/fault.ts';
import { replyFor } from '../errors/problem.ts';
import type { Reply } from '../errors/reply.ts';
import { type Decision, decide } from '../gateway.ts';
import { Journey } from '../journey.ts';
import type { LimitReports } from '../observe/limit-reports.ts';
import type { Log } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { Ending } from '../observe/request-line.ts';
import { type Outcome, stop } from '../outcome.ts';
import { type RequestHead, readHead } from '../request/head.ts';
import { readHttp2Head } from '../request/http2.ts';
import { isUsableId, newRequestId } from '../request/id.ts';
import { closeGently, cut, hurry } from '../request/linger.ts';
import { type RestOfBody, sendRawReply, sendRepliesNow, sendReply, withIdentity } from './answer.ts';
import { closeUnlessWritten } from './half-close.ts';
import { Http2Lane, Http2Request } from './http2/lane.ts';
import { Turns } from './turns.ts';
import { CLIENT_STALLED, Upgrades } from './upgrades.ts';
import { Visit, type VisitDesk } from './visit.ts';
import type { World } from './world.ts';

/** How far a shutdown has got: `leaving` still serves while load balancers notice, `closed` takes nothing new. */
export type Phase = 'open' | 'leaving' | 'closed';

/** What serving requests depends on. */
export interface RequestSurroundings {
  /** Read once for each request, which finishes in the world that it began in. */
  readonly worlds: { readonly current: World };
  readonly now: () => number;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly limits: LimitReports;
  /** Whether a connection exceeds the limit. */
  readonly isSurplus: (connection: Socket) => boolean;
}

/** Takes each request from its head to its one closing log line. */
export class Requests implements VisitDesk {
  phase: Phase = 'open';
  readonly #worlds: { readonly current: World };
  readonly #now: () => number;
  readonly #log: Log;
  readonly #metrics: Metrics;
  readonly #limits: LimitReports;
  readonly #isSurplus: RequestSurroundings['isSurplus'];
  readonly #upgrades: Upgrades;
  /** Has requests of HTTP/1 begin one after the other. */
  readonly turns = new Turns((socket) => this.#latest.get(socket)?.response);
  /** The last request of each open connection that has sent any; undefined once its answer has been sent. */
  readonly #latest = new Map<Socket, Visit | undefined>();
  /** Answers whose connection was cut because the client did not read them. Node reports them as sent. */
  readonly #unread = new WeakSet<ServerResponse>();

  constructor({ worlds, now, log, metrics, limits, isSurplus }: RequestSurroundings) {
    this.#worlds = worlds;
    this.#now = now;
    this.#log = log;
    this.#metrics = metrics;
    this.#limits = limits;
    this.#isSurplus = isSurplus;
    this.#upgrades = new Upgrades({
      begin: (request) => {
        const world = this.#worlds.current;
        const now = this.#now();
        const head = readHead(request, world.assembly.sorter);
        return { world, head, now, journey: this.#begin(world, request, head, now) };
      },
      decide: (head, journey, at) => this.#decide(head, journey, at, false),
      replyTo: (fault, journey) => this.#replyTo(fault, journey),
      record: (journey, ending) => this.#record(journey, ending),
      defect: (error, journey) => this.#log.requestDefect(error, journey.id),
    });
  }

  serve(request: IncomingMessage, response: ServerResponse): void {
    // After a promised close no more requests are served (RFC 9112 §9.6): after a head that two parsers read differently,
    // what follows may be smuggled.
    const latest = this.#latest.get(request.socket);
    if (latest?.response.shouldKeepAlive === false) return;
    const isFirst = !this.#latest.has(request.socket);
    if (isFirst) this.#watch(request.socket);
    const world = this.#worlds.current;
    const now = this.#now();
    const { sorter } = world.assembly;
    const head = request instanceof Http2Request ? readHttp2Head(request, sorter) : readHead(request, sorter);
    const visit = new Visit(this.#begin(world, request, head, now), request, response, this);
    this.#latest.set(request.socket, visit);
    const goesOn = response.shouldKeepAlive;
    if (this.phase !== 'open') response.shouldKeepAlive = false;
    if (isFirst && this.#isSurplus(connectionOf(request.socket))) {
      this.refuse(SATURATED, visit);
      return;
    }
    try {
      const decision = this.#decide(head, visit.journey, now, goesOn);
      if (decision instanceof Promise) {
        world.enter();
        decision
          .then((late) => {
            this.#carryOut(late, visit);
            world.leave();
          })
          .catch((error) => {
            this.#refuseDefect(error, visit);
            world.leave();
          });
      } else {
        this.#carryOut(decision, visit);
      }
    } catch (error) {
      this.#refuseDefect(error, visit);
    }
  }

  #watch(socket: Socket): void {
    socket.once('close', () => this.#latest.delete(socket));
    socket.once('end', () => {
      if (this.#latest.get(socket)?.journey.closed === false) closeUnlessWritten(socket);
    });
  }

  /**
   * Takes an upgrade request: node hands over the bare connection and no longer manages it. `early` is what followed the
   * head.
   */
  upgrade(request: IncomingMessage, socket: Socket, early: Buffer): void {
    if (this.turns.take(request, socket, early)) return;
    if (this.#isSurplus(socket)) {
      socket.on('error', () => socket.destroy());
      this.refuseOn(socket, SATURATED);
      return;
    }
    this.#upgrades.take(request, socket, early, this.#latest.get(socket)?.response);
  }

  /** The connection of an answer is about to be cut because the client does not read it. */
  leftUnread(response: ServerResponse): void {
    this.#unread.add(response);
  }

  /** A client is about to be cut because it does not read what is written to it: notes that for its log line. */
  stalled(socket: Socket): void {
    const latest = this.#latest.get(socket);
    if (latest?.journey.closed === false) {
      latest.journey.ended ??= CLIENT_STALLED;
      this.#unread.add(latest.response);
    }
    this.#upgrades.stalled(socket);
  }

  /** Takes no more requests. Connections close after the answers under way, which announce it if they can. */
  takeNothingNew(): void {
    this.phase = 'closed';
    for (const [socket, visit] of this.#latest) {
      if (visit && !visit.response.headersSent) visit.response.shouldKeepAlive = false;
      hurry(socket);
    }
  }

  /**
   * Ends requests under way at the end of their time: their log lines will say `cut`. Connections that node has handed over
   * are closed here within a moment, WebSockets with a Close frame; node closes the others.
   */
  endUnderWay(): void {
    for (const { journey } of this.#underWay()) journey.ended ??= 'cut';
    this.#upgrades.leave();
    this.turns.cut();
  }

  /**
   * Resolves when every connection that has brought a request is closed, so that the line of each is written. A server says
   * that it is closed before its connections do.
   */
  async closed(): Promise<void> {
    // `closed` of a socket is true as soon as it is destroyed; sockets that have emitted `close` are no longer in these lists.
    await allClosed([...this.#latest.keys(), ...this.#upgrades.connections], LAST_CLOSE);
  }

  /** Resolves when no request is under way. Requests that take longer than `timeout` ms are cut. */
  async settled(timeout: number): Promise<void> {
    const ended = allClosed(
      this.#underWay().map(({ response }) => response),
      timeout,
    );
    this.#upgrades.leave();
    await ended;
    this.endUnderWay();
    for (const { request } of this.#underWay()) cut(request.socket);
  }

  /** Requests whose answer has not come to its end. */
  #underWay(): Visit[] {
    return [...this.#latest.values()].flatMap((visit) => (visit && !visit.journey.closed ? [visit] : []));
  }

  /** Cuts every connection that node has handed over, which node does not close itself. */
  cutUpgraded(): void {
    this.#upgrades.cut();
    this.turns.cut();
  }

  #begin(world: World, request: IncomingMessage, head: Outcome<RequestHead>, now: number): Journey {
    const peer = world.peers.of(request.socket);
    const given = head.ok && peer.trusted ? head.value.requestId : undefined;
    const id = given !== undefined && isUsableId(given) ? given : newRequestId(now);
    return new Journey(id, peer, head.ok ? head.value : undefined, world.assembly);
  }

  /**
   * Answers what the parser or a time limit refuses on a connection. If a body was being read, that request gets the answer.
   * If an earlier request still waits for its answer, it gets that answer and then the connection closes: the client would
   * take anything sent before for it.
   */
  refuseOn(socket: Socket, fault: Fault): void {
    // What came with this may have been answered a moment ago.
    sendRepliesNow();
    const latest = this.#latest.get(socket);
    if (latest?.isUnsent) {
      // What came of the body stays here: with the rest of it refused, it must not look complete to the upstream.
      latest.request.unpipe();
      this.refuse(fault, latest);
    } else if (latest?.response.writableFinished && !latest.response.shouldKeepAlive) {
      // Refused already, and the connection is closing: a second answer would be taken for that of another request.
      return;
    } else if (latest?.request.complete && !latest.response.writableFinished) {
      latest.response.shouldKeepAlive = false;
      latest.response.once('finish', () => socket.destroySoon());
    } else if (!socket.writable || (latest && !latest.response.writableFinished)) {
      socket.destroy();
    } else {
      this.#refuseUnread(fault, socket);
    }
  }

  /** Answers a request of which only the connection is known. */
  #refuseUnread(fault: Fault, socket: Socket): void {
    const { assembly, peers } = this.#worlds.current;
    const journey = new Journey(newRequestId(this.#now()), peers.of(socket), undefined, assembly);
    journey.fault = fault;
    const reply = this.#replyTo(fault, journey);
    sendRawReply(reply, socket);
    this.#record(journey, { status: reply.status, durationMs: performance.now() - journey.startedAt, aborted: false });
  }

  #decide(head: Outcome<RequestHead>, journey: Journey, now: number, goesOn: boolean): Decision | Promise<Decision> {
    if (!head.ok) return head;
    // A tab after `close` hides it from the parser: some servers would read what follows as a request, others not.
    if (head.value.closes && goesOn) return stop({ code: 'request.invalid', detail: UNCLEAR_CLOSE, close: true });
    if (this.phase === 'closed') return stop({ code: 'gateway.draining' });
    const { expect } = head.value;
    if (expect !== undefined && expect.toLowerCase() !== '100-continue') return stop({ code: 'request.expectation' });
    return decide(journey.assembly, journey, head.value, now);
  }

  #carryOut(decision: Decision, visit: Visit): void {
    const { journey, request, response } = visit;
    // The client left while the token was checked, or its body was broken. A response that is queued behind another one
    // is not notified.
    if (response.destroyed || response.headersSent || request.socket.destroyed) return;
    if (!decision.ok) this.refuse(decision.fault, visit);
    else if (decision.value instanceof Permit) visit.forward(decision.value);
    else sendReply(withIdentity(decision.value, journey.id), this.#restOf(journey), visit);
  }

  /** Refuses a request. */
  refuse(fault: Fault, visit: Visit): void {
    const { journey, response } = visit;
    journey.fault = fault;
    if (fault.close) response.shouldKeepAlive = false;
    sendReply(this.#replyTo(fault, journey), this.#restOf(journey, fault), visit);
  }

  /** After an untrustworthy head nothing is read: it may have no body. */
  #restOf(journey: Journey, fault?: Fault): RestOfBody {
    if (!journey.hasBody) return 'none';
    const isUntrusted = fault?.close === true && fault.code !== 'request.too-large';
    return isUntrusted || this.phase === 'closed' ? 'leave' : 'drop';
  }

  /** Logs an unexpected error. */
  defect(error: unknown, { journey }: Visit): void {
    this.#log.requestDefect(error, journey.id);
  }

  #replyTo(fault: Fault, journey: Journey): Reply {
    const { errors } = journey.assembly.config;
    return readableByPages(replyFor(journey.refusedWith(fault), errors), journey);
  }

  #refuseDefect(error: unknown, visit: Visit): void {
    this.defect(error, visit);
    this.refuse({ code: 'gateway.internal', cause: error }, visit);
  }

  /** Logs and counts how a request ended. */
  ended(visit: Visit): void {
    const { journey, request, response } = visit;
    journey.closed = true;
    const durationMs = performance.now() - journey.startedAt;
    const status = response.headersSent ? response.statusCode : undefined;
    const named = journey.ended !== undefined && journey.ended !== CLIENT_STALLED && status !== undefined;
    const isWhole = response.writableFinished && !(request.socket.destroyed && this.#unread.has(response));
    const aborted = !isWhole && !journey.broken && !named;
    this.#record(journey, { status, durationMs, aborted, broken: journey.broken });
    // Its head did not announce the close. Idle connections are closed once, when the shutdown begins.
    const isLast = this.#latest.get(request.socket) === visit;
    if (this.phase === 'closed' && isLast) closeForShutdown(request.socket);
    // An idle connection keeps neither the head of its last request nor the token in it.
    if (isLast && response.writableFinished && response.shouldKeepAlive) this.#latest.set(request.socket, undefined);
  }

  #record(journey: Journey, ending: Ending): void {
    this.#metrics.requestEnded(journey, ending);
    this.#log.requestEnded(journey, ending);
    const limit = journey.fault && limitReachedBy(journey.fault, journey);
    if (limit !== undefined) this.#limits.add(limit);
  }
}

/** The configured limit that refused a request. */
function limitReachedBy({ code }: Fault, { route, head }: Journey): string | undefined {
  if (code !== 'forward.saturated' || route === undefined) return undefined;
  return `upstreams.${route.settings.upstream.name}.${head?.upgrade ? 'connections' : 'queue'}`;
}

/** Resolves when all of these have emitted `close`, at the latest after `timeout` ms. */
async function allClosed(closing: readonly EventEmitter[], timeout: number): Promise<void> {
  const each = closing.map((emitter) => new Promise((resolve) => emitter.once('close', resolve)));
  let deadline: NodeJS.Timeout | undefined;
  const late = new Promise((resolve) => {
    deadline = setTimeout(resolve, timeout);
  });
  await Promise.race([Promise.all(each), late]);
  clearTimeout(deadline);
}

/** Longest wait in ms for connections that have been cut; one that was refused unread may linger for a second. */
const LAST_CLOSE = 1500;

function closeForShutdown(socket: Socket): void {
  if (socket.writableEnded) hurry(socket);
  else closeGently(socket);
}

const SATURATED: Fault = { code: 'gateway.saturated', close: true };

function connectionOf(socket: Socket): Socket {
  return socket instanceof Http2Lane ? socket.connection : socket;
}

const UNCLEAR_CLOSE = 'The Connection header contains `close` in a form that some servers do not recognise.';

/** With these headers a browser shows the refusal to the page, instead of just "CORS error". */
function readableByPages(reply: Reply, { route, head }: Journey): Reply {
  return route?.cors && head ? { ...reply, headers: [...reply.headers, ...route.cors.headersFor(head)] } : reply;
}
