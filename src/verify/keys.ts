import type { Clock } from '../clock.ts';
import { type Outcome, pass, type Stopped, stop } from '../outcome.ts';
import type { Algorithm } from './algorithms.ts';
import type { Ask } from './ask.ts';
import { fetchKeys } from './discovery.ts';
import { GIVEN_UP } from './fetch.ts';
import { readJwks, type VerificationKey } from './jwks.ts';
import type { KeyRing, KeyStatus } from './key-ring.ts';
import type { IssuerSettings } from './settings.ts';
import { type FoundSnapshot, readSnapshot, snapshotPath, writeSnapshot } from './snapshot.ts';
import { MAX_WAITING, type Waiters, WaitLimit } from './waiters.ts';

/** What happens to a key set, for the log and the metrics. */
export interface KeyObserver {
  keysFetched(issuer: string, keys: number, leftOut: readonly string[]): void;
  keysFailed(issuer: string, error: Error, usable: boolean): void;
  /** A snapshot was read, or could not be read or written; `error` is undefined where all went well. */
  snapshotUsed(issuer: string, path: string, error: string | undefined): void;
}

/** Where no `kid` names the key of a token, this many are tried at most: trying is what a forger wants us to do. */
const MAX_CANDIDATES = 4;
/** Waits between failed fetches. Without usable keys we stay close, so that service resumes soon after the issuer. */
const BACKOFF = { shortest: 200, first: 1_000, longest: 60_000, longestWithoutKeys: 4_000 };

/**
 * The keys of one issuer. They are fetched in the background and never in a request's way once loaded, and the last
 * good ones serve through an outage until they are `maxStale` old.
 */
export class KeySet implements KeyRing {
  generation = 0;
  arrivals = 0;
  usableUntil = 0;
  readonly fixed: boolean;
  tokenEndpoint: string | undefined;

  readonly #issuer: IssuerSettings;
  readonly #ask: Ask;
  readonly #clock: Clock;
  readonly #observer: KeyObserver;
  /** Age, in ms, at which keys are fetched again. */
  readonly #refreshAfter: number;
  /** Requests that wait for a fetch. */
  readonly #waiting = new WaitLimit(MAX_WAITING);
  readonly #overloaded: Stopped;
  readonly #closing = new AbortController();
  readonly #snapshot: string | undefined;
  #keys: readonly VerificationKey[] = [];
  #fetchedAt: number | undefined;
  /** Whether the keys are those of another set until now. */
  #takenOver = false;
  #askedForUnknownAt: number | undefined;
  #failures = 0;
  #error: string | undefined;
  #underWay: Promise<void> | undefined;
  #restoring: Promise<void> | undefined;
  /** A snapshot is being written. */
  #keeping = false;
  #cancelTimer: () => void = () => {};

