// What is read from the head of an upstream's answer, and what of it the client gets. Headers are names and values in turn.

/** The reason of a status line, where node lets it stand there. It means nothing (RFC 9112 §4). */
export function plainReason(text: string): string {
  return PLAIN_REASON.test(text) ? text : '';
}

/** In UTF-8, as some servers write it, node would throw. */
const PLAIN_REASON = /^[\t\x20-\x7e]*$/;

/** Whether an answer is one that goes on (WHATWG HTML §9.2.5). One with a length is not. */
export function isEventStream(headers: readonly string[]): boolean {
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at] as string;
    if (name.length === 12 && name.toLowerCase() === 'content-type')
      return /^text\/event-stream(?:[; \t]|$)/i.test(headers[at + 1] as string);
  }
  return false;
}

export function contentLength(headers: readonly string[]): number | undefined {
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at] as string;
    if (name.length === 14 && name.toLowerCase() === 'content-length') return Number(headers[at + 1]);
  }
  return undefined;
}

/** RFC 9110 §8.6: a 204 has none. */
export function dropContentLength(headers: string[]): void {
  for (let at = 0; at < headers.length; at += 2) {
    if ((headers[at] as string).toLowerCase() === 'content-length') headers.splice(at, 2);
  }
}
