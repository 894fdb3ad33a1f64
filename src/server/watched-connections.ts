import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { ConnectionSending, type StallWatch } from './stalled.ts';
import { connectionEvent } from './tls.ts';

/** Has the connections of a server watched, but for those of HTTP/2, which have their streams watched. */
export function watchConnections(server: Server, watch: StallWatch, stalled: (socket: Socket) => void): void {
  server.on(connectionEvent(server), (socket: Socket) => {
    if ((socket as Partial<TLSSocket>).alpnProtocol === 'h2') return;
    const sending = new ConnectionSending(socket, stalled);
    watch.add(sending);
    socket.once('close', () => watch.delete(sending));
  });
}
