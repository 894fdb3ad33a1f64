import { type Dispatcher, Pool } from 'undici';
import type { UpstreamSettings } from '../config/config.ts';

/** One service behind the gateway: its connections and how many requests may wait for them. */
export class Upstream {
  readonly settings: UpstreamSettings;
  readonly #pool: Pool;
  readonly #room: number;
  /** The name to verify a certificate by. Without it undici would take the client's Host, connection by connection. */
  readonly #serverName: { servername?: string };
  #busy = 0;

  constructor(settings: UpstreamSettings) {
    this.settings = settings;
    const { protocol, hostname } = new URL(settings.url);
    this.#serverName = protocol === 'https:' ? { servername: hostname } : {};
    this.#room = settings.connections + settings.queue;
    this.#pool = new Pool(settings.url, {
      connections: settings.connections,
      pipelining: 1,
      connect: { timeout: settings.timeouts.connect },
      maxHeaderSize: 64 * 1024,
      allowH2: false,
    });
  }

  /** Takes a place for one request; false when every connection is busy and the queue is full. */
  enter(): boolean {
    if (this.#busy >= this.#room) return false;
    this.#busy += 1;
    return true;
  }

  leave(): void {
    this.#busy -= 1;
  }

  /** Sends one request. Never throws: what undici won't send is told to the handler as an error. */
  send(request: Omit<Dispatcher.DispatchOptions, 'origin'>, handler: Dispatcher.DispatchHandler): void {
    try {
      this.#pool.dispatch({ ...request, ...this.#serverName } as Dispatcher.DispatchOptions, handler);
    } catch (error) {
      handler.onError?.(error as Error);
    }
  }

  /** Lets the requests under way end, then closes the connections. */
  async close(): Promise<void> {
    await this.#pool.close();
  }

  async destroy(): Promise<void> {
    await this.#pool.destroy();
  }
}
