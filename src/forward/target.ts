import type { Clock } from '../clock.ts';
import type { UpstreamSettings } from '../config/config.ts';
import { createConnector, isConnectFailure, type TlsOptions, tlsOptions, withoutBrackets } from './connect.ts';
import { type Dispatcher, Pool } from './undici.ts';

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
  /** Requests on the pool's connections. */
  busy = 0;
  /** Connections beside the pool: upgraded ones. */
  upgraded = 0;
  /** When it may be tried again, by the clock: of several that are out, the earliest comes first. */
  dueAt = 0;

  readonly #settings: UpstreamSettings;
  readonly #clock: Clock;
  readonly #observer: TargetObserver;
  #pool: Pool;
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
    { clock, observer }: { readonly clock: Clock; readonly observer: TargetObserver },
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
    this.#pool = this.#makePool();
  }

  #makePool(): Pool {
    const { connections, timeouts } = this.#settings;
    return new Pool(this.url, {
      connections,
      pipelining: 1,
      connect: createConnector(timeouts.connect, this.tls),
      maxHeaderSize: 64 * 1024,
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

  /** Sends one request. Never throws: what undici won't send is told to the handler as an error. */
  send(request: UpstreamRequest, handler: Dispatcher.DispatchHandler): void {
    this.busy += 1;
    this.attempted();
    request.servername = this.#servername;
    if (this.#ownHost !== undefined) request.headers[1] = this.#ownHost;
    try {
      this.#pool.dispatch(request as Dispatcher.DispatchOptions, handler);
    } catch (error) {
      handler.onError?.(error as Error);
    }
  }

  /** A request that was sent is over, well or not. */
  over(error: Error | undefined): void {
    this.busy -= 1;
    if (error !== undefined && isConnectFailure(error)) {
      this.unreachable(error);
      return;
    }
    this.undecided();
    if (error !== undefined && NEVER_SENT.has((error as { code?: string }).code ?? '')) {
      // undici's pool takes the connection that was to send it for busy from then on. Others go on in a new one.
      void this.#pool.close();
      this.#pool = this.#makePool();
    }
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

/** What undici says of a request that it does not even begin with: a defect of ours, or nobody has thought of it. */
const NEVER_SENT: ReadonlySet<string> = new Set(['UND_ERR_INVALID_ARG', 'UND_ERR_NOT_SUPPORTED']);

function reasonOf(error: Error): string {
  const { code } = error as NodeJS.ErrnoException;
  return code && !error.message.includes(code) ? `${error.message} (${code})` : error.message || String(code);
}
