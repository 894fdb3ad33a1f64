/** A failed attempt to fetch keys, as it is reported. */
export interface KeyFailure {
  readonly issuer: string;
  readonly error: Error;
  /** Whether the keys from before can still be used. */
  readonly usable: boolean;
  /** How many attempts this report stands for. */
  readonly times: number;
}

/** Where the reports are written. */
export interface OutageLog {
  keysFailed(failure: KeyFailure): void;
  /** An attempt that a later report counts. */
  keysFailedAgain(issuer: string, error: Error): void;
  /** `failures` attempts had failed before, over this many milliseconds. */
  keysBack(issuer: string, failures: number, outage: number): void;
}

interface Outage {
  readonly since: number;
  failures: number;
  usable: boolean;
  /** By the clock, in ms. */
  reportedAt: number;
  /** Failures since the last report. */
  unreported: number;
}

/** Time between reports of one outage, in ms. */
const INTERVAL = 60_000;

/**
 * Reports outages of issuers: the first failure at once, then once a minute with a count, and the end. The gateway asks an
 * issuer without usable keys every few seconds; a line for each attempt would hide all other lines.
 */
export class OutageReports {
  readonly #log: OutageLog;
  readonly #now: () => number;
  /** By the name of the issuer. */
  readonly #outages = new Map<string, Outage>();

  constructor(log: OutageLog, now: () => number) {
    this.#log = log;
    this.#now = now;
  }

  failed(issuer: string, error: Error, usable: boolean): void {
    const now = this.#now();
    const outage = this.#outages.get(issuer) ?? {
      since: now,
      failures: 0,
      usable,
      reportedAt: -INTERVAL,
      unreported: 0,
    };
    this.#outages.set(issuer, outage);
    outage.failures += 1;
    outage.unreported += 1;
    // The clock may have been set back: then it is reported, too.
    const isDue = now - outage.reportedAt >= INTERVAL || now < outage.reportedAt || usable !== outage.usable;
    outage.usable = usable;
    if (!isDue && outage.failures > 1) {
      this.#log.keysFailedAgain(issuer, error);
      return;
    }
    this.#log.keysFailed({ issuer, error, usable, times: outage.unreported });
    outage.reportedAt = now;
    outage.unreported = 0;
  }

  fetched(issuer: string): void {
    const outage = this.#outages.get(issuer);
    if (outage === undefined) return;
    this.#outages.delete(issuer);
    this.#log.keysBack(issuer, outage.failures, this.#now() - outage.since);
  }
}
