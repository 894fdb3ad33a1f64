import type { IncomingMessage } from 'node:http';
import { UPGRADE_FIELDS } from './upgrade.ts';

type ParsedHead = Pick<IncomingMessage, 'method' | 'url' | 'httpVersion' | 'rawHeaders'>;

/** The head of a request as bytes again, for a parser that is to read it anew. */
export function headBytes({ method, url, httpVersion, rawHeaders }: ParsedHead): Buffer {
  let text = `${method} ${url} HTTP/${httpVersion}\r\n`;
  for (let at = 0; at < rawHeaders.length; at += 2) text += `${rawHeaders[at]}: ${rawHeaders[at + 1]}\r\n`;
  return Buffer.from(`${text}\r\n`, 'latin1');
}

/**
 * The same request without what asks for another protocol (RFC 9110 §7.8): the fields Upgrade and HTTP2-Settings, and
 * their names in Connection. What remains of it is a plain request of HTTP/1.1 to every parser.
 */
export function withoutUpgrade({ method, url, httpVersion, rawHeaders }: ParsedHead): ParsedHead {
  const kept: string[] = [];
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] as string;
    const value = rawHeaders[at + 1] as string;
    const lower = name.toLowerCase();
    if (UPGRADE_FIELDS.has(lower)) continue;
    const remaining = lower === 'connection' ? withoutNames(value) : value;
    if (remaining !== '' || lower !== 'connection') kept.push(name, remaining);
  }
  return { method, url, httpVersion, rawHeaders: kept } as ParsedHead;
}

function withoutNames(connection: string): string {
  const words = connection.split(',').map((word) => word.trim());
  return words.filter((word) => word !== '' && !UPGRADE_FIELDS.has(word.toLowerCase())).join(', ');
}
