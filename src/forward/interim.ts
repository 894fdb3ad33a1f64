import { ServerResponse } from 'node:http';
import { trimBlanks } from '../request/lists.ts';

/** A response that can carry interim answers; one of HTTP/2 writes its links as they are. */
type InterimResponse = ServerResponse | Pick<ServerResponse, 'writeProcessing' | 'writeEarlyHints'>;

/** Of the links of one 103: so many fields, with so many characters in all, go on. */
const MAX_LINKS = 64;
const MAX_LINKS_LENGTH = 16 * 1024;

/**
 * Passes an interim answer on, as RFC 9110 §15.2 asks of a proxy: 102, and of 103 the links, which are what there is to
 * pass (RFC 8297). A 100 is between the upstream and the gateway. `headers` are names and values in turn.
 */
export function passOnInterim(status: number, headers: readonly string[], response: InterimResponse): void {
  if (status === 102) response.writeProcessing();
  if (status !== 103) return;
  const links = linksOf(headers);
  if (links.length > 0) writeHints(response, links);
}

/** Hints that can't be passed on are no loss. */
function linksOf(headers: readonly string[]): string[] {
  const links: string[] = [];
  let length = 0;
  for (let at = 0; at < headers.length && links.length < MAX_LINKS; at += 2) {
    if ((headers[at] as string).toLowerCase() !== 'link') continue;
    const link = trimBlanks(headers[at + 1] as string);
    length += link.length;
    if (length > MAX_LINKS_LENGTH) break;
    if (link.startsWith('<') && FIELD_VALUE.test(link)) links.push(link);
  }
  return links;
}

const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/**
 * Writes a 103. Never by node's own writeEarlyHints for HTTP/1: that holds links against a pattern which takes
 * exponential time, so that 116 bytes from an upstream stop the process. Nothing of an answer has been written when an
 * interim one is, and a response that has its connection is the one whose turn it is, so that the connection is free.
 */
function writeHints(response: InterimResponse, links: string[]): void {
  if (!(response instanceof ServerResponse)) {
    response.writeEarlyHints({ link: links });
    return;
  }
  const { socket } = response;
  if (socket?.writable) socket.write(`HTTP/1.1 103 Early Hints\r\nLink: ${links.join(', ')}\r\n\r\n`, 'latin1');
}
