import type { Clock } from '../clock.ts';

/** How often a limit was reached since its last report. */
export interface LimitReport {
  /** As it is written in the configuration. */
  readonly limit: string;
  readonly times: number;
  /** Over how many seconds; absent from the first report. */
  readonly seconds?: number;
}

/** Time between reports of a limit that is still being reached, in ms. */
const INTERVAL = 60_000;

/**
 * Reports limits that are reached: at once the first time, then once a minute with a count, until the limit is no longer
 * reached. So a client that keeps hitting a limit does not fill the log.
 */
export class LimitReports {
  readonly #clock: Clock;
  readonly #report: (report: LimitReport) => void;
  readonly #changed: () => void;
  /** How often each was reached since its last report. */
  readonly #times = new Map<string, number>();

  /** `changed` is called whenever `reached` has become another list. */
  constructor(clock: Clock, report: (report: LimitReport) => void, changed: () => void = () => {}) {
    this.#clock = clock;
    this.#report = report;
    this.#changed = changed;
  }

  /** Counts a refusal because of a limit. Limits are fields of the configuration, so their number is bounded. */
  add(limit: string): void {
    const times = this.#times.get(limit);
    this.#times.set(limit, (times ?? -1) + 1);
    if (times !== undefined) return;
    this.#report({ limit, times: 1 });
    this.#lookLater(limit);
    this.#changed();
  }

  /** Those that were reached within the last minute. */
  get reached(): readonly string[] {
    return [...this.#times.keys()].sort();
  }

  #lookLater(limit: string): void {
    this.#clock.after(INTERVAL, () => {
      const times = this.#times.get(limit) ?? 0;
      if (times === 0) {
        this.#times.delete(limit);
        this.#changed();
        return;
      }
      this.#times.set(limit, 0);
      this.#report({ limit, times, seconds: INTERVAL / 1000 });
      this.#lookLater(limit);
    });
  }
}
