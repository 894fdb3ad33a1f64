import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Clock } from '../clock.ts';
import type { UpstreamSettings } from '../config/config.ts';
import { withoutBrackets } from './connect.ts';
import type { Target } from './target.ts';

/** What a health check needs to know of a target, and whom it tells. */
type Patient = Pick<Target, 'url' | 'host' | 'tls' | 'lookup' | 'examined'>;

/** Asks a target again and again whether it is well, on connections of its own. */
export class HealthCheck {
  readonly #target: Patient;
  readonly #clock: Clock;
  readonly #interval: number;
  readonly #deadline: number;
  readonly #options: RequestOptions;
  #cancel: () => void = () => {};
  #stopped = false;

  constructor(target: Patient, settings: UpstreamSettings, clock: Clock) {
    if (settings.health === undefined) throw new Error(`${settings.name} has no health check`);
    this.#target = target;
    this.#clock = clock;
    const { health, timeouts } = settings;
    this.#interval = health.interval;
    this.#deadline = Math.min(health.interval, timeouts.connect + timeouts.response);
    const { hostname, port, protocol } = new URL(target.url);
    this.#options = {
      ...target.tls,
      host: withoutBrackets(hostname),
      lookup: target.lookup,
      port: port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port),
      path: health.path,
      headers: headersFor(target.host, settings),
      agent: false,
    };
  }

  start(): void {
    this.#examine();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
  }

  #examine(): void {
    const send = this.#target.tls ? httpsRequest : httpRequest;
    const request = send(this.#options);
    let over = false;
    const settle = (ailment: string | undefined): void => {
      if (over) return;
      over = true;
      this.#cancel();
      request.destroy();
      if (this.#stopped) return;
      this.#target.examined(ailment);
      // Jittered, so that a fleet of gateways does not ask in step.
      this.#cancel = this.#clock.after(this.#interval * (0.9 + 0.1 * Math.random()), () => this.#examine());
    };
    const cancelDeadline = this.#clock.after(this.#deadline, () => {
      settle(`its health check had no answer within ${this.#deadline} ms`);
    });
    this.#cancel = () => {
      cancelDeadline();
      over = true;
      request.destroy();
    };
    request.on('response', (response) => settle(ailmentOf(response)));
    request.on('error', (error) => settle(`its health check failed: ${error.message}`));
    request.end();
  }
}

function ailmentOf({ statusCode = 0 }: IncomingMessage): string | undefined {
  return statusCode >= 200 && statusCode < 400 ? undefined : `its health check was answered with ${statusCode}`;
}

/** The upstream's own credentials count here too; headers that speak of a request don't, as there is none. */
function headersFor(ownHost: string, { host, headers }: UpstreamSettings): Record<string, string> {
  const fixed = headers.filter(([, { parts }]) => parts.every((part) => typeof part === 'string'));
  return {
    Host: host === 'keep' || host === 'upstream' ? ownHost : host,
    'User-Agent': 'bearergate',
    ...Object.fromEntries(fixed.map(([name, { source }]) => [name, source])),
    Connection: 'close',
  };
}
