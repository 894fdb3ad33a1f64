import type { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';

/** How long a client has to read its answer before the connection is closed, in ms. */
const LINGER = 1000;

/**
 * Ends our side and keeps the other one open for a moment. Closing a socket with unread data makes the kernel send a reset,
 * and a client that is still sending would lose the answer (RFC 9112 §9.6).
 */
export function closeGently(socket: Socket): void {
  socket.end();
  const timer = setTimeout(() => socket.destroy(), LINGER);
  socket.once('close', () => clearTimeout(timer));
}

/** Ends our side once all written data has been sent, then closes gently. `idle`: the longest time without progress, in ms. */
export function closeWhenRead(socket: Socket, idle: number): void {
  socket.setTimeout(idle, () => socket.destroy());
  socket.end(() => closeGently(socket));
}

/** Leaves the rest of a body unread, and closes the connection gently once the answer is complete. */
export function leaveUnread(request: IncomingMessage): void {
  request.read(0); // counts as begun, so that node does not drain the rest for us
  request.socket.destroySoon = () => closeGently(request.socket);
}

/**
 * Closes the connection once the answer is complete; until then, reads and discards what the client sends, within bounds. Many
 * clients read nothing before they have written the whole body (python-requests, httpx, urllib): if the connection closed
 * earlier, they would lose the answer.
 */
export function dropRest(request: IncomingMessage): void {
  const { socket } = request;
  if (socket instanceof Socket) {
    request.read(0);
    socket.destroySoon = () => dropAndClose(socket);
  } else {
    (socket as unknown as DroppingStream).dropRest();
  }
}

/**
 * A stream of HTTP/2. A reset is to tell its client that the rest of a body is not wanted (RFC 9113 §8.1), but httpx takes
 * it for an error, and java.net.http waits for ever.
 */
interface DroppingStream {
  /** Has the rest of the body be read and dropped once the answer is complete, and the stream end after that. */
  dropRest(): void;
}

/** Limits of discarding: total time, time without data, and bytes per step of a quarter of a second. */
const DROP = { stepMs: 250, steps: 30 * 4, silentSteps: 5 * 4, bytesPerStep: 1024 * 1024 };

/** What is read to be dropped. */
interface Dropped {
  pause(): unknown;
  resume(): unknown;
  once(event: 'close', listener: () => void): unknown;
}

/**
 * Bounds what is dropped of `source`, which it has paused and resumed, and calls `end` where a bound is reached. `key`: what
 * `hurry` is called with. Returns what is to be called with the size of each piece.
 */
export function boundDrop(source: Dropped, key: object, end: () => void): (bytes: number) => void {
  let [left, silent, budget] = [DROP.steps, 0, DROP.bytesPerStep];
  const timer = setInterval(() => {
    left -= 1;
    // A client that is not being read is not silent.
    silent = budget === DROP.bytesPerStep ? silent + 1 : 0;
    budget = DROP.bytesPerStep;
    if (left <= 0 || silent >= DROP.silentSteps) end();
    else source.resume();
  }, DROP.stepMs);
  hurries.set(key, () => {
    left = Math.min(left, LINGER / DROP.stepMs);
  });
  source.once('close', () => clearInterval(timer));
  return (bytes) => {
    budget -= bytes;
    if (budget <= 0) source.pause();
  };
}

function dropAndClose(socket: Socket): void {
  const dropped = boundDrop(socket, socket, () => socket.destroy());
  socket.once('end', () => socket.destroy());
  socket.end();
  // No parser sees any of it: what follows the body is not wanted either. node lets a parser read a connection by itself,
  // until another listener is added; and only it can begin again where it has stopped.
  const drop = () => {
    socket.removeAllListeners('data');
    socket.on('data', (chunk: Buffer) => dropped(chunk.length));
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
