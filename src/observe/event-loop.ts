import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import { Durations } from './durations.ts';
import { Gauge, type Registry } from './prom-client.ts';

/** How often the lag is measured, in ms. */
const RESOLUTION = 50;
/** The gauges cover the last one to two of these windows, in ms, whenever they are read: several scrapers get the same values. */
const WINDOW = 60_000;

const HOUR = 3_600_000_000;
/** In µs, whole numbers from 1 on, to 1 %: 25 KiB. */
const SHAPE = { lowest: 1, highest: HOUR, figures: 2 };

/**
 * How late the event loop is, from a timer: as a histogram that only grows, and as gauges over the last minute or two. None
 * of them is changed by being read. It costs one timer and nothing per request.
 */
export class EventLoopLag {
  readonly #durations: Durations<string>;
  readonly #timer: NodeJS.Timeout;
  #current: RecordableHistogram = createHistogram(SHAPE);
  #before: RecordableHistogram = createHistogram(SHAPE);
  #expected = performance.now() + RESOLUTION;
  #turnAt = performance.now() + WINDOW;

  constructor(registry: Registry) {
    this.#durations = new Durations(
      'bearergate_eventloop_lag_seconds',
      'How late timers of the event loop fire; measured every 50 ms.',
      undefined,
      registry,
    );
    const lag = this;
    new Gauge({
      name: 'nodejs_eventloop_lag_p99_seconds',
      help: '99th percentile of the event loop lag in the last one to two minutes.',
      registers: [registry],
      aggregator: 'max',
      collect() {
        this.set(lag.#recent().percentile(99) / 1e6);
      },
    });
    new Gauge({
      name: 'nodejs_eventloop_lag_max_seconds',
      help: 'Maximum event loop lag in the last one to two minutes.',
      registers: [registry],
      aggregator: 'max',
      collect() {
        this.set(lag.#recent().max / 1e6);
      },
    });
    this.#timer = setInterval(() => this.#look(), RESOLUTION).unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const now = performance.now();
    const lateness = Math.max(0, now - this.#expected);
    this.#expected = now + RESOLUTION;
    this.#durations.observe('', lateness);
    if (now >= this.#turnAt) {
      this.#turnAt = now + WINDOW;
      [this.#before, this.#current] = [this.#current, this.#before];
      this.#current.reset();
    }
    this.#current.record(Math.min(HOUR, Math.max(1, Math.round(lateness * 1000))));
  }

  #recent(): RecordableHistogram {
    const both = createHistogram(SHAPE);
    both.add(this.#before);
    both.add(this.#current);
    return both;
  }
}
