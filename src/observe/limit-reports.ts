import type { Clock } from '../clock.ts';

/** A limit that was reached, as often as since its last report. */
export interface LimitReport {
  /** As it is written in the configuration. */
  readonly limit: string;
  readonly times: number;
  /** Over how many seconds; absent from the first report. */
  readonly seconds?: number;
}

/** How long, in ms, until a limit that goes on being reached is reported again. */
const INTERVAL = 60_000;

/**
 * Reports limits that are reached: the first time at once, then once a minute how often, until it stops. A client that
 * runs into one again and again does not fill the log.
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

  /** Something was refused because of a limit. Limits are names of the configuration, so there are not many. */
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
