import { type DestinationStream, type Level, pino } from 'pino';
import { Batch } from '../batch.ts';
import type { TargetObserver } from '../forward/target.ts';
import type { Journey } from '../journey.ts';
import type { LimitReport } from './limit-reports.ts';
import type { LogFields } from './log-fields.ts';
import type { KeyFailure, OutageLog } from './outage-reports.ts';
import { BatchedOutput, type LineKind, type LostLines, mayMix } from './output.ts';
import { PrettyLines } from './pretty.ts';
import { type Ending, errorText, levelOf, requestLine } from './request-line.ts';

const STDOUT = 1;

/** Where lines go that do not go to stdout as JSON. */
export interface LogTarget {
  /** In place of stdout. */
  readonly log?: DestinationStream | undefined;
  /** stdout is a terminal, where lines are shown for people; `color` as it shows them. */
  readonly terminal?: { readonly color: boolean } | undefined;
  /** The number of this process, where several write to one place. */
  readonly worker?: number | undefined;
}

/** A request that has ended, and how loud its line is. */
interface Ended {
  readonly level: Level;
  readonly journey: Journey;
  readonly ending: Ending;
}

interface WriteLine {
  (fields: LogFields, message: string): void;
  (message: string): void;
}

/** What is used of pino, which would take any field. */
interface LineLogger extends Readonly<Record<'debug' | 'info' | 'warn' | 'error' | 'fatal', WriteLine>> {
  level: string;
  isLevelEnabled(level: string): boolean;
}

