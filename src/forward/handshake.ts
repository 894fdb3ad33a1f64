import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { RouteSettings } from '../config/config.ts';
import type { RequestHead } from '../request/head.ts';
import { listMembers } from '../request/lists.ts';
import { readSubprotocols } from '../token/subprotocol.ts';

/** RFC 6455 §1.3 */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** The opening handshake of one WebSocket (RFC 6455 §4): what goes to the upstream, and what has to come back. */
export class Handshake {
  readonly #key: string;
  /** What the client offered, as the upstream gets it: without the token, unless the route forwards that. */
  readonly #offered: readonly string[];
  readonly #tokens: readonly string[];
  /** The subprotocol that stood for the token, and that the upstream is not told of. */
  readonly #marker: string | undefined;

  /** `head` has passed handshakeFlaw. */
  constructor(head: RequestHead, { guard, token }: RouteSettings) {
    this.#key = head.headerValues('sec-websocket-key')[0] as string;
    const fields = head.headerValues('sec-websocket-protocol');
    const places = guard === 'public' ? [] : guard.tokenFrom;
    const markers = places.flatMap((place) => (place.kind === 'websocketProtocol' ? [place.name] : []));
    const marker = markers.find((name) => readSubprotocols(fields, name).tokens.length > 0);
    const { tokens, others } =
      marker === undefined ? { tokens: [], others: listMembers(fields) } : readSubprotocols(fields, marker);
    this.#tokens = tokens;
    this.#offered = token === 'forward' ? listMembers(fields) : others;
    this.#marker = token === 'forward' ? undefined : marker;
  }

  /** Completes the headers for the upstream, whatever the client nominated in Connection. Node writes a list as lines. */
  complete(headers: Record<string, string | string[]>): void {
    for (const name of Object.keys(headers)) if (OURS.has(name.toLowerCase())) delete headers[name];
    // http-proxy looks for these two by their lower-case names.
    headers.connection = 'Upgrade';
    headers.upgrade = 'websocket';
    headers['Sec-WebSocket-Version'] = '13';
    headers['Sec-WebSocket-Key'] = this.#key;
    if (this.#offered.length > 0) headers['Sec-WebSocket-Protocol'] = this.#offered.join(', ');
  }

  /**
   * What is wrong with a 101 (RFC 6455 §4.1). One that does not prove that the upstream speaks WebSocket would open a
   * tunnel to whatever it speaks.
   */
  flawOf({ headers, rawHeaders }: IncomingMessage): string | undefined {
    if (headers.upgrade?.toLowerCase() !== 'websocket') return 'It switched to another protocol than WebSocket.';
    const accept = valuesOf(rawHeaders, 'sec-websocket-accept');
    if (accept.length !== 1 || accept[0] !== acceptFor(this.#key))
      return 'Its Sec-WebSocket-Accept does not belong to the Sec-WebSocket-Key.';
    const chosen = valuesOf(rawHeaders, 'sec-websocket-protocol');
    const [name] = chosen;
    if (name === undefined) return undefined;
    // What it chose is told to the client, so a token is nothing that can be chosen.
    const fits = chosen.length === 1 && this.#offered.includes(name) && !this.#tokens.includes(name);
    return fits ? undefined : 'It chose a subprotocol that it was not offered.';
  }

  /**
   * The 101 for the client, by name. A browser that offered subprotocols fails a connection for which none was chosen
   * (WHATWG WebSockets §2.1): where the upstream saw no more than what we left of them, the marker is the one.
   */
  answerFor(headers: readonly string[]): Record<string, string | string[]> {
    const answer = byName(headers);
    for (const name of Object.keys(answer)) if (FRAMING.has(name.toLowerCase())) delete answer[name];
    const chosen = Object.keys(answer).some((name) => name.toLowerCase() === 'sec-websocket-protocol');
    if (!chosen && this.#marker !== undefined) answer['Sec-WebSocket-Protocol'] = this.#marker;
    return { Upgrade: 'websocket', Connection: 'Upgrade', ...answer };
  }
}

const OURS: ReadonlySet<string> = new Set(['sec-websocket-key', 'sec-websocket-version', 'sec-websocket-protocol']);
/** RFC 9110 §8.6: a 1xx has none. */
const FRAMING: ReadonlySet<string> = new Set(['content-length']);

/** What a server answers to a Sec-WebSocket-Key. */
export function acceptFor(key: string): string {
  return createHash('sha1')
    .update(key + GUID)
    .digest('base64');
}

/** Names and values in turn as an object, the way node writes them: a list where a name comes more than once. */
export function byName(flat: readonly string[]): Record<string, string | string[]> {
  const spellings = new Map<string, string>();
  const headers: Record<string, string | string[]> = {};
  for (let at = 0; at < flat.length; at += 2) {
    const lower = (flat[at] as string).toLowerCase();
    const name = spellings.get(lower) ?? (flat[at] as string);
    spellings.set(lower, name);
    const earlier = Object.hasOwn(headers, name) ? headers[name] : undefined;
    const value = flat[at + 1] as string;
    headers[name] = earlier === undefined ? value : [earlier, value].flat();
  }
  return headers;
}

function valuesOf(rawHeaders: readonly string[], name: string): string[] {
  return rawHeaders.filter((_, at) => at % 2 === 1 && rawHeaders[at - 1]?.toLowerCase() === name);
}
