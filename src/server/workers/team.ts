import type { ChildProcess } from 'node:child_process';
import cluster, { type Worker } from 'node:cluster';
import type { Clock } from '../../clock.ts';
import { isCounted, type MetricFigures, together } from '../../observe/figures.ts';
import { Backoff } from './backoff.ts';
import type { FromWorker, ToWorker } from './messages.ts';
import type { SharedDocument } from './shared-fetch.ts';

/** Who is told what becomes of workers. */
export interface TeamObserver {
  /** One has ended by itself; `again` is in how many ms another takes its place. */
  workerEnded(worker: number, how: string, again: number): void;
  workerStarted(worker: number, pid: number | undefined): void;
}

/** What a team needs of its surroundings. */
export interface TeamSurroundings {
  readonly clock: Clock;
  readonly observer: TeamObserver;
  /** Asks an issuer for a document on behalf of a worker. */
  readonly get: (url: string) => Promise<SharedDocument>;
}

/** How long, in ms, a worker may take to tell its figures: the page must not wait for one that is stuck. */
const FIGURES_WITHIN = 1_000;

/** One place in the team, whoever fills it. */
interface Place {
  readonly backoff: Backoff;
  worker: Worker | undefined;
  startedAt: number;
  isServing: boolean;
  /** What it had counted when it was last asked: that is not lost with it. */
  figures: readonly MetricFigures[];
}

/** The processes that carry requests, each with all routes, and one that has ended is started again. */
export class Team {
  /** Where requests are taken. */
  url = '';
  readonly #surroundings: TeamSurroundings;
  readonly #places: readonly Place[];
  /** Figures of those that have ended. */
  #departed: readonly MetricFigures[] = [];
  readonly #asked = new Map<number, (figures: readonly MetricFigures[]) => void>();
  #asking = 0;
  #isEnding = false;

  constructor(count: number, surroundings: TeamSurroundings) {
    this.#surroundings = surroundings;
    this.#places = Array.from({ length: count }, () => ({
      backoff: new Backoff(),
      worker: undefined,
      startedAt: 0,
      isServing: false,
      figures: [],
    }));
  }

  /** How many take requests, of how many. */
  get strength(): { readonly serving: number; readonly wanted: number } {
    return { serving: this.#places.filter(({ isServing }) => isServing).length, wanted: this.#places.length };
  }

  /** Starts all. Rejects with a TeamError when one can't listen, and ends them again. */
  async start(): Promise<void> {
    try {
      await Promise.all(
        this.#places.map((place) => new Promise<void>((resolve, reject) => this.#fork(place, resolve, reject))),
      );
    } catch (error) {
      await this.end();
      throw error;
    }
  }

  /** The keys of an issuer have been fetched: each worker gets them too. */
  keysFetched(issuer: string): void {
    this.#tellAll({ kind: 'keys', issuer });
  }

  /** What the workers have counted, and those before them that have ended. */
  async figures(): Promise<(readonly MetricFigures[])[]> {
    await Promise.all(this.#places.map((place) => this.#askForFigures(place)));
    return [this.#departed, ...this.#places.map(({ figures }) => figures)];
  }

  /** Has every worker finish what it has; one that takes longer than `within` ms is ended. */
  async drain(signal: string, within: number): Promise<void> {
    await this.#finish(within, () => this.#tellAll({ kind: 'drain', signal }));
  }

  /** Ends every worker at once. */
  async end(): Promise<void> {
    await this.#finish(0, () => {});
  }

  async #finish(within: number, begin: () => void): Promise<void> {
    this.#isEnding = true;
    const ended = Promise.all(this.#places.map(({ worker }) => worker && hasEnded(worker)));
    begin();
    const callOff = this.#surroundings.clock.after(within, () => {
      for (const { worker } of this.#places) if (worker) childOf(worker).kill('SIGKILL');
    });
    await ended;
    callOff();
  }

  #fork(place: Place, listens: () => void, fails: (error: Error) => void): void {
    const worker = cluster.fork();
    place.worker = worker;
    place.startedAt = this.#surroundings.clock.now();
    worker.on('message', (message: FromWorker) => {
      if (message.kind === 'listening') {
        this.url = message.url;
        place.isServing = true;
        this.#surroundings.observer.workerStarted(worker.id, childOf(worker).pid);
        listens();
      } else if (message.kind === 'failed') fails(new TeamError(message.message));
      else this.#hear(message, worker);
    });
    // What it is told while it ends can't reach it any more.
    worker.on('error', () => {});
    worker.once('exit', (code, signal) => {
      place.worker = undefined;
      place.isServing = false;
      void this.#keepCounts(place);
      fails(new TeamError(`a worker ended with ${signal ?? code} before it could listen`));
      if (!this.#isEnding) this.#replace(place, worker.id, signal ?? `exit code ${code}`);
    });
  }

  #replace(place: Place, ended: number, how: string): void {
    const { clock, observer } = this.#surroundings;
    const again = place.backoff.waitAfter(clock.now() - place.startedAt);
    observer.workerEnded(ended, how, again);
    clock.after(again, () => {
      if (!this.#isEnding) this.#fork(place, NOTHING, NOTHING);
    });
  }

  /** What has been counted never becomes less. */
  async #keepCounts(place: Place): Promise<void> {
    const { figures } = place;
    place.figures = [];
    this.#departed = await together([this.#departed, figures.filter(isCounted)]);
  }

  #hear(message: FromWorker, worker: Worker): void {
    if (message.kind === 'fetch') void this.#fetchFor(worker, message.id, message.url);
    else if (message.kind === 'figures') this.#asked.get(message.id)?.(message.figures);
  }

  async #fetchFor(worker: Worker, id: number, url: string): Promise<void> {
    try {
      const { status, body } = await this.#surroundings.get(url);
      tell(worker, { kind: 'fetched', id, status, body });
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      tell(worker, { kind: 'unfetched', id, error: code ?? message });
    }
  }

  async #askForFigures(place: Place): Promise<void> {
    const { worker } = place;
    if (worker === undefined || !place.isServing) return;
    this.#asking += 1;
    const id = this.#asking;
    await new Promise<void>((resolve) => {
      const callOff = this.#surroundings.clock.after(FIGURES_WITHIN, resolve);
      worker.once('exit', resolve);
      this.#asked.set(id, (figures) => {
        place.figures = figures;
        callOff();
        worker.off('exit', resolve);
        resolve();
      });
      tell(worker, { kind: 'figures', id });
    });
    this.#asked.delete(id);
  }

  #tellAll(message: ToWorker): void {
    for (const { worker } of this.#places) if (worker) tell(worker, message);
  }
}

const NOTHING = () => {};

/** Why a team could not be started, for an operator. */
export class TeamError extends Error {}

/** Its process; this one's own is the business of main.ts. */
function childOf({ process: child }: Worker): ChildProcess {
  return child;
}

function tell(worker: Worker, message: ToWorker): void {
  if (worker.isConnected()) worker.send(message);
}

function hasEnded(worker: Worker): Promise<unknown> {
  return worker.isDead() ? Promise.resolve() : new Promise((resolve) => worker.once('exit', resolve));
}