/** Every line that the gateway logs, a method each. Fields are picked here; tokens, cookies and queries never are. */
export class Log implements OutageLog, TargetObserver {
  /** What happens to the gateway itself. */
  readonly #pino: LineLogger;
  /** Lines that clients cause, as often as they like. */
  readonly #clients: LineLogger;
  #access: boolean;
  readonly #lines: { write(line: string, kind: LineKind): void };
  /** What of a line says which process wrote it. */
  readonly #worker: string;
  /** Undefined where lines go elsewhere. */
  readonly #output: BatchedOutput | undefined;
  /** Requests whose lines are still to be written, before any other line. */
  readonly #ended = new Batch<Ended>(
    ({ level, journey, ending }) => {
      this.#lines.write(requestLine(`{"level":"${level}"${isoTime()}${this.#worker}`, journey, ending), 'access');
    },
    undefined,
    (error, { journey }) => this.requestDefect(error, journey.id),
  );

  constructor(
    settings: { readonly level: Level; readonly access: boolean },
    { log: target, terminal, worker }: LogTarget = {},
  ) {
    this.#output = target ? undefined : new BatchedOutput({ isShared: worker !== undefined && mayMix(STDOUT) });
    const lines = this.#output && terminal ? new PrettyLines(this.#output, terminal) : this.#output;
    this.#lines = target ?? (lines as BatchedOutput | PrettyLines);
    this.#worker = worker === undefined ? '' : `,"worker":${worker}`;
    if (this.#output) this.#output.resumed = (lost) => this.linesLost(lost);
    this.#access = settings.access;
    const options = {
      level: settings.level,
      base: worker === undefined ? null : { worker },
      timestamp: isoTime,
      formatters: { level: (label: string) => ({ level: label }) },
    };
    this.#pino = pino(options, this.#destination('event'));
    this.#clients = pino(options, this.#destination('access'));
  }

  #destination(kind: LineKind): DestinationStream {
    return {
      write: (line) => {
        this.#ended.run();
        this.#lines.write(line, kind);
      },
    };
  }

  /** Takes other settings from now on. */
  configure({ level, access }: { readonly level: Level; readonly access: boolean }): void {
    this.#pino.level = level;
    this.#clients.level = level;
    this.#access = access;
  }

  /** The one line of a request. */
  requestEnded(journey: Journey, ending: Ending): void {
    const level = levelOf(journey, ending);
    if (!this.#access && level === 'info') return;
    if (this.#pino.isLevelEnabled(level)) this.#ended.add({ level, journey, ending });
  }

  listening(urls: { readonly gateway: string; readonly admin?: string }, routes: number): void {
    this.#pino.info({ ...urls, routes }, 'listening');
  }

  keysFetched(issuer: string, keys: number, leftOut: readonly string[]): void {
    this.#pino.debug({ issuer, keys }, 'keys fetched');
    if (leftOut.length > 0) this.#pino.warn({ issuer, leftOut }, 'keys left out of the set');
  }

  keysFailed({ issuer, error, usable, times }: KeyFailure): void {
    const message = usable
      ? 'keys could not be renewed; the last good ones go on'
      : 'no usable keys: tokens of this issuer get 503';
    this.#pino[usable ? 'warn' : 'error']({ issuer, error: error.message, ...(times > 1 && { times }) }, message);
  }

  keysFailedAgain(issuer: string, error: Error): void {
    this.#pino.debug({ issuer, error: error.message }, 'keys still cannot be fetched');
  }

  /** `outage` is in ms. */
  keysBack(issuer: string, failures: number, outage: number): void {
    this.#pino.info({ issuer, times: failures, seconds: Math.round(outage / 1000) }, 'keys fetched again');
  }

  snapshotUsed(issuer: string, path: string, error: string | undefined): void {
    if (error === undefined) this.#pino.info({ issuer, path }, 'keys taken from the snapshot');
    else this.#pino.warn({ issuer, path, error }, 'snapshot not used');
  }

  targetLeftOut(upstream: string, target: string, reason: string): void {
    this.#pino.warn({ upstream, target, reason }, 'a target is left out: others get its requests where there are any');
  }

  targetBack(upstream: string, target: string): void {
    this.#pino.info({ upstream, target }, 'a target is back');
  }

  /** `changes` in words; `warnings` with their positions. */
  reloaded(changes: readonly string[], warnings: readonly string[]): void {
    const message = changes.length > 0 ? 'configuration reloaded' : 'configuration reloaded; nothing has changed';
    this.#pino.info(
      { changes: bounded(changes), ...(warnings.length > 0 && { warnings: bounded(warnings) }) },
      message,
    );
  }

  reloadedWithoutKeys(issuers: readonly string[]): void {
    this.#pino.warn({ issuers }, 'the keys of new issuers are not there yet: their tokens get 503');
  }

  restartNeeded(changes: readonly string[]): void {
    this.#pino.warn({ changes: bounded(changes) }, 'a part of the configuration takes effect with the next restart');
  }

  reloadRefused(problems: readonly string[]): void {
    this.#pino.error({ problems: bounded(problems) }, 'configuration refused; the one before goes on');
  }

  workerEnded(worker: number, how: string, again: number): void {
    this.#pino.error({ worker, how, startsAgainInMs: again }, 'a worker has ended; the others go on');
  }

  workerStarted(worker: number, pid: number | undefined): void {
    this.#pino.info({ worker, pid }, 'a worker has started');
  }

  workerFailed(worker: number, message: string): void {
    this.#pino.error({ worker, error: message }, 'a worker cannot serve');
  }

  workerSilent(worker: number): void {
    this.#pino.warn({ worker }, 'a worker does not answer; its last known figures are used');
  }

  workerUnreachable(worker: number, error: Error): void {
    this.#pino.warn({ worker, error: errorText(error) }, 'a message could not be sent to a worker');
  }

  limitReached({ limit, times, seconds }: LimitReport): void {
    this.#pino.warn(
      { limit, times, ...(seconds !== undefined && { seconds }) },
      'a limit is reached; what exceeds it is refused',
    );
  }

  linesLost({ all, events }: LostLines): void {
    this.#pino.warn(
      { lost: all, ...(events > 0 && { lostEvents: events }) },
      'log lines were lost: stdout did not take them in time',
    );
  }

  draining(signal: string): void {
    this.#pino.info({ signal }, 'draining');
  }

  closed(): void {
    this.#pino.info('no new requests; waiting for those under way');
  }

  stopped(cut: number): void {
    this.#pino.info({ cut }, 'stopped');
  }

  /** A TLS handshake failed: the client did not speak TLS, or presented no acceptable certificate. */
  handshakeFailed(client: string | undefined, error: Error): void {
    if (this.#access) this.#clients.info({ client, cause: errorText(error) }, 'no secure connection');
  }

  /** A client lost its connection because it sent too many HTTP/2 frames that cost it nothing. */
  flooded(client: string | undefined): void {
    this.#clients.warn({ client }, 'a flood of HTTP/2 frames; its connection is closed');
  }

  /** An unexpected error, in the part of the gateway that `where` names. */
  defect(error: unknown, where: string): void {
    this.#pino.error({ where, ...defectFields(error) }, DEFECT);
  }

  /** An unexpected error while a request is served. A client can cause it again and again. */
  requestDefect(error: unknown, id: string): void {
    this.#clients.error({ where: id, ...defectFields(error) }, DEFECT);
  }

  /**
   * The last line of a process that ends by an uncaught error. `done` is called with whether this line and all earlier
   * ones were written.
   */
  crashed(error: unknown, done: (told: boolean) => void): void {
    this.#pino.fatal(
      { error: error instanceof Error ? error.stack : String(error) },
      'a defect of the gateway ends it',
    );
    this.endNow((complete) => done(complete && this.#pino.isLevelEnabled('fatal')));
  }

  /** Writes what is buffered before the process ends at once; `done` learns whether all of it was taken. */
  endNow(done: (complete: boolean) => void): void {
    this.#ended.run();
    if (this.#output) this.#output.endNow(done);
    else done(true);
  }

  /** Lines that could not be written. */
  get dropped(): number {
    return this.#output?.dropped ?? 0;
  }

  /** Of these, the lines that clients do not cause. */
  get droppedEvents(): number {
    return this.#output?.droppedEvents ?? 0;
  }

  /** Writes what is buffered. Nothing is logged after that. */
  async end(): Promise<void> {
    this.#ended.run();
    await this.#output?.end();
  }
}

const DEFECT = 'a defect of the gateway';

/** `at`: where in the code, without the message, which `error` has. */
function defectFields(error: unknown): { readonly error: string; readonly at?: readonly string[] } {
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  const at = stack.split('\n').flatMap((line) => (line.startsWith('    at ') ? [line.slice(7)] : []));
  return { error: errorText(error), ...(at.length > 0 && { at: at.slice(0, MOST_FRAMES) }) };
}

/** The most frames of a stack that are logged; the rest is node's own code. */
const MOST_FRAMES = 10;

/** The longest list in one line. */
const MOST_LISTED = 50;

function bounded(items: readonly string[]): readonly string[] {
  const more = items.length - MOST_LISTED;
  return more > 0 ? [...items.slice(0, MOST_LISTED), `and ${more} more`] : items;
}

let lastTime = 0;
let lastText = '';

/** RFC 3339 time as pino wants it, made once per millisecond: under load many lines share one. */
function isoTime(): string {
  const now = Date.now();
  if (now !== lastTime) {
    lastTime = now;
    lastText = `,"time":"${new Date(now).toISOString()}"`;
  }
  return lastText;
}
