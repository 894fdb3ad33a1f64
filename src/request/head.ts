import { type Outcome, pass, stop } from '../outcome.ts';
import type { FieldSorter } from './fields.ts';
import { listMembers } from './lists.ts';
import { namesWebSocket } from './upgrade.ts';

/** What node:http's parser hands over, or what was made of the head of an HTTP/2 stream. */
export interface ParsedRequest {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly httpVersion: string;
  /** Names and values in turn, as they came. */
  readonly rawHeaders: readonly string[];
}

/** The head of a request, read once: what the gateway decides by, and what an upstream may get. */
export class RequestHead {
  readonly method: string;
  /** The request target as it came. */
  readonly target: string;
  /** `1.0`, `1.1` or `2`. */
  readonly version: string;
  readonly rawHeaders: readonly string[];
  /** The one Host field; empty where HTTP/1.0 came without. */
  host = '';
  /** The values of the Authorization fields, one each. */
  readonly authorization: string[] = [];
  /** Names and values in turn that may go on: nothing of the hop, nothing that the gateway sets itself. */
  onward: string[] = [];
  /** Names and values of the X-Forwarded-* that a trusted proxy is believed, and of Forwarded. */
  readonly forwarded: string[] = [];
  /** Names and values in turn that go on where a route keeps them alone: they claim what a proxy would know. */
  withheld: string[] = [];
  requestId: string | undefined;
  contentLength: number | undefined;
  /** A body follows whose length is not told beforehand. */
  chunked = false;
  /** It asks for WebSocket. Other protocols in Upgrade are ignored (RFC 9110 §7.8). */
  upgrade = false;
  /** Whether Connection has `close` in it. */
  closes = false;
  expect: string | undefined;
  acceptsTrailers = false;
  /** The values of traceparent fields; more than one is none that counts. */
  readonly traceParents: string[] = [];
  /** Names and values of tracestate fields: they mean something beside a traceparent alone. */
  readonly traceStates: string[] = [];
  /** Of Max-Forwards (RFC 9110 §7.6.2), where the method is one for which it means something. */
  maxForwards: number | undefined;
  /** Methods that X-HTTP-Method-Override and its like ask for; they go on. */
  methodOverrides: string[] | undefined;
  /** How often the gateway's own name stands in Via. */
  returns = 0;
  /** Header names that Connection nominates for removal (RFC 9110 §7.6.1), lower-case. A client can name thousands. */
  nominated: ReadonlySet<string> = NONE;

  constructor(request: ParsedRequest) {
    this.method = request.method ?? '';
    this.target = request.url ?? '';
    this.version = request.httpVersion;
    this.rawHeaders = request.rawHeaders;
  }

  get hasBody(): boolean {
    return this.chunked || (this.contentLength ?? 0) > 0;
  }

  /** Every value of a header, in the order they came. `name` is lower-case. */
  headerValues(name: string): readonly string[] {
    const values: string[] = [];
    for (let at = 0; at < this.rawHeaders.length; at += 2) {
      const field = this.rawHeaders[at] as string;
      if (field.length === name.length && field.toLowerCase() === name) values.push(this.rawHeaders[at + 1] as string);
    }
    return values;
  }
}

const NONE: ReadonlySet<string> = new Set();

/** What the gateway calls itself in Via (RFC 9110 §7.6.3). */
export const OWN_NAME = 'bearergate';

/** RFC 9110 §7.2: uri-host with an optional port, and no more. */
const AUTHORITY = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::\d{1,5})?$/;

/**
 * Reads a request head strictly, since node's parser alone is not strict enough for a guard: it takes two Host fields,
 * HTTP/2.0 on a plain connection, `Transfer-Encoding: gzip, chunked` and `Transfer_Encoding`. Fails with
 * request.invalid; the connection can't be trusted after that and is to be closed.
 */
