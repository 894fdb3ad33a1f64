import type { IncomingMessage, ServerResponse } from 'node:http';
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Reply } from './errors/reply.ts';

/** Sends an answer of the gateway's own. A body that has not been read stays unread: the connection closes instead. */
export function sendReply(reply: Reply, hasBody: boolean, request: IncomingMessage, response: ServerResponse): void {
  if (response.headersSent || response.destroyed) return;
  if (hasBody && !request.complete) response.shouldKeepAlive = false;
  response.writeHead(reply.status, reply.headers as string[]).end(reply.body);
}

/** Sends an answer where there is no response object, because the parser refused the request, and closes. */
export function sendRawReply(reply: Reply, socket: Duplex): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const lines = [`HTTP/1.1 ${reply.status} ${STATUS_CODES[reply.status] ?? ''}`, `Date: ${new Date().toUTCString()}`];
  for (let at = 0; at < reply.headers.length; at += 2) {
    if (reply.headers[at] !== 'Connection') lines.push(`${reply.headers[at]}: ${reply.headers[at + 1]}`);
  }
  socket.end(`${[...lines, 'Connection: close'].join('\r\n')}\r\n\r\n${reply.body}`);
}
