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

/** What serving requests needs of its surroundings. */
export interface RequestSurroundings {
  /** Read once for each request, which finishes in the world that it has met. */
  readonly worlds: { readonly current: World };
  readonly now: () => number;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly limits: LimitReports;
  /** Whether a connection is one more than there may be. */
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
  /** The last request of each open connection that has brought any; undefined once its answer has left. */
  readonly #latest = new Map<Socket, Visit | undefined>();
  /** Answers whose connection was cut since their client did not take them. node says that they were sent. */
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
    // A connection that has been promised a close brings no more requests (RFC 9112 §9.6): after a head that two readers
    // understand in two ways, what follows may be somebody's smuggled one.
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
   * Takes a request to upgrade: node hands over the bare connection, and has nothing to do with it any more. `early` came
   * behind the head.
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

  /** The connection of an answer is about to be cut: its client takes nothing of it. */
  leftUnread(response: ServerResponse): void {
    this.#unread.add(response);
  }

  /** A client takes nothing of what is written to it, and is about to be cut: its line says so. */
  stalled(socket: Socket): void {
    const latest = this.#latest.get(socket);
    if (latest?.journey.closed === false) {
      latest.journey.ended ??= CLIENT_STALLED;
      this.#unread.add(latest.response);
    }
    this.#upgrades.stalled(socket);
  }

  /** Takes nothing new any more. Connections close behind the answers that are still to come, and say so where they can. */
  takeNothingNew(): void {
    this.phase = 'closed';
    for (const [socket, visit] of this.#latest) {
      if (visit && !visit.response.headersSent) visit.response.shouldKeepAlive = false;
      hurry(socket);
    }
  }

  /**
   * The time of what is under way is over: its line will say that it was cut. Connections that node has handed over end
   * within a moment, those of WebSockets with a goodbye; the others are node's to close.
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
    // `closed` of a socket is true as soon as it is destroyed; those that have told it have left these.
    const open = [...this.#latest.keys(), ...this.#upgrades.connections];
    const each = open.map((socket) => new Promise((resolve) => socket.once('close', resolve)));
    let deadline: NodeJS.Timeout | undefined;
    const enough = new Promise((resolve) => {
      deadline = setTimeout(resolve, LAST_CLOSE);
    });
    await Promise.race([Promise.all(each), enough]);
    clearTimeout(deadline);
  }

  /** Resolves when nothing is under way any more. What takes longer than `timeout` ms is cut. */
  async settled(timeout: number): Promise<void> {
    const ended = this.#underWay().map(({ response }) => new Promise((resolve) => response.once('close', resolve)));
    this.#upgrades.leave();
    let deadline: NodeJS.Timeout | undefined;
    const late = new Promise((resolve) => {
      deadline = setTimeout(resolve, timeout);
    });
    await Promise.race([Promise.all(ended), late]);
    clearTimeout(deadline);
    this.endUnderWay();
    for (const { request } of this.#underWay()) cut(request.socket);
  }

  /** Requests whose answer has not come to its end. */
  #underWay(): Visit[] {
    return [...this.#latest.values()].flatMap((visit) => (visit && !visit.journey.closed ? [visit] : []));
  }

  /** Cuts every connection that node has handed over: it closes none of them with its own. */
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
   * Answers what the parser or a time limit refuses on a connection. If a body was being read, the answer is that
   * request's. If an earlier request waits for its answer, that one still comes and then the connection closes: anything
   * said before would be taken for it.
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

  /** Answers a request of which there is no more than its connection. */
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
    // To the parser a tab behind `close` hid it: what follows is a request to one reader and nothing to another.
    if (head.value.closes && goesOn) return stop({ code: 'request.invalid', detail: UNCLEAR_CLOSE, close: true });
    if (this.phase === 'closed') return stop({ code: 'gateway.draining' });
    const { expect } = head.value;
    if (expect !== undefined && expect.toLowerCase() !== '100-continue') return stop({ code: 'request.expectation' });
    return decide(journey.assembly, journey, head.value, now);
  }

  #carryOut(decision: Decision, visit: Visit): void {
    const { journey, request, response } = visit;
    // The client went while the token was checked, or its body turned out to be broken. A response that waits behind
    // another one isn't told.
    if (response.destroyed || response.headersSent || request.socket.destroyed) return;
    if (!decision.ok) this.refuse(decision.fault, visit);
    else if (decision.value instanceof Permit) visit.forward(decision.value);
    else sendReply(withIdentity(decision.value, journey.id), this.#restOf(journey), visit);
  }

  /** Answers a request that goes no further. */
  refuse(fault: Fault, visit: Visit): void {
    const { journey, response } = visit;
    journey.fault = fault;
    if (fault.close) response.shouldKeepAlive = false;
    sendReply(this.#replyTo(fault, journey), this.#restOf(journey, fault), visit);
  }

  /** Behind a head that is not to be trusted nothing is read: there may be no body. */
  #restOf(journey: Journey, fault?: Fault): RestOfBody {
    if (!journey.hasBody) return 'none';
    const isUntrusted = fault?.close === true && fault.code !== 'request.too-large';
    return isUntrusted || this.phase === 'closed' ? 'leave' : 'drop';
  }

  /** Logs an error that no code expects. */
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

  /** Writes down how a request ended. */
  ended(visit: Visit): void {
    const { journey, request, response } = visit;
    journey.closed = true;
    const durationMs = performance.now() - journey.startedAt;
    const status = response.headersSent ? response.statusCode : undefined;
    const named = journey.ended !== undefined && journey.ended !== CLIENT_STALLED && status !== undefined;
    const isWhole = response.writableFinished && !(request.socket.destroyed && this.#unread.has(response));
    const aborted = !isWhole && !journey.broken && !named;
    this.#record(journey, { status, durationMs, aborted, broken: journey.broken });
    // Its head had said nothing of a close. Idle connections are closed once, when the shutdown begins.
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

/** The limit of the configuration because of which a request was refused. */
function limitReachedBy({ code }: Fault, { route, head }: Journey): string | undefined {
  if (code !== 'forward.saturated' || route === undefined) return undefined;
  return `upstreams.${route.settings.upstream.name}.${head?.upgrade ? 'connections' : 'queue'}`;
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

/** A browser shows a page a refusal, and not just "CORS error", when it has these headers too. */
function readableByPages(reply: Reply, { route, head }: Journey): Reply {
  return route?.cors && head ? { ...reply, headers: [...reply.headers, ...route.cors.headersFor(head)] } : reply;
}
