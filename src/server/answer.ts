import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { Batch } from '../batch.ts';
import type { Reply } from '../errors/reply.ts';
import { closeGently, dropRest, leaveUnread } from '../request/linger.ts';

/** A request that gets an answer. */
export interface Answered {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Called with an error that no code expects while the answer leaves: it can't be completed any more. */
  failed(error: unknown): void;
}

/** How to treat a body that will not be used. */
export type RestOfBody = 'none' | 'drop' | 'leave';

/**
 * Sends an answer of the gateway's own, at the end of the turn of the event loop: a flood of refusals would otherwise make
 * each other request dear. What has not been read of a body goes nowhere, and the connection closes behind the answer:
 * `rest` says whether it is read and dropped until then, for clients who read nothing before they have written everything.
 */
export function sendReply(reply: Reply, rest: RestOfBody, answered: Answered): void {
  const { request, response } = answered;
  if (response.headersSent || response.destroyed) return;
  if (rest !== 'none' && !request.complete) {
    response.shouldKeepAlive = false;
    if (rest === 'drop') dropRest(request);
    else leaveUnread(request);
  }
  response.writeHead(reply.status, reply.headers as string[]);
  replies.add({ answered, body: reply.body });
}

const replies = new Batch<{ readonly answered: Answered; readonly body: string }>(
  ({ answered: { response }, body }) => {
    // By now its client may have gone.
    if (!response.destroyed) response.end(body);
  },
  undefined,
  (error, { answered }) => answered.failed(error),
);

/** Sends what is still to be sent of `sendReply`. */
export function sendRepliesNow(): void {
  replies.run();
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
