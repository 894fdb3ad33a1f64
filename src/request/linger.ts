import type { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';

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

/**
 * Has the connection close when the answer is complete, and what its client still sends be read and dropped until then,
 * within bounds. Many clients read nothing before they have written the whole body (python-requests, httpx, urllib): a
 * connection that closes before would lose them the answer that says why.
 */
export function dropRest(request: IncomingMessage): void {
  // A stream of HTTP/2 is told by a frame that its body is not wanted, and its client reads all the while.
  if (!(request.socket instanceof Socket)) {
    leaveUnread(request);
    return;
  }
  request.read(0);
  request.socket.destroySoon = () => dropAndClose(request.socket);
}

/** How much is dropped, how fast, and how long without anything, at most. A step is a quarter of a second. */
const DROP = { stepMs: 250, steps: 30 * 4, silentSteps: 5 * 4, bytesPerStep: 1024 * 1024 };

function dropAndClose(socket: Socket): void {
  let [left, silent, budget] = [DROP.steps, 0, DROP.bytesPerStep];
  const timer = setInterval(() => {
    left -= 1;
    // Whoever is not read is not silent.
    silent = budget === DROP.bytesPerStep ? silent + 1 : 0;
    budget = DROP.bytesPerStep;
    if (left <= 0 || silent >= DROP.silentSteps) socket.destroy();
    else socket.resume();
  }, DROP.stepMs);
  hurries.set(socket, () => {
    left = Math.min(left, LINGER / DROP.stepMs);
  });
  socket.once('close', () => clearInterval(timer));
  socket.once('end', () => socket.destroy());
  socket.end();
  // No parser sees any of it: what follows the body is not wanted either. node lets a parser read a connection by itself,
  // until somebody else listens; and only it can begin again where it has stopped.
  const drop = () => {
    socket.removeAllListeners('data');
    socket.on('data', (chunk: Buffer) => {
      budget -= chunk.length;
      if (budget <= 0) socket.pause();
    });
  };
  if (socket.isPaused()) socket.once('resume', drop).resume();
  else drop();
}

/** For connections whose rest is being dropped: has them close within a moment. */
const hurries = new WeakMap<object, () => void>();

/** Has a connection on which the rest of a body is being dropped close within a moment; others are left as they are. */
export function hurry(socket: Socket): void {
  hurries.get(socket)?.();
}

/** Cuts a connection, so that what was sent on it can't be taken for complete: by a reset where there is one. */
export function cut(socket: Socket): void {
  // TLS has no reset; a connection that ends without `close_notify` says the same.
  if ('encrypted' in socket) socket.destroy();
  else socket.resetAndDestroy();
}
