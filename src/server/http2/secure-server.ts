import { Server as HttpsServer, type ServerOptions } from 'node:https';
import type { TLSSocket } from 'node:tls';
import type { StallWatch } from '../stalled.ts';
import { Http2Session, type Http2SessionOptions } from './session.ts';

/**
 * A server for HTTPS that speaks HTTP/2 with clients who ask for it (ALPN). HTTP/1.1 is node's own server, as if there were
 * nothing else; a stream of HTTP/2 is a `request` like any other. A client
 * that floods is told by `flood`, with its address. Its `close` and `closeAllConnections` reach both.
 */
export class SecureServer extends HttpsServer {
  readonly #sessions = new Set<Http2Session>();
  readonly #options: Http2SessionOptions;
  #leaving = false;

  /** `now`: a monotonic clock, in ms. A stream that `watch` ends is told of by `stalled`. */
  constructor(options: ServerOptions, now = () => performance.now(), watch: StallWatch = NOBODY) {
    super({ ...options, ALPNProtocols: ['h2', 'http/1.1'] });
    this.#options = {
      limits: this,
      maxHeaderSize: options.maxHeaderSize ?? 16 * 1024,
      isLeaving: () => this.#leaving,
      now,
      serve: ({ request, response }) => this.emit('request', request, response),
      watch,
      stalled: (lane) => this.emit('stalled', lane),
      flooded: (client) => this.emit('flood', client),
      late: (lane) => this.emit('clientError', LATE, lane),
    };
    const speakHttp1 = this.listeners('secureConnection')[0] as (socket: TLSSocket) => void;
    this.off('secureConnection', speakHttp1);
    this.on('secureConnection', (socket) => {
      if (socket.alpnProtocol === 'h2') {
        this.#speakHttp2(socket);
      } else {
        socket.allowHalfOpen = true; // as those of a server for HTTP are
        speakHttp1.call(this, socket);
      }
    });
  }

  /** Asks clients of HTTP/2 to go elsewhere with their next requests, as `Connection: close` asks those of HTTP/1.1. */
  announceClose(): void {
    this.#leaving = true;
  }

  override close(closed?: (error?: Error) => void): this {
    super.close(closed);
    for (const session of this.#sessions) session.close();
    return this;
  }

  override closeAllConnections(): void {
    super.closeAllConnections();
    for (const session of this.#sessions) session.destroy();
  }

  #speakHttp2(socket: TLSSocket): void {
    const session = new Http2Session(socket, this.#options);
    this.#sessions.add(session);
    session.whenClosed(() => this.#sessions.delete(session));
    if (!this.listening) session.close();
  }
}

const NOBODY: StallWatch = { add() {}, delete() {} };

/** As node's own server for HTTP/1.1 says it. */
const LATE = Object.assign(new Error('Request timeout'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' });
