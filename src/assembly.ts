import type { Clock } from './clock.ts';
import type { Config, RouteSettings } from './config/config.ts';
import { RouteForwarder } from './forward/http.ts';
import type { OpenStreams } from './forward/streams.ts';
import type { TargetObserver } from './forward/target.ts';
import { Upstream } from './forward/upstream.ts';
import { FieldSorter } from './request/fields.ts';
import { CorsPolicy } from './route/cors.ts';
import type { Findable } from './route/find.ts';
import { RouteTable } from './route/table.ts';
import type { TokenPlace } from './token/extract.ts';
import { TokenCache } from './verify/cache.ts';
import { CachedVerifier } from './verify/cached.ts';
import type { Fetch } from './verify/fetch.ts';
import type { KeyRing } from './verify/key-ring.ts';
import { type KeyObserver, KeySet } from './verify/keys.ts';
import { IntrospectionVerifier } from './verify/kinds/introspection.ts';
import { JwtVerifier } from './verify/kinds/jwt.ts';
import { SharedSecret } from './verify/secret.ts';
import type { AnyIssuerSettings, IssuerSettings } from './verify/settings.ts';
import type { IssuerVerifier, Verifier } from './verify/verifier.ts';

/** A route with everything that a request on it needs, made once when the config loads. */
export interface GatewayRoute extends Findable {
  readonly settings: RouteSettings;
  /** The issuers whose tokens it takes, for the wording of refusals. */
  readonly issuerNames: readonly string[];
  /** Undefined on a public route. */
  readonly verifier: Verifier | undefined;
  readonly forwarder: RouteForwarder;
  /** Undefined where no web page may call from another origin. */
  readonly cors: CorsPolicy | undefined;
}

/** All that one configuration brings to life. Requests walk it; nothing is looked up by name any more. */
export interface Assembly {
  readonly config: Config;
  readonly table: RouteTable<GatewayRoute>;
  readonly sorter: FieldSorter;
  /** By the name of their issuer; an issuer that is asked about each token has none. */
  readonly keyRings: ReadonlyMap<string, KeyRing>;
  readonly cache: TokenCache;
  readonly upstreams: readonly Upstream[];
  /** Aborts what issuers are being asked. */
  readonly closing: AbortController;
}

/** Where an assembly gets its time and its documents from. */
export interface Surroundings {
  readonly clock: Clock;
  readonly fetch: Fetch;
  /** Streams outlive the assembly under which they began. */
  readonly streams: OpenStreams;
}

/** Who is told what becomes of key sets and of the targets of upstreams. */
export type Observer = KeyObserver & TargetObserver;

/** Builds what a configuration describes. Nothing is fetched or connected yet. */
export function assemble(config: Config, { clock, fetch, streams }: Surroundings, observer: Observer): Assembly {
  const cache = new TokenCache(config.tokenCache);
  const closing = new AbortController();
  const keyRings = new Map<string, KeyRing>();
  const verifiers = new Map<string, IssuerVerifier>();
  for (const issuer of config.issuers) {
    if ('introspection' in issuer) {
      verifiers.set(issuer.name, new IntrospectionVerifier(issuer, fetch, closing.signal));
    } else {
      const keys = keyRingOf(issuer, { clock, fetch }, observer);
      keyRings.set(issuer.name, keys);
      verifiers.set(issuer.name, new JwtVerifier(issuer, keys));
    }
  }
  const verifierOf = (issuers: readonly AnyIssuerSettings[]): Verifier => {
    const chosen = issuers.map((issuer) => verifiers.get(issuer.name) as IssuerVerifier);
    return new CachedVerifier(chosen, cache, clock.now);
  };
  const upstreams = config.upstreams.map((settings) => new Upstream(settings, { clock, observer }));
  const routes = config.routes.map((settings): GatewayRoute => {
    const upstream = upstreams.find((candidate) => candidate.settings.name === settings.upstream.name) as Upstream;
    const { guard } = settings;
    const issuers = guard === 'public' ? [] : guard.issuers;
    const cors = settings.cors && new CorsPolicy(settings.cors);
    return {
      settings,
      host: settings.host,
      path: settings.path,
      methods: settings.methods,
      allow: settings.allow,
      issuerNames: [...new Set(issuers.map((issuer) => issuer.issuer))],
      verifier: guard === 'public' ? undefined : verifierOf(issuers),
      forwarder: new RouteForwarder(settings, upstream, streams, cors),
      cors,
    };
  });
  return {
    config,
    table: new RouteTable(routes),
    sorter: new FieldSorter(managedHeaders(config), watchedHeaders(config)),
    keyRings,
    cache,
    upstreams,
    closing,
  };
}

function keyRingOf(
  issuer: IssuerSettings,
  { clock, fetch }: Omit<Surroundings, 'streams'>,
  observer: KeyObserver,
): KeyRing {
  return issuer.secret === undefined
    ? new KeySet(issuer, clock, fetch, observer)
    : new SharedSecret(issuer.secret, issuer.algorithms);
}

/** Every header that any route sets: a client's own never reaches any upstream, on whatever route it comes. */
function managedHeaders({ routes, upstreams }: Config): string[] {
  return [...routes.flatMap((route) => route.headers.set), ...upstreams.flatMap((upstream) => upstream.headers)].map(
    ([name]) => name,
  );
}

/** Headers that a route removes or takes a token from: a spelling variant would be a way around that. */
function watchedHeaders({ routes }: Config): string[] {
  return routes.flatMap(({ headers, guard }) => {
    const places = guard === 'public' ? [] : guard.tokenFrom;
    return [...headers.remove, ...places.flatMap(headerOf)];
  });
}

function headerOf(place: TokenPlace): string[] {
  if (place.kind === 'websocketProtocol') return ['sec-websocket-protocol'];
  return place.kind === 'header' ? [place.name] : [];
}