export function readHead(request: ParsedRequest, sorter: FieldSorter): Outcome<RequestHead> {
  const head = new RequestHead(request);
  const { httpVersion } = request;
  // `2` comes from a stream of HTTP/2 alone, and `2.0` from a line of text that pretends.
  if (httpVersion !== '1.1' && httpVersion !== '1.0' && httpVersion !== '2')
    return invalid('The request is in a version of HTTP that is not taken here: 1.1 and 1.0 are.');
  const counts = { host: 0, contentLength: 0, transferEncoding: 0 };
  let connection: string[] | undefined;
  const raw = request.rawHeaders;
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at] as string;
    const value = raw[at + 1] as string;
    switch (sorter.kindOf(name)) {
      case 'keep':
        head.onward.push(name, value);
        break;
      case 'drop':
        break;
      case 'authorization':
        head.authorization.push(value);
        break;
      case 'host':
        counts.host += 1;
        head.host = value;
        break;
      case 'content-length':
        counts.contentLength += 1;
        head.contentLength = Number(value);
        if (!/^\d{1,15}$/.test(value)) return invalid('The Content-Length is not a number.');
        break;
      case 'transfer-encoding':
        counts.transferEncoding += 1;
        head.chunked = true;
        // Anything but exactly this one word is read in two ways by somebody (RFC 9112 §6.1).
        if (value.toLowerCase() !== 'chunked') return invalid('The Transfer-Encoding is not `chunked`.');
        break;
      case 'connection':
        if (value === 'keep-alive') break; // nearly always this
        connection ??= [];
        connection.push(value.toLowerCase());
        break;
      case 'expect':
        if (head.expect !== undefined) return invalid('The Expect header is given more than once.');
        head.expect = value;
        break;
      case 'forwarded':
        head.forwarded.push(name, value);
        break;
      case 'withheld':
        head.withheld.push(name, value);
        break;
      case 'request-id':
        head.requestId = value;
        break;
      case 'te':
        head.acceptsTrailers = value.toLowerCase() === 'trailers';
        break;
      case 'trace-parent':
        head.traceParents.push(value);
        break;
      case 'trace-state':
        head.traceStates.push(name, value);
        break;
      case 'upgrade':
        head.upgrade ||= namesWebSocket(value);
        break;
      case 'via':
        head.onward.push(name, value);
        head.returns += value.split(OWN_NAME).length - 1;
        break;
      case 'max-forwards':
        head.onward.push(name, oneForwardLess(head, value));
        break;
      case 'method-override':
        head.methodOverrides ??= [];
        head.methodOverrides.push(value.trim().toUpperCase());
        head.onward.push(name, value);
        break;
      case 'alias':
        return invalid(
          'The request has a header whose name is a spelling variant of one that this gateway answers for.',
        );
    }
  }
  const framing = framingFlaw(head, counts, httpVersion);
  if (framing) return invalid(framing);
  const host = hostFlaw(head, counts.host);
  if (host) return invalid(host, 'Send exactly one Host header: a host name with an optional port.');
  if (connection !== undefined) readConnection(head, connection);
  // Upgrade is one only together with `Connection: Upgrade` (RFC 9110 §7.8).
  head.upgrade &&= head.nominated.has('upgrade');
  if (head.nominated.size > 0) dropNominated(head);
  return pass(head);
}

function framingFlaw(
  head: RequestHead,
  counts: { contentLength: number; transferEncoding: number },
  version: string,
): string | undefined {
  if (counts.contentLength > 1) return 'The Content-Length is given more than once.';
  if (counts.transferEncoding > 1) return 'The Transfer-Encoding is given more than once.';
  if (!head.chunked) return undefined;
  if (counts.contentLength > 0)
    return 'The length of the body is given in two ways: Content-Length and Transfer-Encoding.';
  return version === '1.0' ? 'HTTP/1.0 has no Transfer-Encoding.' : undefined;
}

function hostFlaw(head: RequestHead, count: number): string | undefined {
  // To HTTP/1.0 it is unknown (RFC 9112 §3.2): such a request names no host, and routes that want one are not for it.
  if (count === 0) return head.version === '1.0' ? undefined : 'The Host header is missing.';
  if (count > 1) return 'The Host header is given more than once.';
  return isAuthority(head.host) ? undefined : 'The Host header is not a host name with an optional port.';
}

/** Whether a text is a host with an optional port. */
export function isAuthority(text: string): boolean {
  return text.length <= 261 && AUTHORITY.test(text);
}

function readConnection(head: RequestHead, fields: readonly string[]): void {
  const names = new Set(listMembers(fields));
  head.closes = names.delete('close');
  names.delete('keep-alive');
  head.nominated = names;
}

/** The value of Max-Forwards that goes on. TRACE, the other method it is for, never does. */
function oneForwardLess(head: RequestHead, value: string): string {
  if (head.method !== 'OPTIONS' || !/^\d{1,9}$/.test(value)) return value;
  head.maxForwards = Math.min(head.maxForwards ?? Number.POSITIVE_INFINITY, Number(value));
  return String(Math.max(0, Number(value) - 1));
}

/** Removal comes before anything of ours is added, so that a client can't nominate our headers (CVE-2021-33197). */
function dropNominated(head: RequestHead): void {
  head.onward = withoutNames(head.onward, head.nominated);
  head.withheld = withoutNames(head.withheld, head.nominated);
}

function withoutNames(fields: readonly string[], names: ReadonlySet<string>): string[] {
  const kept: string[] = [];
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at] as string;
    if (!names.has(name.toLowerCase())) kept.push(name, fields[at + 1] as string);
  }
  return kept;
}

function invalid(detail: string, fix?: string): Outcome<never> {
  return stop({ code: 'request.invalid', detail, ...(fix !== undefined && { fix }), close: true });
}
