import type { Permit } from '../authorise/permit.ts';
import type { HeaderSettings, RouteSettings } from '../config/config.ts';
import { foldName } from '../request/fold.ts';
import { OWN_NAME, type RequestHead } from '../request/head.ts';
import { listMembers } from '../request/lists.ts';
import type { Trace } from '../request/trace.ts';
import { CORS_ANSWERS, type CorsPolicy } from '../route/cors.ts';
import { holdsToken, isBearer } from '../token/scheme.ts';
import { AnswerNames } from './answer-names.ts';
import { type RewriteBack, rewriteBack } from './rewrite-back.ts';
import type { Holdings } from './share.ts';
import { compileTemplate, type RenderTemplate, type TemplateFacts } from './template.ts';
import { type StripToken, tokenStripper } from './token.ts';

/** What forwarding needs to know of a request beyond its head. */
export interface RequestFacts {
  readonly head: RequestHead;
  readonly permit: Permit;
  readonly requestId: string;
  readonly trace: Trace;
  /** The Host that the client addressed, port included. */
  readonly authority: string;
  readonly peer: {
    readonly address: string;
    readonly encrypted: boolean;
    readonly trusted: boolean;
    readonly subject?: string | undefined;
    /** What its connection holds of upstreams; undefined where that is not counted. */
    readonly holdings?: Holdings | undefined;
  };
}

/** RFC 9110 §7.6.3: in which version it came. */
const VIA: Readonly<Record<string, string>> = {
  '1.0': `1.0 ${OWN_NAME}`,
  '1.1': `1.1 ${OWN_NAME}`,
  '2': `2.0 ${OWN_NAME}`,
};

type CompiledHeader = readonly [name: string, value: RenderTemplate];

/** The headers of one route, compiled when the config loads. */
export class HeaderRules {
  readonly #set: readonly CompiledHeader[];
  readonly #remove: ReadonlySet<string>;
  /** Lower-case names of withheld headers that go on here. */
  readonly #keep: ReadonlySet<string>;
  readonly #responseSet: readonly CompiledHeader[];
  readonly #responseDrop: ReadonlySet<string>;
  readonly #back: RewriteBack;
  readonly #host: string | undefined;
  /** What is sent where the client named no host. */
  readonly #ownHost: string;
  readonly #strip: StripToken;
  /** Lower-case names of #set: nothing else is sent under them. */
  readonly #own: ReadonlySet<string>;
  /** Whether an Authorization field goes on. */
  readonly #passesAuthorization: (value: string) => boolean;
  readonly #cors: CorsPolicy | undefined;
  readonly #answerNames = new AnswerNames();

