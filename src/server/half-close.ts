import type { Socket } from 'node:net';

/**
 * How long a client that has ended its side may get no bytes before its connection is cut: 0.6 s. It is counted in steps, so
 * that a gateway that was blocked itself does not mistake that for a client that has gone.
 */
const GRACE = { stepMs: 150, steps: 4 };

/**
 * Handles a client that has ended its side while its request is under way. It may wait for its answer (`nc -N`, some
 * probes), or it may have closed the connection: TCP does not distinguish the two until something is written. So the
 * connection is cut, with its request, if no bytes of the answer are written for a moment.
 */
export function closeUnlessWritten(socket: Socket): void {
  let [before, silent] = [socket.bytesWritten, 0];
  const timer = setInterval(() => {
    // Data that waits to be written waits for the client, which stalled.ts bounds.
    const isSilent = socket.bytesWritten === before && socket.writableLength === 0;
    silent = isSilent ? silent + 1 : 0;
    before = socket.bytesWritten;
    if (silent >= GRACE.steps) socket.destroy();
  }, GRACE.stepMs);
  socket.once('close', () => clearInterval(timer));
}