  /**
   * `before` is one with the same issuer and source and another timing: what it has fetched goes on here. `patience` is
   * for how many times `refresh` it waits until it fetches, where the primary process fetches them and reports it (`refresh()`).
   */
  constructor(
    issuer: IssuerSettings,
    clock: Clock,
    ask: Ask,
    observer: KeyObserver,
    before?: KeySet,
    patience: number = 1,
  ) {
    this.#issuer = issuer;
    this.#clock = clock;
    this.#ask = ask;
    this.#observer = observer;
    this.#overloaded = stop({
      code: 'verify.keys-unavailable',
      detail: `Too many requests wait for the keys of ${issuer.issuer} already.`,
      retryAfter: 5,
    });
    this.#refreshAfter = issuer.keys.refresh * patience;
    this.fixed = issuer.keys.source.kind === 'inline';
    const { snapshot } = issuer.keys;
    // Keys that are at hand need none, and an older copy would bring back those that were taken out.
    this.#snapshot = snapshot === undefined || !this.#isRemote ? undefined : snapshotPath(snapshot, issuer);
    if (before !== undefined && before.#fetchedAt !== undefined) this.#takeOver(before, before.#fetchedAt);
  }

  /** At once while keys are loaded and known; waits for a fetch that is under way or allowed otherwise. */
  find(
    algorithm: Algorithm,
    kid: string | undefined,
    now: number,
    waiters?: Waiters,
  ): Outcome<readonly VerificationKey[]> | Promise<Outcome<readonly VerificationKey[]>> {
    if (now < this.usableUntil) {
      const candidates = this.#candidates(algorithm, kid);
      if (candidates.length > 0) return pass(candidates);
      return this.#mayAskForUnknown(now) ? this.#findBehind(this.refresh(), algorithm, kid, waiters) : unknownKey();
    }
    if (this.#restoring) {
      // The first requests may be quicker than the disk.
      if (!this.#mayWait(waiters)) return this.#overloaded;
      return this.#restoring.then(() => this.find(algorithm, kid, this.#clock.now(), waiters));
    }
    return this.#underWay || this.#isOverdue()
      ? this.#findBehind(this.refresh(), algorithm, kid, waiters)
      : this.#unavailable();
  }

  #findBehind(
    fetched: Promise<void>,
    algorithm: Algorithm,
    kid: string | undefined,
    waiters: Waiters | undefined,
  ): Outcome<readonly VerificationKey[]> | Promise<Outcome<readonly VerificationKey[]>> {
    return this.#mayWait(waiters) ? fetched.then(() => this.#found(algorithm, kid)) : this.#overloaded;
  }

  #mayWait(waiters: Waiters | undefined): boolean {
    return waiters?.moveTo(this.#waiting) ?? true;
  }

  /**
   * Whether the keys ran out although no fetch has failed: the machine slept (timers wait for it, the wall clock does
   * not), or `refresh` is longer than `maxStale`. After a failure the backoff alone decides when to ask.
   */
  #isOverdue(): boolean {
    return this.#fetchedAt !== undefined && this.#failures === 0;
  }

  async renew(now: number, waiters?: Waiters): Promise<Outcome<boolean>> {
    if (!this.#mayAskForUnknown(now)) return pass(false);
    const { arrivals } = this;
    const fetched = this.refresh();
    if (!this.#mayWait(waiters)) return this.#overloaded;
    await fetched;
    return pass(this.arrivals !== arrivals);
  }

  has(id: string): boolean {
    return this.#keys.some((key) => key.id === id);
  }

  status(now: number): KeyStatus {
    const age = this.#fetchedAt === undefined ? undefined : now - this.#fetchedAt;
    return { usable: now < this.usableUntil, age, error: this.#error };
  }

  async start(): Promise<void> {
    const now = this.#clock.now();
    if (this.#takenOver && now < this.usableUntil) {
      // Asking again at each change of configuration would make a flood of many changes.
      const age = Math.max(0, now - (this.#fetchedAt ?? 0));
      const left = this.#failures === 0 ? this.#nextFetchIn(now) - age : 0;
      this.#cancelTimer = this.#clock.after(Math.max(0, left), () => void this.refresh()); // never rejects
      return;
    }
    if (this.#snapshot !== undefined) {
      this.#restoring = this.#restore(this.#snapshot).finally(() => {
        this.#restoring = undefined;
      });
      await this.#restoring;
    }
    await this.refresh();
  }

  close(): void {
    this.#closing.abort(GIVEN_UP);
    this.#cancelTimer();
  }

  /** Whether the keys are somewhere else, from where they may not come; others never go stale. */
  get #isRemote(): boolean {
    const { kind } = this.#issuer.keys.source;
    return kind === 'url' || kind === 'discovery';
  }

  #candidates(algorithm: Algorithm, kid: string | undefined): readonly VerificationKey[] {
    const fitting = this.#keys.filter((key) => key.algorithms.includes(algorithm));
    const named = kid === undefined ? fitting : fitting.filter((key) => key.kid === kid);
    // `kid` is optional on both sides (RFC 7515 §4.1.4, RFC 7517 §4.5): a key that has none may be the one that is meant.
    const tried = named.length > 0 ? named : fitting.filter((key) => key.kid === undefined);
    return tried.slice(0, MAX_CANDIDATES);
  }

  #found(algorithm: Algorithm, kid: string | undefined): Outcome<readonly VerificationKey[]> {
    if (this.#clock.now() >= this.usableUntil) return this.#unavailable();
    const candidates = this.#candidates(algorithm, kid);
    return candidates.length > 0 ? pass(candidates) : unknownKey();
  }

  /** A forged `kid` costs an attacker nothing, so what it may cause is bounded by the clock, failures counted in. */
  #mayAskForUnknown(now: number): boolean {
    if (this.fixed) return false;
    if (this.#underWay) return true;
    const last = this.#askedForUnknownAt;
    if (last !== undefined && now >= last && now - last < this.#issuer.keys.cooldown) return false;
    this.#askedForUnknownAt = now;
    return true;
  }

  refresh(): Promise<void> {
    this.#underWay ??= this.#fetchOnce().finally(() => {
      this.#underWay = undefined;
    });
    return this.#underWay;
  }

  async #fetchOnce(): Promise<void> {
    this.#cancelTimer();
    const began = this.#clock.now();
    try {
      const { document, tokenEndpoint } = await fetchKeys(this.#issuer, this.#ask, this.#closing.signal);
      const { keys, leftOut } = readJwks(document);
      if (this.#closing.signal.aborted) return;
      this.#accept(keys, this.#clock.now());
      if (this.#snapshot !== undefined) void this.#keep(this.#snapshot); // never rejects
      this.tokenEndpoint = tokenEndpoint;
      this.#observer.keysFetched(this.#issuer.name, keys.length, leftOut);
    } catch (error) {
      if (this.#closing.signal.aborted) return;
      this.#failures += 1;
      this.#error = (error as Error).message;
      this.#observer.keysFailed(this.#issuer.name, error as Error, this.#clock.now() < this.usableUntil);
    }
    this.#cancelTimer = this.#clock.after(this.#nextFetchIn(began), () => void this.refresh()); // never rejects
  }

  #takeOver(before: KeySet, fetchedAt: number): void {
    this.#takenOver = true;
    this.#accept(before.#keys, fetchedAt);
    this.tokenEndpoint = before.tokenEndpoint;
    this.#askedForUnknownAt = before.#askedForUnknownAt;
    this.#failures = before.#failures;
    this.#error = before.#error;
  }

  /** The keys of before a restart: they serve while the issuer can't be asked, as if the restart had not been. */
  async #restore(path: string): Promise<void> {
    const { issuer, name, keys } = this.#issuer;
    const found = await this.#inTime(readSnapshot(path, issuer, this.#clock.now(), keys.maxStale));
    if (found === undefined || this.#closing.signal.aborted) return;
    try {
      if ('unusable' in found) throw new Error(`the snapshot ${found.unusable}`);
      const { keys: restored, leftOut } = readJwks(found.document);
      // We write good keys alone: with any other in it, the file is not ours or was changed.
      if (leftOut.length > 0) throw new Error(`the snapshot holds what was never written to it: ${leftOut.join('; ')}`);
      this.#accept(restored, found.fetchedAt);
      this.#observer.snapshotUsed(name, path, undefined);
    } catch (error) {
      this.#observer.snapshotUsed(name, path, (error as Error).message);
    }
  }

  /** The keys come from the issuer all the same where a file system does not answer, as one of a server that is gone. */
  #inTime(reading: Promise<FoundSnapshot>): Promise<FoundSnapshot> {
    const { timeout } = this.#issuer.keys;
    return new Promise((resolve) => {
      const unusable = `cannot be read: its file system does not answer within ${timeout / 1000} s`;
      const callOff = this.#clock.after(timeout, () => resolve({ unusable }));
      // Reading never rejects: what is wrong with the file is in what it finds.
      void reading.then((found) => {
        callOff();
        resolve(found);
      });
    });
  }

  /** Writes the keys, once more where others came meanwhile. */
  async #keep(path: string): Promise<void> {
    if (this.#keeping) return;
    this.#keeping = true;
    let written: number | undefined;
    while (written !== this.#fetchedAt && !this.#closing.signal.aborted) {
      written = this.#fetchedAt;
      await this.#keepNow(path);
    }
    this.#keeping = false;
  }

  async #keepNow(path: string): Promise<void> {
    const document = { keys: this.#keys.map(({ jwk }) => jwk) };
    try {
      await writeSnapshot(path, this.#issuer.issuer, { document, fetchedAt: this.#fetchedAt ?? 0 });
    } catch (error) {
      this.#observer.snapshotUsed(
        this.#issuer.name,
        path,
        `the snapshot cannot be written: ${(error as Error).message}`,
      );
    }
  }

  #accept(keys: readonly VerificationKey[], fetchedAt: number): void {
    const published = new Set(keys.map((key) => key.id));
    if (this.#keys.some((key) => !published.has(key.id))) this.generation += 1;
    if (keys.some((key) => !this.has(key.id))) this.arrivals += 1;
    this.#keys = keys;
    this.#fetchedAt = fetchedAt;
    this.usableUntil = this.#isRemote ? fetchedAt + this.#issuer.keys.maxStale : Number.POSITIVE_INFINITY;
    this.#failures = 0;
    this.#error = undefined;
  }

  /**
   * Jittered, so that a fleet which started together does not ask together. Without keys the time that a provider let us
   * wait in vain counts as waited: it may have come back while we did.
   */
  #nextFetchIn(began: number): number {
    const now = this.#clock.now();
    const usableFor = this.usableUntil - now;
    const longest = Math.min(BACKOFF.longest, Math.max(BACKOFF.longestWithoutKeys, usableFor));
    const wait =
      this.#failures === 0 ? this.#refreshAfter : Math.min(BACKOFF.first * 2 ** (this.#failures - 1), longest);
    const jittered = wait * (0.8 + 0.2 * Math.random());
    const waited = usableFor > 0 ? 0 : Math.max(0, now - began);
    return Math.max(jittered - waited, Math.min(jittered, BACKOFF.shortest));
  }

  #unavailable(): Outcome<never> {
    const never = this.#fetchedAt === undefined;
    const detail = never
      ? `The keys of ${this.#issuer.issuer} have not been fetched yet, so no token of it can be checked.`
      : `The keys of ${this.#issuer.issuer} could not be renewed for too long, so no token of it can be checked.`;
    return stop({ code: 'verify.keys-unavailable', detail, retryAfter: 5, cause: this.#error });
  }
}

function unknownKey(): Outcome<never> {
  return stop({
    code: 'token.key-unknown',
    detail: 'The token is signed with a key that its issuer does not publish.',
  });
}
