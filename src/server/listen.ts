import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isSecure } from './tls.ts';

/** An address, or the descriptor of a socket that listens already. */
export type ListenTarget = { readonly host: string; readonly port: number } | { readonly fd: number };

/** Has a server listen; rejects with node's error when the address can't be had. */
export function listenOn(server: Server, target: ListenTarget): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    // No more than these: `listen` of a configuration has members that mean something else to node.
    const options = 'fd' in target ? { fd: target.fd } : { port: target.port, host: target.host };
    server.listen(options, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** Closes a server and cuts what is open. */
export function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    if (!server.listening) return resolve();
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

/** The address of a listening server, as one would call it from this machine. */
export function urlOf(server: Server): string {
  const { address, port, family } = server.address() as AddressInfo;
  const everywhere = address === '0.0.0.0' || address === '::';
  const host = everywhere ? 'localhost' : family === 'IPv6' ? `[${address}]` : address;
  return `${isSecure(server) ? 'https' : 'http'}://${host}:${port}`;
}
