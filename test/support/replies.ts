import { validateHeaderName, validateHeaderValue } from 'node:http';
import type { Reply } from '../../src/errors/reply.ts';

/** The headers of a reply by lower-case name. Throws when one is there twice or could not be sent. */
export function headersOf(reply: Reply): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {};
  for (let at = 0; at < reply.headers.length; at += 2) {
    const [name, value] = [reply.headers[at] ?? '', reply.headers[at + 1] ?? ''];
    validateHeaderName(name);
    validateHeaderValue(name, value);
    if (!/^[\x20-\x7e]+$/.test(value)) throw new Error(`${name} has a character outside printable ASCII`);
    if (Object.hasOwn(headers, name.toLowerCase())) throw new Error(`${name} is there twice`);
    headers[name.toLowerCase()] = value;
  }
  return headers;
}
