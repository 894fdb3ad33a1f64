import { METHODS as PARSED_METHODS } from 'node:http';
import { type Outcome, stop } from '../outcome.ts';
import type { FieldSorter } from './fields.ts';
import { type ParsedRequest, type RequestHead, readHead } from './head.ts';

/** The version of such a head. A parser of HTTP/1 never gives it: that one says `2.0` of a line that claims to be HTTP/2. */
export const HTTP2 = '2';

/** What came as the HEADERS of a stream. */
export interface Http2Head {
  /** Names and values in turn, as they came, pseudo-fields among them. */
  readonly rawHeaders: readonly string[];
  /** They take more than they may. */
  readonly isTooLarge: boolean;
  /** There were fields among them that no message may have, which are not among `rawHeaders`. */
  readonly isMalformed: boolean;
  /** Whether the stream did not end with them. */
  readonly bodyFollows: boolean;
}

/**
 * Reads the head of an HTTP/2 request (RFC 9113 §8.3) as strictly as one of HTTP/1.1, and gives the same of it. nghttp2
 * has refused most of what is malformed; here nothing depends on that. Fails with request.invalid,
 * request.headers-too-large or route.method.
 */
export function readHttp2Head(from: Http2Head, sorter: FieldSorter): Outcome<RequestHead> {
  if (from.isTooLarge) return stop({ code: 'request.headers-too-large', close: true });
  if (from.isMalformed) return invalid(BAD_CHARACTERS);
  const { pseudo, fields, flaw } = sortFields(from.rawHeaders);
  if (flaw !== undefined) return invalid(flaw);
  // A tunnel, or a WebSocket in a stream (RFC 8441): neither is carried.
  if (pseudo.get(':method') === 'CONNECT') return stop({ code: 'route.method', allow: ['GET', 'HEAD'], close: true });
  const found = pseudoFlaw(pseudo);
  if (found !== undefined) return invalid(found);
  const authority = pseudo.get(':authority');
  // As the first of the Host fields: one that says something else is a second one, and refused as such.
  const rawHeaders = authority === undefined ? fields : ['host', authority, ...withoutHost(fields, authority)];
  const parsed: ParsedRequest = {
    method: pseudo.get(':method') as string,
    url: pseudo.get(':path') as string,
    httpVersion: HTTP2,
    rawHeaders,
  };
  const head = readHead(parsed, sorter);
  // The end of such a body is told by the stream: to HTTP/1.1 it has to go on in chunks.
  if (head.ok && from.bodyFollows && head.value.contentLength === undefined) head.value.chunked = true;
  return head;
}

interface Sorted {
  readonly pseudo: ReadonlyMap<string, string>;
  readonly fields: string[];
  readonly flaw: string | undefined;
}

function sortFields(raw: readonly string[]): Sorted {
  const pseudo = new Map<string, string>();
  const fields: string[] = [];
  /** Where the one Cookie field has its value. */
  let cookieAt = -1;
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at] as string;
    const value = raw[at + 1] as string;
    if (name.startsWith(':')) {
      if (!PSEUDO.has(name) || pseudo.has(name) || fields.length > 0)
        return { pseudo, fields, flaw: 'The pseudo-header fields are not those of a request, each once and first.' };
      pseudo.set(name, value);
    } else if (!NAME.test(name) || !VALUE.test(value)) {
      return { pseudo, fields, flaw: BAD_CHARACTERS };
    } else if (OF_THE_CONNECTION.has(name) || (name === 'te' && value !== 'trailers')) {
      return { pseudo, fields, flaw: 'A header is about the connection, which HTTP/2 has in no header.' };
    } else if (name === 'cookie' && cookieAt !== -1) {
      // RFC 9113 §8.2.3: to HTTP/1.1 they are one.
      fields[cookieAt] += `; ${value}`;
    } else {
      fields.push(name, value);
      if (name === 'cookie') cookieAt = fields.length - 1;
    }
  }
  return { pseudo, fields, flaw: undefined };
}

function pseudoFlaw(pseudo: ReadonlyMap<string, string>): string | undefined {
  // Nothing else is served here, and what is behind would be told `https`.
  if (pseudo.get(':scheme') !== 'https') return 'The :scheme is not https.';
  const method = pseudo.get(':method');
  if (!method) return 'The :method is missing.';
  if (!METHODS.has(method)) return 'The :method is not the name of a known method in capitals.';
  const path = pseudo.get(':path') ?? '';
  // An absolute address would bring an authority of its own.
  if (!path.startsWith('/') && path !== '*') return 'The :path is not a path.';
  return undefined;
}

/** RFC 9113 §8.3.1: beside an :authority, Host may stand if it says the same. */
function withoutHost(fields: readonly string[], authority: string): string[] {
  const kept: string[] = [];
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at] as string;
    const value = fields[at + 1] as string;
    if (name !== 'host' || value.toLowerCase() !== authority.toLowerCase()) kept.push(name, value);
  }
  return kept;
}

/**
 * What node's parser takes in HTTP/1.1. Any other spelling would pass rules about methods, and upstreams that fold `delete`
 * would carry it out.
 */
const METHODS: ReadonlySet<string> = new Set(PARSED_METHODS);
const BAD_CHARACTERS = 'A header has characters that none may have in HTTP/2, or blanks around its value, or no name.';
const PSEUDO: ReadonlySet<string> = new Set([':method', ':scheme', ':authority', ':path']);
/** RFC 9113 §8.2.1: without capitals. */
const NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
const VALUE = /^(?![\t ])[\t\x20-\x7e\x80-\xff]*(?<![\t ])$/;
/** RFC 9113 §8.2.2 */
const OF_THE_CONNECTION: ReadonlySet<string> = new Set([
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
]);

function invalid(detail: string): Outcome<never> {
  return stop({ code: 'request.invalid', detail, close: true });
}
