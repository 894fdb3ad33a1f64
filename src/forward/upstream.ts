import type { LookupFunction } from 'node:net';
import type { Dispatcher } from 'undici';
import type { UpstreamSettings } from '../config/config.ts';
import { chooseTarget } from './balance.ts';
import type { TlsOptions } from './connect.ts';
import { HealthCheck } from './health.ts';
import { type Waiting, WaitingLine } from './line.ts';
import { type Holding, mayHaveMore, shareOf } from './share.ts';
import { Target, type TargetSurroundings, type UpstreamRequest } from './target.ts';

/** One request on its way to one of the targets: it gets undici's callbacks. */
export interface Sending extends Dispatcher.DispatchHandler, Waiting {
  readonly options: UpstreamRequest;
  /** The target that it is with; undefined while it waits, and when it is over. */
  target: Target | undefined;
  /** What its client's connection has of this upstream; undefined where that is not counted. */
  readonly holding: Holding | undefined;
  /** Whether it has failed before, and takes a connection that no request was sent on. */
  readonly fresh: boolean;
  /** Called each time it is handed to a target. */
  sent(target: Target): void;
}

/** Where a connection that is not the pool's goes: an upgraded one. `leave` is to be called when it has ended. */
export interface Picked {
  /** Scheme and authority of the target. */
  readonly url: string;
  /** The target's own host, for `host: upstream`. */
  readonly host: string;
  /** For tls.connect; undefined for a target that is spoken to in the clear. */
  readonly tls: TlsOptions | undefined;
  /** Finds the addresses of its name. */
  readonly lookup: LookupFunction;
  /** The connection is there. */
  reached(): void;
  /** No connection could be made. */
  unreachable(error: Error): void;
  /** It has ended, or never was; more than once does no harm. */
  leave(): void;
}

/** What an upstream looks like at one moment. */
export interface UpstreamFigures {
  readonly name: string;
  /** Requests that wait for a connection. */
  readonly queued: number;
  readonly endpoints: readonly EndpointFigures[];
}

/** What one address of an upstream looks like at one moment. */
export interface EndpointFigures {
  /** Scheme and authority. */
  readonly url: string;
  /** False while it is ejected: it could not be connected to, or its health check fails. */
  readonly healthy: boolean;
  /** Pooled connections with a request under way. */
  readonly busy: number;
  /** Upgraded connections. */
  readonly upgraded: number;
}

const NONE: readonly Target[] = [];

/** One service behind the gateway: its targets, which of them a request goes to, and how many requests may wait. */
export class Upstream {
  readonly settings: UpstreamSettings;
  readonly #targets: readonly Target[];
  readonly #checks: readonly HealthCheck[];
  readonly #line = new WaitingLine<Sending>();
  #turn = 0;
  #underWay = 0;
  /** Upgraded connections, each with one of its own. */
  #upgraded = 0;
  #whenIdle: (() => void) | undefined;

  constructor(settings: UpstreamSettings, surroundings: TargetSurroundings) {
    this.settings = settings;
    const serveLine = () => this.#serveLine();
    this.#targets = settings.urls.map((url) => new Target(url, settings, surroundings, serveLine));
    this.#checks = settings.health
      ? this.#targets.map((target) => new HealthCheck(target, settings, surroundings.clock))
      : [];
  }