  constructor(route: RouteSettings, cors?: CorsPolicy) {
    const { upstream, headers, responseHeaders } = route;
    // The route's own word comes last and replaces the upstream's.
    const own = new Set(headers.set.map(([name]) => foldName(name)));
    const inherited = upstream.headers.filter(([name]) => !own.has(foldName(name)));
    this.#set = compile([...inherited, ...headers.set]);
    this.#remove = new Set(headers.remove);
    this.#keep = new Set([...headers.keep, ...forwardedPlaces(route)]);
    this.#responseSet = compile(responseHeaders.set);
    this.#cors = cors;
    this.#responseDrop = new Set([
      ...HOP_BY_HOP,
      // One who says which pages may read: an upstream's own word beside ours would be read as two origins.
      ...(cors ? CORS_ANSWERS : []),
      ...responseHeaders.remove,
      ...responseHeaders.set.map(([name]) => name.toLowerCase()),
    ]);
    this.#back = rewriteBack(route);
    this.#ownHost = new URL(upstream.urls[0]).host;
    this.#host = upstream.host === 'keep' ? undefined : upstream.host === 'upstream' ? this.#ownHost : upstream.host;
    this.#strip = tokenStripper(route);
    this.#own = new Set(this.#set.map(([name]) => name.toLowerCase()));
    this.#passesAuthorization =
      this.#own.has('authorization') || this.#remove.has('authorization') ? NOTHING : authorizationFilter(route);
  }

  /** The request target for the upstream, without the token where it came in the query. */
  queryFor(query: string): string {
    return this.#strip.fromQuery(query);
  }

  /** Names and values in turn for the upstream. */
  forUpstream(request: RequestFacts): string[] {
    const { head, authority, requestId } = request;
    const headers = ['Host', this.#host ?? (authority || this.#ownHost)];
    this.#copyOnward(head, headers);
    if (this.#keep.size > 0 && head.withheld.length > 0) this.#copyKept(head, headers);
    if (this.#passesAuthorization !== NOTHING && !head.nominated.has('authorization')) {
      for (const value of head.authorization)
        if (this.#passesAuthorization(value)) headers.push('Authorization', value);
    }
    if (head.acceptsTrailers) headers.push('TE', 'trailers');
    if (head.contentLength !== undefined && head.contentLength > 0)
      headers.push('Content-Length', String(head.contentLength));
    this.#pushForwarded(headers, request);
    if (!this.#own.has('x-request-id')) headers.push('X-Request-Id', requestId);
    this.#pushTrace(headers, request);
    const facts: TemplateFacts = {
      permit: request.permit,
      requestId,
      host: authority || undefined,
      subject: request.peer.subject,
    };
    for (const [name, render] of this.#set) {
      const value = render(facts);
      if (value !== undefined) headers.push(name, value);
    }
    return headers;
  }

  #pushTrace(headers: string[], { head, trace }: RequestFacts): void {
    if (this.#remove.has('traceparent') || this.#own.has('traceparent')) return;
    headers.push('traceparent', trace.parent);
    // Of another trace than the one that goes on it would be a lie.
    if (trace.parent === head.traceParents[0] && !this.#remove.has('tracestate') && !this.#own.has('tracestate'))
      for (const text of head.traceStates) headers.push(text);
  }

  #copyOnward(head: RequestHead, headers: string[]): void {
    const { onward } = head;
    if (this.#remove.size === 0 && !this.#strip.touchesHeaders) {
      for (const text of onward) headers.push(text);
      return;
    }
    for (let at = 0; at < onward.length; at += 2) {
      const name = onward[at] as string;
      const value = this.#kept(name.toLowerCase(), onward[at + 1] as string);
      if (value !== undefined) headers.push(name, value);
    }
  }

  #copyKept({ withheld }: RequestHead, headers: string[]): void {
    for (let at = 0; at < withheld.length; at += 2) {
      const name = withheld[at] as string;
      const lower = name.toLowerCase();
      const value = this.#keep.has(lower) ? this.#kept(lower, withheld[at + 1] as string) : undefined;
      if (value !== undefined) headers.push(name, value);
    }
  }

  /** The value that goes on of a client's header, if any does. */
  #kept(name: string, value: string): string | undefined {
    return this.#remove.has(name) ? undefined : this.#strip.fromHeader(name, value);
  }

  #pushForwarded(headers: string[], { head, peer, authority }: RequestFacts): void {
    let chain = '';
    let knowsHost = false;
    let knowsProto = false;
    for (let at = 0; peer.trusted && at < head.forwarded.length; at += 2) {
      const name = (head.forwarded[at] as string).toLowerCase();
      const value = this.#own.has(name) ? undefined : this.#kept(name, head.forwarded[at + 1] as string);
      if (value === undefined) continue;
      knowsHost ||= name === 'x-forwarded-host';
      knowsProto ||= name === 'x-forwarded-proto';
      if (name !== 'x-forwarded-for') headers.push(head.forwarded[at] as string, value);
      else if (value !== '') chain += `${value}, `;
    }
    // Several lines are one list in their order (RFC 9110 §5.3): what our neighbour saw stands last but one.
    headers.push('X-Forwarded-For', chain + peer.address);
    if (!knowsHost && authority !== '') headers.push('X-Forwarded-Host', authority);
    if (!knowsProto) headers.push('X-Forwarded-Proto', peer.encrypted ? 'https' : 'http');
    headers.push('Via', VIA[head.version] as string);
  }

  /**
   * Names and values in turn for the client, from the upstream's raw ones; `sentTo` is the path and query it got, by
   * which it means relative addresses. Undefined when the body is coded for the hop
   * in a way that undici does not take off (RFC 9112 §7): without its name nobody could read it.
   */
  forClient(raw: readonly Buffer[], request: RequestFacts, sentTo: string): string[] | undefined {
    const headers: string[] = [];
    let connection: string[] | undefined;
    for (let at = 0; at < raw.length; at += 2) {
      const { name, lower } = this.#answerNames.of(raw[at] as Buffer);
      const value = (raw[at + 1] as Buffer).toString('latin1');
      if (lower === 'connection' && !ORDINARY.has(value)) {
        connection ??= [];
        connection.push(value.toLowerCase());
      }
      if (lower === 'transfer-encoding' && value.toLowerCase() !== 'chunked') return undefined;
      if (this.#responseDrop.has(lower)) continue;
      headers.push(name, this.#back.header(lower, value, request, sentTo) ?? value);
    }
    const kept = connection ? without(headers, new Set(listMembers(connection))) : headers;
    if (this.#responseSet.length > 0) this.#setResponse(kept, request);
    if (this.#cors) kept.push(...this.#cors.headersFor(request.head));
    return kept;
  }

  #setResponse(headers: string[], request: RequestFacts): void {
    const { permit, requestId, authority, peer } = request;
    const facts: TemplateFacts = { permit, requestId, host: authority || undefined, subject: peer.subject };
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

/** What upstreams say of their connection on nearly every answer; it nominates nothing. */
const ORDINARY: ReadonlySet<string> = new Set(['keep-alive', 'close']);

function compile(headers: HeaderSettings['set']): readonly CompiledHeader[] {
  return headers.map(([name, template]) => [name, compileTemplate(template)] as const);
}

/** Headers from which a route reads its token and which it forwards; naming them as the place of the token implies both. */
function forwardedPlaces({ guard, token }: RouteSettings): string[] {
  if (guard === 'public' || token === 'strip') return [];
  return guard.tokenFrom.flatMap((place) => (place.kind === 'header' ? [place.name] : []));
}

const NOTHING = (): boolean => false;
const ANYTHING = (): boolean => true;
const noToken = (value: string): boolean => !holdsToken(value);
/** Where the route takes its token from Authorization, a field of this form held the token that was verified. */
const noOtherToken = (value: string): boolean => isBearer(value) || !holdsToken(value);

/**
 * Which Authorization fields are forwarded. A token that was not verified is dropped: the upstream would believe what it
 * claims about the client. Other credentials are for the upstream, unless the field is the place of the token and stripped as a whole.
 */
function authorizationFilter({ guard, token }: RouteSettings): (value: string) => boolean {
  if (guard === 'public') return token === 'forward' ? ANYTHING : noToken;
  if (!guard.tokenFrom.some(({ kind }) => kind === 'authorization')) return noToken;
  if (token === 'strip') return NOTHING;
  // Without a token in the field such a route has refused the request.
  return guard.tokenFrom.length === 1 ? ANYTHING : noOtherToken;
}

function without(headers: readonly string[], names: ReadonlySet<string>): string[] {
  const kept: string[] = [];
  for (let at = 0; at < headers.length; at += 2) {
    if (!names.has((headers[at] as string).toLowerCase())) kept.push(headers[at] as string, headers[at + 1] as string);
  }
  return kept;
}
