import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Reply } from '../errors/reply.ts';

/**
 * Sends an answer of the gateway's own. What has not been read of a body stays unread: the connection closes instead,
 * in a way that lets the client see the answer first.
 */
export function sendReply(reply: Reply, hasBody: boolean, request: IncomingMessage, response: ServerResponse): void {
  if (response.headersSent || response.destroyed) return;
  if (hasBody && !request.complete) {
    response.shouldKeepAlive = false;
    request.read(0); // counts as begun, so that node does not drain the rest for us
    request.socket.destroySoon = () => closeGently(request.socket);
  }
  response.writeHead(reply.status, reply.headers as string[]).end(reply.body);
}

/** Sends an answer where there is no response object, because the parser refused the request, and closes. */
export function sendRawReply(reply: Reply, socket: Socket): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const lines = [`HTTP/1.1 ${reply.status} ${STATUS_CODES[reply.status] ?? ''}`, `Date: ${new Date().toUTCString()}`];
  for (let at = 0; at < reply.headers.length; at += 2) {
    if (reply.headers[at] !== 'Connection') lines.push(`${reply.headers[at]}: ${reply.headers[at + 1]}`);
  }
  socket.write(`${[...lines, 'Connection: close'].join('\r\n')}\r\n\r\n${reply.body}`);
  closeGently(socket);
}

/** How long a client has to read its answer before the connection goes. */
const LINGER = 1000;

/**
 * Ends our side and leaves the other one standing for a moment. Closing a socket with unread bytes in it makes the
 * kernel send a reset, and a client that is still sending would lose the answer that says why (RFC 9112 §9.6).
 */
function closeGently(socket: Socket): void {
  socket.end();
  const timer = setTimeout(() => socket.destroy(), LINGER);
  socket.once('close', () => clearTimeout(timer));
}