  /** Begins to look whether its targets are well, where that is asked for. */
  start(): void {
    for (const check of this.#checks) check.start();
  }

  /**
   * Whether a request can be sent or wait; false when every connection is busy and the queue is full, or its client has its
   * share of both.
   */
  hasRoom(holding: Holding | undefined): boolean {
    const { queue } = this.settings;
    const { length } = this.#line;
    if (length < queue && (holding === undefined || mayHaveMore(holding.waiting, queue, queue - length))) return true;
    return this.#mayTake(holding) && this.#choose(NONE) !== undefined;
  }

  /** Sends a request now, or when its turn has come. */
  send(sending: Sending): void {
    this.#place(sending, NONE);
  }

  /** Sends it once more, to another target than those that failed where there is one. */
  resend(sending: Sending, error: Error, failed: readonly Target[]): void {
    this.#settle(sending, error);
    this.#place(sending, failed);
    this.#serveLine();
  }

  /** A request is over: its place is free for another. */
  leave(sending: Sending, error?: Error): void {
    if (sending.target === undefined) return;
    this.#settle(sending, error);
    if (this.#line.length > 0) this.#serveLine();
    else if (this.#underWay === 0) this.#whenIdle?.();
  }

  /** A request does not wait any longer. */
  withdraw(sending: Sending): void {
    this.#dequeue(sending);
    if (this.#underWay === 0 && this.#line.length === 0) this.#whenIdle?.();
  }

  /** A snapshot for metrics. It changes nothing and costs requests nothing. */
  figures(): UpstreamFigures {
    const endpoints = this.#targets.map(({ url, isWell, busy, upgraded }) => ({
      url,
      healthy: isWell,
      busy,
      upgraded,
    }));
    return { name: this.settings.name, queued: this.#line.length, endpoints };
  }

  /** How many targets a request could be sent to. */
  get size(): number {
    return this.#targets.length;
  }

  /**
   * Chooses a target for a connection of its own, beside the pool: an upgraded one. It counts as busy for the choice of
   * others until it leaves. Undefined when there are as many of them as the pools may have connections. Such a connection
   * does not hold up `close`.
   */
  pick(): Picked | undefined {
    if (this.#upgraded >= this.settings.connections * this.#targets.length) return undefined;
    this.#upgraded += 1;
    const target = this.#choose(NONE, false) ?? (this.#targets[0] as Target);
    this.#moveOn(target);
    target.upgraded += 1;
    target.attempted();
    let left = false;
    return {
      url: target.url,
      host: target.host,
      tls: target.tls,
      lookup: target.lookup,
      reached: () => target.reached(),
      unreachable: (error) => target.unreachable(error),
      leave: () => {
        if (left) return;
        left = true;
        this.#upgraded -= 1;
        target.upgraded -= 1;
        target.undecided();
      },
    };
  }

  /** Lets requests under way and those that wait come to their end, then closes. Nothing new is to be sent from now on. */
  async close(): Promise<void> {
    for (const check of this.#checks) check.stop();
    if (this.#underWay > 0 || this.#line.length > 0) {
      await new Promise<void>((resolve) => {
        this.#whenIdle = resolve;
      });
    }
    await Promise.all(this.#targets.map((target) => target.close()));
  }

  /** Ends everything at once; what is under way or waits gets an error. */
  async destroy(): Promise<void> {
    for (const check of this.#checks) check.stop();
    for (let next = this.#line.first; next; next = this.#line.first) {
      this.#dequeue(next);
      next.onError?.(new Error('the upstream is closed'));
    }
    await Promise.all(this.#targets.map((target) => target.destroy()));
  }

  #place(sending: Sending, avoid: readonly Target[]): void {
    const target = this.#mayTake(sending.holding)
      ? (this.#choose(avoid) ?? (avoid.length > 0 ? this.#choose(NONE) : undefined))
      : undefined;
    if (target === undefined) this.#enqueue(sending);
    else this.#sendTo(target, sending);
  }

  #serveLine(): void {
    while (this.#line.length > 0) {
      const target = this.#choose(NONE);
      if (target === undefined) return;
      const next = this.#line.firstThat(this.#isBelowShare) ?? this.#line.firstThat(this.#mayGo);
      if (next === undefined) return;
      this.#dequeue(next);
      this.#sendTo(target, next);
    }
  }

  readonly #mayGo = ({ holding }: Sending): boolean => this.#mayTake(holding);

  /** Whether it goes before those whose clients have their share already, wherever they stand. */
  readonly #isBelowShare = ({ holding }: Sending): boolean =>
    holding === undefined || (holding.underWay < shareOf(this.#places) && this.#mayTake(holding));

  get #places(): number {
    return this.settings.connections * this.#targets.length;
  }

  /** Whether one more connection may go to this client. */
  #mayTake(holding: Holding | undefined): boolean {
    if (holding === undefined) return true;
    return mayHaveMore(holding.underWay, this.#places, this.#places - this.#underWay);
  }

  #enqueue(sending: Sending): void {
    this.#line.join(sending);
    if (sending.holding !== undefined) sending.holding.waiting += 1;
  }

  #dequeue(sending: Sending): void {
    if (this.#line.leave(sending) && sending.holding !== undefined) sending.holding.waiting -= 1;
  }

  #sendTo(target: Target, sending: Sending): void {
    this.#underWay += 1;
    if (sending.holding !== undefined) sending.holding.underWay += 1;
    this.#moveOn(target);
    sending.target = target;
    sending.sent(target);
    target.send(sending.options, sending, sending.fresh);
  }

  #settle(sending: Sending, error: Error | undefined): void {
    const { target } = sending;
    if (target === undefined) return;
    sending.target = undefined;
    this.#underWay -= 1;
    if (sending.holding !== undefined) sending.holding.underWay -= 1;
    target.over(error);
  }

  /** The next choice begins behind this target. */
  #moveOn(target: Target): void {
    if (this.#targets.length > 1) this.#turn = this.#targets.indexOf(target) + 1;
  }

  #choose(avoid: readonly Target[], pooled = true): Target | undefined {
    const targets = this.#targets;
    if (targets.length === 1) {
      const only = targets[0] as Target;
      return pooled && !only.hasRoom ? undefined : only;
    }
    return chooseTarget(targets, { balance: this.settings.balance, turn: this.#turn, avoid, pooled });
  }
}
