import type { LookupFunction } from 'node:net';
import type { Clock } from '../clock.ts';
import type { UpstreamSettings } from '../config/config.ts';
import {
  createConnector,
  createLookup,
  isConnectFailure,
  type TlsOptions,
  tlsOptions,
  withoutBrackets,
} from './connect.ts';
import { ConnectionPool } from './pool.ts';
import type { Dispatcher } from './undici.ts';

/** What undici is asked to send. Its own types leave `servername` out, which its documentation has. */
export interface UpstreamRequest extends Omit<Dispatcher.DispatchOptions, 'origin'> {
  /** Names and values in turn; the first is Host. */
  readonly headers: string[];
  servername?: string | undefined;
}

/** What becomes of targets, for the log: each change once. */
export interface TargetObserver {
  /** It could not be connected to, or its health check failed, and it gets no requests while there are others. */
  targetLeftOut(upstream: string, target: string, reason: string): void;
  targetBack(upstream: string, target: string): void;
}

/** What a target runs on. */
export interface TargetSurroundings {
  readonly clock: Clock;
  readonly observer: TargetObserver;
  /** Finds the addresses of names; the system's own where nothing is given. */
  readonly lookup?: LookupFunction | undefined;
}

/** Waits between attempts to connect, in ms. */
const BACKOFF = { first: 1_000, longest: 30_000 };

/**
 * `well`: it gets requests. `out`: it could not be connected to, and is left alone for a while. `due`: the while is over,
 * and the next request is its trial. `tried`: the trial is under way.
 */
type Reach = 'well' | 'out' | 'due' | 'tried';

/** One address of an upstream: its connections, how busy it is, and whether it can be reached. */
export class Target {
  readonly url: string;
  /** What it is called itself: its host, with the port where that is not the usual one. */
  readonly host: string;
  readonly tls: TlsOptions | undefined;
  /** For every connection to it, pooled or not. */
  readonly lookup: LookupFunction;
  /** Requests on the pool's connections. */
  busy = 0;
  /** Connections beside the pool: upgraded ones. */
  upgraded = 0;
  /** When it may be tried again, by the clock: of several that are out, the earliest comes first. */
  dueAt = 0;

  readonly #settings: UpstreamSettings;
  readonly #clock: Clock;
  readonly #observer: TargetObserver;
  readonly #pool: ConnectionPool;
  readonly #changed: () => void;
  /** undici compares it between requests, and would take the client's Host in its place. */
  readonly #servername: string | undefined;
  /** Set where the Host it gets is its own, and other targets have others. */
  readonly #ownHost: string | undefined;
  #reach: Reach = 'well';
  /** What its health check says is wrong. */
  #ailment: string | undefined;
  #failures = 0;
  #toldLeftOut = false;
  #cancelTimer: () => void = () => {};

  /** `changed` is called when it may get requests that it could not get before. */
  constructor(
    url: string,
    settings: UpstreamSettings,
    { clock, observer, lookup }: TargetSurroundings,
    changed: () => void,
  ) {
    this.url = url;
    this.#settings = settings;
    this.#clock = clock;
    this.#observer = observer;
    this.#changed = changed;
    const { host, hostname } = new URL(url);
    this.host = host;
    this.tls = tlsOptions(url, settings.tls);
    this.#servername = this.tls && (this.tls.servername || withoutBrackets(hostname));
    this.#ownHost = settings.host === 'upstream' && settings.urls.length > 1 ? host : undefined;
    this.lookup = createLookup(lookup);
    const { connections, connectionMaxAge, timeouts } = settings;
    this.#pool = new ConnectionPool(url, {
      connections,
      maxAge: connectionMaxAge,
      connect: createConnector(timeouts.connect, this.tls, this.lookup),
      now: clock.now,
    });
  }

  get hasRoom(): boolean {
    return this.busy < this.#settings.connections;
  }

  /** What `least-busy` goes by. */
  get load(): number {
    return this.busy + this.upgraded;
  }

  get isWell(): boolean {
    return this.#reach === 'well' && this.#ailment === undefined;
  }

  /** Whether one request may find out if it can be reached again. */
  get isDue(): boolean {
    return this.#reach === 'due' && this.#ailment === undefined;
  }

  /** Whether it is more likely to answer than another one, neither being well: who says so itself comes last. */
  isLikelierThan(other: Target): boolean {
    if ((this.#ailment === undefined) !== (other.#ailment === undefined)) return this.#ailment === undefined;
    return this.dueAt < other.dueAt;
  }

  /**
   * Sends one request, with `fresh` on a connection of its own. Never throws: what undici won't send is told to the handler
   * as an error.
   */
  send(request: UpstreamRequest, handler: Dispatcher.DispatchHandler, fresh: boolean): void {
    this.busy += 1;
    this.attempted();
    request.servername = this.#servername;
    if (this.#ownHost !== undefined) request.headers[1] = this.#ownHost;
    this.#pool.send(request as Dispatcher.DispatchOptions, handler, fresh);
  }

  /** A request that was sent is over, well or not. */
  over(error: Error | undefined): void {
    this.busy -= 1;
    if (error !== undefined && isConnectFailure(error)) {
      this.unreachable(error);
      return;
    }
    this.undecided();
  }

  /** Something goes there: of a target that is due, this is the trial. */
  attempted(): void {
    if (this.#reach === 'due') this.#reach = 'tried';
  }

  /** A connection to it is there. */
  reached(): void {
    if (this.#reach === 'well') return;
    this.#recover();
    this.#tell();
  }

  /** No connection could be made. Of several attempts at a time, one counts. */
  unreachable(error: Error): void {
    if (this.#reach === 'out' || this.#reach === 'due') return;
    const wait = Math.min(BACKOFF.first * 2 ** this.#failures, BACKOFF.longest);
    // Jittered, so that gateways which lost it together do not try it together.
    const jittered = wait * (0.8 + 0.2 * Math.random());
    this.#reach = 'out';
    this.#failures += 1;
    this.dueAt = this.#clock.now() + jittered;
    this.#cancelTimer = this.#clock.after(jittered, () => {
      this.#reach = 'due';
      this.#changed();
    });
    this.#tell(reasonOf(error));
  }

  /** What was attempted has ended without finding out anything: the trial is still to come. */
  undecided(): void {
    if (this.#reach === 'tried') this.#reach = 'due';
  }

  /** What a health check found: why it is not well, or that it is. An answer is as good as a trial. */
  examined(ailment: string | undefined): void {
    this.#ailment = ailment;
    if (ailment === undefined) this.#recover();
    this.#tell(ailment);
  }

  #recover(): void {
    this.#cancelTimer();
    this.#reach = 'well';
    this.#failures = 0;
  }

  #tell(reason = ''): void {
    if (this.isWell) this.#changed();
    // Where there is no other, none is left out by requests, which tell themselves what became of them.
    const isLeftOut = !this.isWell && (this.#ailment !== undefined || this.#settings.urls.length > 1);
    if (isLeftOut === this.#toldLeftOut) return;
    this.#toldLeftOut = isLeftOut;
    if (isLeftOut) this.#observer.targetLeftOut(this.#settings.name, this.url, reason);
    else this.#observer.targetBack(this.#settings.name, this.url);
  }

  /** Lets requests under way end. */
  async close(): Promise<void> {
    this.#cancelTimer();
    await this.#pool.close();
  }

  async destroy(): Promise<void> {
    this.#cancelTimer();
    await this.#pool.destroy();
  }
}

function reasonOf(error: Error): string {
  const { code } = error as NodeJS.ErrnoException;
  return code && !error.message.includes(code) ? `${error.message} (${code})` : error.message || String(code);
}
