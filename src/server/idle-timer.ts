import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { connectionEvent } from './tls.ts';

/**
 * Has the timer of each idle connection of HTTP/1 stay where it is while a request is under way: node would take it off when
 * one comes, and make another when it is answered. It begins anew whenever something moves on the connection. Where it fires
 * during a request, that is nobody's concern, unless all of an answer is written and the client does not take it: such a
 * connection would stay for ever. Before it cuts one, it calls `leftUnread`.
 */
export function keepIdleTimers(server: Server, leftUnread: (answer: ServerResponse) => void = () => {}): void {
  const timers = new WeakMap<Socket, IdleTimer>();
  server.on(connectionEvent(server), (socket: Socket) =>
    timers.set(socket, new IdleTimer(socket, server.keepAliveTimeout)),
  );
  // With a listener for it, node leaves closing to us.
  server.on('timeout', (socket: Socket) => {
    // node's own note of the answer whose turn it is: others may be written behind it, and wait.
    const { _httpMessage: answer } = socket as { _httpMessage?: ServerResponse };
    const isLeftUnread = answer?.writableEnded === true && socket.writableLength > 0;
    if (isLeftUnread) leftUnread(answer);
    if (isLeftUnread || timers.get(socket)?.isIdle) socket.destroy();
  });
}

/** Stands in for a connection's own `setTimeout`. */
class IdleTimer {
  /** node says 0 when a request comes, and how long it may be idle when it is answered. */
  isIdle = false;
  /** How long the timer runs that is there, in ms. */
  #running: number;

  constructor(socket: Socket, keepAlive: number) {
    this.#running = keepAlive;
    const set = socket.setTimeout.bind(socket);
    socket.on('timeout', () => {
      this.#running = 0;
    });
    socket.setTimeout = (ms, fired) => {
      this.isIdle = ms > 0;
      if (fired === undefined && (ms === 0 || ms === this.#running)) return socket;
      // One with somebody who waits for it is not for connections that are idle.
      this.#running = fired === undefined ? ms : 0;
      return set(ms, fired);
    };
    set(keepAlive);
  }
}
