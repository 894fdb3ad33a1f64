import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Permit } from '../authorise/permit.ts';
import type { Fault } from '../errors/fault.ts';
import type { Reply } from '../errors/reply.ts';
import type { UpgradeEnd } from '../forward/upgrade.ts';
import type { Decision } from '../gateway.ts';
import type { Journey } from '../journey.ts';
import type { Ending } from '../observe/request-line.ts';
import type { Outcome } from '../outcome.ts';
import type { RequestHead } from '../request/head.ts';
import { sendRawReply, withIdentity } from './answer.ts';
import type { World } from './world.ts';

/** What requests to upgrade share with all others. */
export interface UpgradeDesk {
  begin(request: IncomingMessage): {
    readonly world: World;
    readonly head: Outcome<RequestHead>;
    readonly now: number;
    readonly journey: Journey;
  };
  decide(head: Outcome<RequestHead>, journey: Journey, now: number): Decision | Promise<Decision>;
  replyTo(fault: Fault, journey: Journey): Reply;
  record(journey: Journey, ending: Ending): void;
  defect(error: unknown, journey: Journey): void;
}

/** How the line of what was cut since its client took nothing says it. */
export const CLIENT_STALLED = 'client stalled';

/** Takes each request to upgrade from its head to its one closing log line. */
export class Upgrades {
  readonly #desk: UpgradeDesk;
  /** The connections that node has handed over and no longer knows, each with its request once its turn has come. */
  readonly #open = new Map<Socket, Upgrade | undefined>();

  constructor(desk: UpgradeDesk) {
    this.#desk = desk;
  }

  /** `earlier` is the answer to the request before on this connection, if there was one. All of it has left. */
  take(request: IncomingMessage, socket: Socket, early: Buffer, earlier: ServerResponse | undefined): void {
    // First of all: node has taken its own listener off, and a reset nobody hears of ends the process.
    socket.on('error', () => socket.destroy());
    if (socket.destroyed) return;
    this.#open.set(socket, undefined);
    socket.once('close', () => this.#open.delete(socket));
    // A client that leaves before it has an answer; also what a reset looks like that came with the request.
    socket.once('end', () => {
      if (!this.#open.get(socket)?.answered) socket.destroy();
    });
    if (earlier?.shouldKeepAlive === false) socket.destroySoon();
    else this.#serve(request, socket, early);
  }

  /** What is open. */
  get connections(): Iterable<Socket> {
    return this.#open.keys();
  }

  /** A client takes nothing of what is written to it, and is about to be cut. */
  stalled(socket: Socket): void {
    this.#open.get(socket)?.stalled();
  }

  /** Ends what is open: WebSockets learn of it and have a moment to answer, the rest is cut. */
  leave(): void {
    for (const [socket, upgrade] of this.#open) if (!upgrade?.leave()) this.#cut(socket, upgrade);
  }

  /** Cuts what is open. */
  cut(): void {
    for (const [socket, upgrade] of this.#open) this.#cut(socket, upgrade);
  }

  #cut(socket: Socket, upgrade: Upgrade | undefined): void {
    upgrade?.cut();
    socket.destroy();
  }

  #serve(request: IncomingMessage, socket: Socket, early: Buffer): void {
    const { world, head, now, journey } = this.#desk.begin(request);
    // However node came to see an upgrade in it.
    if (head.ok) head.value.upgrade = true;
    const upgrade = new Upgrade(this.#desk, journey, socket, early);
    this.#open.set(socket, upgrade);
    socket.setTimeout(0); // the one for idle connections
    try {
      const decision = this.#desk.decide(head, journey, now);
      if (decision instanceof Promise) {
        world.enter();
        decision
          .then((late) => {
            upgrade.carryOut(late);
            world.leave();
          })
          .catch((error) => {
            upgrade.refuseDefect(error);
            world.leave();
          });
      } else {
        upgrade.carryOut(decision);
      }
    } catch (error) {
      upgrade.refuseDefect(error);
    }
  }
}

/** One request to upgrade. */
class Upgrade {
  readonly #desk: UpgradeDesk;
  readonly #journey: Journey;
  readonly #socket: Socket;
  readonly #early: Buffer;
  /** Of the answer that was sent. */
  #status: number | undefined;
  /** Ends a WebSocket with a goodbye. */
  #leave: (() => void) | undefined;
  /** The answer came to its end, or the connection to one that can be named. */
  #complete = false;

  constructor(desk: UpgradeDesk, journey: Journey, socket: Socket, early: Buffer) {
    this.#desk = desk;
    this.#journey = journey;
    this.#socket = socket;
    this.#early = early;
    socket.once('close', () => this.#record());
  }

  get answered(): boolean {
    return this.#status !== undefined;
  }

  carryOut(decision: Decision): void {
    // The client went while the token was checked.
    if (this.#socket.destroyed) return;
    if (!decision.ok) this.#refuse(decision.fault);
    else if (decision.value instanceof Permit) this.#forward(decision.value);
    else this.#reply(withIdentity(decision.value, this.#journey.id));
  }

  refuseDefect(error: unknown): void {
    this.#desk.defect(error, this.#journey);
    if (this.#status === undefined) this.#refuse({ code: 'gateway.internal', cause: error });
    else this.#socket.destroy();
  }

  #forward(permit: Permit): void {
    const journey = this.#journey;
    const { head, target, route } = journey;
    if (!head || !target || !route) throw new Error('a permit without a route');
    journey.permit = permit;
    route.forwarder.upgrade(permit, {
      facts: journey.factsFor(head, permit),
      path: target.path,
      query: target.query,
      record: journey,
      socket: this.#socket,
      early: this.#early,
      refuse: (fault) => this.#refuse(fault),
      answered: (status, leave) => {
        this.#status = status;
        this.#leave = leave;
      },
      ending: (reason, broken) => this.#end(reason, broken),
    });
  }

  /** Says goodbye, where there is somebody who would understand it; answers whether there is. */
  leave(): boolean {
    this.#leave?.();
    return this.#leave !== undefined;
  }

  stalled(): void {
    if (this.#status === 101) this.#end(CLIENT_STALLED);
  }

  /** For a shutdown, which doesn't wait until the connection says that it is closed. */
  cut(): void {
    if (this.#status === 101) this.#end('cut');
    this.#record();
  }

  #end(reason: UpgradeEnd, broken?: Error): void {
    if (this.#complete) return;
    this.#complete = true;
    this.#journey.broken = broken;
    if (this.#status === 101) this.#journey.ended = reason;
    else this.#record();
  }

  #refuse(fault: Fault): void {
    this.#journey.fault = fault;
    this.#reply(this.#desk.replyTo(fault, this.#journey));
  }

  #reply(reply: Reply): void {
    if (this.#socket.destroyed) return;
    this.#status = reply.status;
    this.#complete = true;
    sendRawReply(reply, this.#socket, this.#journey.head?.method === 'HEAD');
    this.#record();
  }

  #record(): void {
    const journey = this.#journey;
    if (journey.closed) return;
    journey.closed = true;
    const durationMs = performance.now() - journey.startedAt;
    const { broken } = journey;
    this.#desk.record(journey, { status: this.#status, durationMs, aborted: !this.#complete, broken });
  }
}
