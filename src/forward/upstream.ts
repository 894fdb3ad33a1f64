import { isIP, type Socket } from 'node:net';
import { buildConnector, type Dispatcher, Pool } from 'undici';
import type { UpstreamSettings } from '../config/config.ts';

/** What undici is asked to send. Its own types leave `servername` out, which its documentation has. */
export interface UpstreamRequest extends Omit<Dispatcher.DispatchOptions, 'origin'> {
  readonly servername: string | undefined;
}

/** One service behind the gateway: its connections and how many requests may wait for them. */
export class Upstream {
  readonly settings: UpstreamSettings;
  readonly #pool: Pool;
  readonly #room: number;
  /** The name to verify a certificate by. Without it undici would take the client's Host, connection by connection. */
  readonly serverName: string | undefined;
  #busy = 0;

  constructor(settings: UpstreamSettings) {
    this.settings = settings;
    const { protocol, hostname } = new URL(settings.url);
    // RFC 6066 §3 knows no addresses here.
    this.serverName = protocol === 'https:' && isIP(hostname.replace(/^\[|\]$/g, '')) === 0 ? hostname : undefined;
    this.#room = settings.connections + settings.queue;
    this.#pool = new Pool(settings.url, {
      connections: settings.connections,
      pipelining: 1,
      connect: createConnector(settings.timeouts.connect),
      maxHeaderSize: 64 * 1024,
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
  send(request: UpstreamRequest, handler: Dispatcher.DispatchHandler): void {
    try {
      this.#pool.dispatch(request as Dispatcher.DispatchOptions, handler);
    } catch (error) {
      handler.onError?.(error as Error);
    }
  }

  async destroy(): Promise<void> {
    await this.#pool.destroy();
  }
}

function createConnector(timeout: number): buildConnector.connector {
  const connect = buildConnector({ timeout, allowH2: false });
  return (options, done) =>
    connect(options, (...[error, socket]: [Error, null] | [null, Socket]) => {
      socket?.prependListener('error', sayBroken);
      done(...([error, socket] as [null, Socket]));
    });
}

/**
 * undici takes ECONNRESET for the end of an answer that lasts until the close, which would make a cut one look whole.
 * Under another code it is an error like any other.
 */
function sayBroken(error: NodeJS.ErrnoException): void {
  if (error.code === 'ECONNRESET') error.code = 'UND_ERR_SOCKET';
}
