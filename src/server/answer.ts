import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Reply } from '../errors/reply.ts';
import { closeGently, leaveUnread } from '../request/linger.ts';

/**
 * Sends an answer of the gateway's own. What has not been read of a body stays unread: the connection closes instead,
 * in a way that lets the client see the answer first.
 */
export function sendReply(reply: Reply, hasBody: boolean, request: IncomingMessage, response: ServerResponse): void {
  if (response.headersSent || response.destroyed) return;
  if (hasBody && !request.complete) {
    response.shouldKeepAlive = false;
    leaveUnread(request);
  }
  response.writeHead(reply.status, reply.headers as string[]).end(reply.body);
}

/** Sends an answer where there is no response object, and closes. `bodiless` is for HEAD. */
export function sendRawReply(reply: Reply, socket: Socket, bodiless = false): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const lines = [`HTTP/1.1 ${reply.status} ${STATUS_CODES[reply.status] ?? ''}`, `Date: ${new Date().toUTCString()}`];
  for (let at = 0; at < reply.headers.length; at += 2) {
    if (reply.headers[at] !== 'Connection') lines.push(`${reply.headers[at]}: ${reply.headers[at + 1]}`);
  }
  socket.write(`${[...lines, 'Connection: close'].join('\r\n')}\r\n\r\n${bodiless ? '' : reply.body}`);
  closeGently(socket);
}

/** What every answer of the gateway's own has, refusals aside, which bring it with them. */
export function withIdentity(reply: Reply, requestId: string): Reply {
  return { ...reply, headers: [...reply.headers, 'Cache-Control', 'no-store', 'X-Request-Id', requestId] };
}
