import type { Dispatcher } from 'undici';
import type { Permit } from '../authorise/permit.ts';
import type { RouteSettings } from '../config/config.ts';
import type { RequestHead } from '../request/head.ts';
import type { CorsPolicy } from '../route/cors.ts';
import { Exchange } from './exchange.ts';
import { tooLarge } from './failure.ts';
import { HeaderRules, type RequestFacts } from './headers.ts';
import type { Passage } from './passage.ts';
import type { OpenStreams } from './streams.ts';
import type { UpstreamRequest } from './target.ts';
import { UpgradeForwarder, type UpgradePassage } from './upgrade.ts';
import type { Upstream } from './upstream.ts';

/** Forwards the requests of one route (RFC 9110 §7.6). It takes a Permit and nothing less. */
export class RouteForwarder {
  readonly #route: RouteSettings;
  readonly #upstream: Upstream;
  readonly #rules: HeaderRules;
  readonly #streams: OpenStreams;

  /** Undefined where WebSockets are not carried. */
  readonly #upgrades: UpgradeForwarder | undefined;

  constructor(route: RouteSettings, upstream: Upstream, streams: OpenStreams, cors?: CorsPolicy) {
    this.#route = route;
    this.#upstream = upstream;
    this.#rules = new HeaderRules(route, cors);
    this.#streams = streams;
    this.#upgrades = route.websocket ? new UpgradeForwarder(route, upstream, this.#rules, streams) : undefined;
  }

  forward(permit: Permit, passage: Passage): void {
    this.#check(permit);
    const { head } = passage.facts;
    const { maxBody } = this.#route;
    if (maxBody !== undefined && (head.contentLength ?? 0) > maxBody) {
      passage.refuse(tooLarge(maxBody));
      return;
    }
    const holding = passage.facts.peer.holdings?.of(this.#upstream);
    if (!this.#upstream.hasRoom(holding)) {
      const detail = 'Every connection to it, or every one that this client may have, is busy and the queue is full.';
      passage.refuse({ code: 'forward.saturated', detail });
      return;
    }
    const options: UpstreamRequest = {
      method: head.method as Dispatcher.HttpMethod,
      path: this.#pathFor(passage.path, passage.query),
      headers: this.#rules.forUpstream(passage.facts),
      body: null,
      headersTimeout: this.#route.responseTimeout,
      bodyTimeout: this.#upstream.settings.timeouts.idle,
    };
    const exchange = new Exchange(
      passage,
      this.#rules,
      this.#upstream,
      options,
      holding,
      this.#retriesFor(passage),
      this.#streams,
    );
    exchange.start(maxBody);
  }

  /** The path with its query, and the headers, that the upstream would get: the very ones that `forward` sends. */
  preview(facts: RequestFacts, path: string, query: string): { readonly path: string; readonly headers: string[] } {
    return { path: this.#pathFor(path, query), headers: this.#rules.forUpstream(facts) };
  }

  /** Carries a WebSocket. */
  upgrade(permit: Permit, passage: UpgradePassage): void {
    this.#check(permit);
    if (this.#upgrades === undefined) throw new Error(`the route ${this.#route.id} carries no WebSockets`);
    this.#upgrades.carry(passage, this.#pathFor(passage.path, passage.query));
  }

  #check({ route }: Permit): void {
    if (route !== this.#route) throw new Error(`a permit for ${route.id} was shown to ${this.#route.id}`);
  }

  #pathFor(path: string, query: string): string {
    const { stripPrefix, addPrefix } = this.#route.rewrite;
    const rest = addPrefix + path.slice(stripPrefix.length);
    return (rest.startsWith('/') ? rest : `/${rest}`) + this.#rules.queryFor(query);
  }

  #retriesFor({ facts: { head }, query }: Passage): number {
    return mayBeRepeated(head, query) ? this.#route.retries : 0;
  }
}

/**
 * RFC 9110 §9.2.2: only idempotent methods, and only without a body. A GET that asks to be treated as another method may
 * be a POST to the upstream, so it is sent once.
 */
function mayBeRepeated({ method, hasBody, methodOverrides }: RequestHead, query: string): boolean {
  return IDEMPOTENT.has(method) && !hasBody && methodOverrides === undefined && !overridesMethod(query);
}

/** The parameter by which Rails, Symfony and Laravel replace the method. */
function overridesMethod(query: string): boolean {
  if (query === '') return false;
  const lower = query.toLowerCase();
  return lower.includes('_method=') || lower.includes('%5fmethod=');
}

const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']);
