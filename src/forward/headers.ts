import type { Permit } from '../authorise/permit.ts';
import type { HeaderSettings, RouteSettings } from '../config/config.ts';
import type { RequestHead } from '../request/head.ts';
import { compileTemplate, type RenderTemplate, type TemplateFacts } from './template.ts';
import { type StripToken, tokenStripper } from './token.ts';

/** What forwarding needs to know of a request beyond its head. */
export interface RequestFacts {
  readonly head: RequestHead;
  readonly permit: Permit;
  readonly requestId: string;
  /** The Host that the client addressed, port included. */
  readonly authority: string;
  readonly peer: { readonly address: string; readonly encrypted: boolean; readonly trusted: boolean };
}

type CompiledHeader = readonly [name: string, value: RenderTemplate];

/** The headers of one route, compiled when the config loads. */
export class HeaderRules {
  readonly #set: readonly CompiledHeader[];
  readonly #remove: ReadonlySet<string>;
  readonly #responseSet: readonly CompiledHeader[];
  readonly #responseDrop: ReadonlySet<string>;
  readonly #host: string | undefined;
  readonly #strip: StripToken;
  readonly #passAuthorization: boolean;

  constructor(route: RouteSettings) {
    const { upstream, headers, responseHeaders } = route;
    // The route's own word comes last and replaces the upstream's.
    const own = new Set(headers.set.map(([name]) => name.toLowerCase()));
    const inherited = upstream.headers.filter(([name]) => !own.has(name.toLowerCase()));
    this.#set = compile([...inherited, ...headers.set]);
    this.#remove = new Set(headers.remove);
    this.#responseSet = compile(responseHeaders.set);
    this.#responseDrop = new Set([
      ...HOP_BY_HOP,
      ...responseHeaders.remove,
      ...responseHeaders.set.map(([name]) => name.toLowerCase()),
    ]);
    this.#host =
      upstream.host === 'keep' ? undefined : upstream.host === 'upstream' ? new URL(upstream.url).host : upstream.host;
    this.#strip = tokenStripper(route);
    const replaced = [...upstream.headers, ...headers.set].some(([name]) => name.toLowerCase() === 'authorization');
    this.#passAuthorization = !replaced && !this.#remove.has('authorization') && passesAuthorization(route);
  }

  /** The request target for the upstream, without the token where it came in the query. */
  queryFor(query: string): string {
    return this.#strip.fromQuery(query);
  }

  /** Names and values in turn for the upstream. */
  forUpstream(request: RequestFacts): string[] {
    const { head, authority, requestId } = request;
    const headers = ['Host', this.#host ?? authority];
    this.#copyOnward(head, headers);
    if (this.#passAuthorization && !head.nominated.includes('authorization')) {
      for (const value of head.authorization) headers.push('Authorization', value);
    }
    if (head.acceptsTrailers) headers.push('TE', 'trailers');
    if (head.contentLength !== undefined && head.contentLength > 0)
      headers.push('Content-Length', String(head.contentLength));
    pushForwarded(headers, request);
    headers.push('X-Request-Id', requestId);
    const facts: TemplateFacts = { permit: request.permit, requestId, host: authority };
    for (const [name, render] of this.#set) {
      const value = render(facts);
      if (value !== undefined) headers.push(name, value);
    }
    return headers;
  }

  #copyOnward(head: RequestHead, headers: string[]): void {
    const { onward } = head;
    if (this.#remove.size === 0 && !this.#strip.touchesHeaders) {
      for (const text of onward) headers.push(text);
      return;
    }
    for (let at = 0; at < onward.length; at += 2) {
      const name = onward[at] as string;
      const lower = name.toLowerCase();
      if (this.#remove.has(lower)) continue;
      const value = this.#strip.fromHeader(lower, onward[at + 1] as string);
      if (value !== undefined) headers.push(name, value);
    }
  }

  /** Names and values in turn for the client, from the upstream's raw ones. */
  forClient(raw: readonly Buffer[], request: RequestFacts): string[] {
    const headers: string[] = [];
    let nominated: string[] | undefined;
    for (let at = 0; at < raw.length; at += 2) {
      const name = (raw[at] as Buffer).toString('latin1');
      const lower = name.toLowerCase();
      const value = (raw[at + 1] as Buffer).toString('latin1');
      if (lower === 'connection')
        nominated = value
          .toLowerCase()
          .split(',')
          .map((word) => word.trim());
      if (!this.#responseDrop.has(lower)) headers.push(name, value);
    }
    const kept = nominated ? without(headers, nominated) : headers;
    if (this.#responseSet.length > 0) this.#setResponse(kept, request);
    return kept;
  }

  #setResponse(headers: string[], request: RequestFacts): void {
    const facts: TemplateFacts = { permit: request.permit, requestId: request.requestId, host: request.authority };
    for (const [name, render] of this.#responseSet) {
      const value = render(facts);
      if (value !== undefined) headers.push(name, value);
    }
  }
}

/** Fields of one hop (RFC 9110 §7.6.1): the connection to the client has its own. */
const HOP_BY_HOP = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];

function compile(headers: HeaderSettings['set']): readonly CompiledHeader[] {
  return headers.map(([name, template]) => [name, compileTemplate(template)] as const);
}

/** On a public route Authorization is none of our business; on a guarded one it goes on where we don't look for tokens. */
function passesAuthorization({ guard, token }: RouteSettings): boolean {
  if (guard === 'public' || token === 'forward') return true;
  return !guard.tokenFrom.some((place) => place.kind === 'authorization');
}

function pushForwarded(headers: string[], { head, peer, authority }: RequestFacts): void {
  const known = new Set<string>();
  let chain = peer.address;
  if (peer.trusted) {
    for (let at = 0; at < head.forwarded.length; at += 2) {
      const name = (head.forwarded[at] as string).toLowerCase();
      const value = head.forwarded[at + 1] as string;
      known.add(name);
      if (name === 'x-forwarded-for') chain = `${value}, ${chain}`;
      else headers.push(head.forwarded[at] as string, value);
    }
  }
  headers.push('X-Forwarded-For', chain);
  if (!known.has('x-forwarded-host')) headers.push('X-Forwarded-Host', authority);
  if (!known.has('x-forwarded-proto')) headers.push('X-Forwarded-Proto', peer.encrypted ? 'https' : 'http');
  headers.push('Via', '1.1 bearergate');
}

function without(headers: readonly string[], names: readonly string[]): string[] {
  const kept: string[] = [];
  for (let at = 0; at < headers.length; at += 2) {
    if (!names.includes((headers[at] as string).toLowerCase()))
      kept.push(headers[at] as string, headers[at + 1] as string);
  }
  return kept;
}
