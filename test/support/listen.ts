import type { AddressInfo, Server } from 'node:net';

/** Listens on 127.0.0.1, on a free port unless one is named. */
export async function listenOnLoopback(server: Server, port = 0): Promise<{ url: string; port: number }> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.removeListener('error', reject);
      resolve();
    });
  });
  const taken = (server.address() as AddressInfo).port;
  return { url: `http://127.0.0.1:${taken}`, port: taken };
}

/** Stops listening and cuts what is open. */
export async function closeNow(server: Server & { closeAllConnections(): void }): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

let quiet = process.pid * 8;

/**
 * A port on which nobody listens, outside of the range from which systems hand out free ones: a port that was free a moment
 * ago may be somebody else's by now.
 */
export function quietPort(): number {
  quiet += 1;
  return 20_000 + (quiet % 10_000);
}
