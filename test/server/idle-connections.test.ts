import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import test from 'ava';
import { startBehind } from '../support/gateway.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Bytes on the heap once everything that can go has gone. */
async function heap(): Promise<number> {
  for (let round = 0; round < 3; round += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    collect();
  }
  return process.memoryUsage().heapUsed;
}

const CONNECTIONS = 200;

test('an idle connection keeps less than 1 KB of the head of its last request', async (t) => {
  const { gateway } = await startBehind(t, {});
  const { hostname, port } = new URL(gateway.url);

  /** What connections cost on the heap whose one request, answered since, had a field of this length; bytes for each. */
  const costWith = async (length: number): Promise<number> => {
    const before = await heap();
    const sockets: Socket[] = [];
    for (let count = 0; count < CONNECTIONS; count += 1) {
      const socket = connect(Number(port), hostname);
      // Each is a text of its own: one that all share would cost nothing.
      const field = `${count}`.padEnd(length, 'x');
      socket.write(`GET /nowhere HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${count}\r\nX-Long: ${field}\r\n\r\n`);
      await once(socket, 'data');
      sockets.push(socket);
    }
    const cost = (await heap()) - before;
    const closed = sockets.map((socket) => once(socket, 'close'));
    for (const socket of sockets) socket.destroy();
    await Promise.all(closed);
    return cost / CONNECTIONS;
  };

  await costWith(10); // what is made once and stays
  const short = await costWith(10);
  const long = await costWith(12_000);
  t.true(long - short < 1_000, `${Math.round(short)} bytes with a short head, ${Math.round(long)} with a long one`);
});
