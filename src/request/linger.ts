import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

/** How long a client has to read its answer before the connection goes. */
const LINGER = 1000;

/**
 * Ends our side and leaves the other one standing for a moment. Closing a socket with unread bytes in it makes the
 * kernel send a reset, and a client that is still sending would lose the answer that says why (RFC 9112 §9.6).
 */
export function closeGently(socket: Socket): void {
  socket.end();
  const timer = setTimeout(() => socket.destroy(), LINGER);
  socket.once('close', () => clearTimeout(timer));
}

/** Ends our side once what was written has left, and then closes gently. `idle`: how long, in ms, nothing may move. */
export function closeWhenRead(socket: Socket, idle: number): void {
  socket.setTimeout(idle, () => socket.destroy());
  socket.end(() => closeGently(socket));
}

/** Has the rest of a body stay unread when the answer is complete, and the connection close gently after it. */
export function leaveUnread(request: IncomingMessage): void {
  request.read(0); // counts as begun, so that node does not drain the rest for us
  request.socket.destroySoon = () => closeGently(request.socket);
}

/** Cuts a connection, so that what was sent on it can't be taken for complete: by a reset where there is one. */
export function cut(socket: Socket): void {
  // TLS has no reset; a connection that ends without `close_notify` says the same.
  if ('encrypted' in socket) socket.destroy();
  else socket.resetAndDestroy();
}
