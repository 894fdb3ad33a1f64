import type { Socket } from 'node:net';

/**
 * How long nothing may be written for a client that sends nothing more: 0.6 s. Then it has gone, as far as anybody can tell. It
 * is counted in steps, so that a gateway which was held up for so long does not take that for the client's silence.
 */
const GRACE = { stepMs: 150, steps: 4 };

/**
 * For a client that has ended its side while a request of it is under way. It may wait for its answer (`nc -N`, some
 * probes), or it may have closed its connection: TCP shows both in the same way, until something is written. So it has a
 * moment for each piece of its answer; then the connection is cut, which ends what was asked for it.
 */
export function closeUnlessWritten(socket: Socket): void {
  let [before, silent] = [socket.bytesWritten, 0];
  const timer = setInterval(() => {
    // What waits to be written waits for the client: there are other bounds for that.
    const isSilent = socket.bytesWritten === before && socket.writableLength === 0;
    silent = isSilent ? silent + 1 : 0;
    before = socket.bytesWritten;
    if (silent >= GRACE.steps) socket.destroy();
  }, GRACE.stepMs);
  socket.once('close', () => clearInterval(timer));
}
