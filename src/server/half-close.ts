import type { Socket } from 'node:net';

/** How long nothing may be written for a client that sends nothing more; ms. Then it has gone, as far as anybody can tell. */
const GRACE = 600;

/**
 * For a client that has ended its side while a request of it is under way. It may wait for its answer (`nc -N`, some
 * probes), or it may have closed its connection: TCP shows both in the same way, until something is written. So it has a
 * moment for each piece of its answer; then the connection is cut, which ends what was asked for it.
 */
export function closeUnlessWritten(socket: Socket): void {
  let before = socket.bytesWritten;
  const timer = setInterval(() => {
    // What waits to be written waits for the client: there are other bounds for that.
    if (socket.bytesWritten === before && socket.writableLength === 0) socket.destroy();
    before = socket.bytesWritten;
  }, GRACE);
  socket.once('close', () => clearInterval(timer));
}
