import type { ChildProcess } from 'node:child_process';
import cluster, { type Worker } from 'node:cluster';
import type { Clock } from '../../clock.ts';
import type { MetricFigures } from '../../observe/figures.ts';
import { Backoff } from './backoff.ts';
import { WorkerCounts } from './counts.ts';
import type { FromWorker, ToWorker } from './messages.ts';
import type { SharedDocument } from './shared-fetch.ts';

/** Who is told what becomes of workers. */
export interface TeamObserver {
  /** One has ended by itself; `again` is in how many ms another takes its place. */
  workerEnded(worker: number, how: string, again: number): void;
  workerStarted(worker: number, pid: number | undefined): void;
  /** One that was to take the place of another can't listen. */
  workerFailed(worker: number, message: string): void;
  /** One that serves does not answer the head: it is stuck, or has too much to do. */
  workerSilent(worker: number): void;
  /** One that is not about to end can't be told something. */
  workerUnreachable(worker: number, error: Error): void;
}

/** What a team needs of its surroundings. */
export interface TeamSurroundings {
  readonly clock: Clock;
  readonly observer: TeamObserver;
  /** Asks an issuer for a document on behalf of a worker. */
  readonly get: (url: string) => Promise<SharedDocument>;
}

/** How long, in ms, a worker may take to return its figures: the page must not wait for one that is stuck. */
const FIGURES_WITHIN = 1_000;

/** One place in the team, whoever fills it. */
interface Place {
  readonly backoff: Backoff;
  worker: Worker | undefined;
  startedAt: number;
  isServing: boolean;
  /** Limits that its worker has reached within the last minute. */
  limits: readonly string[];
  /** What its worker has been asked and has not answered yet. */
  question: Question | undefined;
}

/** Asks a worker for its figures. */
interface Question {
  readonly id: number;
  readonly answered: Promise<void>;
  readonly settle: () => void;
  /** The scrape has been answered without it. */
  isLate: boolean;
}

/** The processes that carry requests, each with all routes, and one that has ended is started again. */
export class Team {
  /** Where requests are taken. */
  url = '';
  readonly #surroundings: TeamSurroundings;
  readonly #places: readonly Place[];
  readonly #counts = new WorkerCounts();
  #asked = 0;
  #isEnding = false;

  constructor(count: number, surroundings: TeamSurroundings) {
    this.#surroundings = surroundings;
    this.#places = Array.from({ length: count }, () => ({
      backoff: new Backoff(),
      worker: undefined,
      startedAt: 0,
      isServing: false,
      limits: [],
      question: undefined,
    }));
  }

  /** How many take requests, of how many. */
  get strength(): { readonly serving: number; readonly wanted: number } {
    return { serving: this.#places.filter(({ isServing }) => isServing).length, wanted: this.#places.length };
  }

  /** Limits that any of them has reached within the last minute. */
  get limits(): readonly string[] {
    return [...new Set(this.#places.flatMap(({ limits }) => limits))].sort();
  }

  /** Starts all. Rejects with a TeamError when one can't listen, and ends them again. */
  async start(): Promise<void> {
    try {
      await Promise.all(
        this.#places.map((place) => new Promise<void>((listens, fails) => this.#fork(place, { listens, fails }))),
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
    return this.#counts.all;
  }

  /** Drops what `keep` does not leave of the figures of workers that have ended. */
  pruneFigures(keep: (figures: readonly MetricFigures[]) => readonly MetricFigures[]): void {
    this.#counts.prune(keep);
  }

  /** Has every worker finish what it has; one that takes longer than `within` ms is ended. */
  async drain(signal: string, within: number): Promise<void> {
    await this.#finish(within, () => this.#tellAll({ kind: 'drain', signal }));
  }

  /** Ends every worker at once. */
  async end(): Promise<void> {
    await this.#finish(0);
  }

  async #finish(within: number, begin?: () => void): Promise<void> {
    this.#isEnding = true;
    const ended = Promise.all(this.#places.map(({ worker }) => worker && hasEnded(worker)));
    begin?.();
    const callOff = this.#surroundings.clock.after(within, () => {
      for (const { worker } of this.#places) if (worker) childOf(worker).kill('SIGKILL');
    });
    await ended;
    callOff();
  }

  /** `start` is absent for one that takes the place of another. */
  #fork(place: Place, start?: { listens(): void; fails(error: TeamError): void }): void {
    const { clock, observer } = this.#surroundings;
    const worker = cluster.fork();
    place.worker = worker;
    place.startedAt = clock.now();
    worker.on('message', (message: FromWorker) => {
      if (message.kind === 'listening') {
        this.url = message.url;
        place.isServing = true;
        observer.workerStarted(worker.id, childOf(worker).pid);
        start?.listens();
      } else if (message.kind === 'failed') {
        if (start) start.fails(new TeamError(message.message));
        else observer.workerFailed(worker.id, message.message);
      } else this.#hear(message, worker, place);
    });
    worker.on('error', (error) => {
      // What it is told while it ends can't reach it any more.
      if (worker.isConnected() && !this.#isEnding) observer.workerUnreachable(worker.id, error);
    });
    // Behind `exit`: what it said last may still be on its way then.
    childOf(worker).once('close', () => this.#counts.ended(worker.id));
    worker.once('exit', (code, signal) => {
      place.worker = undefined;
      place.isServing = false;
      place.limits = [];
      place.question?.settle();
      place.question = undefined;
      start?.fails(new TeamError(`a worker ended with ${signal ?? code} before it could listen`));
      if (!this.#isEnding) this.#replace(place, worker.id, signal ?? `exit code ${code}`);
    });
  }

  #replace(place: Place, ended: number, how: string): void {
    const { clock, observer } = this.#surroundings;
    const again = place.backoff.waitAfter(clock.now() - place.startedAt);
    observer.workerEnded(ended, how, again);
    clock.after(again, () => {
      if (!this.#isEnding) this.#fork(place);
    });
  }

  #hear(message: Exclude<FromWorker, { kind: 'listening' | 'failed' }>, worker: Worker, place: Place): void {
    if (message.kind === 'fetch') {
      void this.#fetchFor(worker, message.id, message.url); // never rejects
      return;
    }
    if (message.kind === 'limits') {
      place.limits = message.limits;
      return;
    }
    this.#counts.heard(worker.id, message.figures);
    const { question } = place;
    if (question === undefined || message.id !== question.id) return;
    place.question = undefined;
    question.settle();
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

  /** One question at a time: those of many scrapes would gather at a worker that is stuck. */
  async #askForFigures(place: Place): Promise<void> {
    const { worker } = place;
    if (worker === undefined || !place.isServing || place.question?.isLate) return;
    await (place.question ?? this.#ask(place, worker)).answered;
  }

  #ask(place: Place, worker: Worker): Question {
    this.#asked += 1;
    const { clock, observer } = this.#surroundings;
    const { promise, resolve } = withResolver();
    const callOff = clock.after(FIGURES_WITHIN, () => {
      question.isLate = true;
      observer.workerSilent(worker.id);
      resolve();
    });
    const settle = () => {
      callOff();
      resolve();
    };
    const question: Question = { id: this.#asked, answered: promise, settle, isLate: false };
    place.question = question;
    tell(worker, { kind: 'figures', id: question.id });
    return question;
  }

  #tellAll(message: ToWorker): void {
    for (const { worker } of this.#places) if (worker) tell(worker, message);
  }
}

function withResolver(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = () => {};
  const promise = new Promise<void>((resolved) => {
    resolve = resolved;
  });
  return { promise, resolve };
}

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
