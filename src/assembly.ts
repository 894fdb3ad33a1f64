import type { LookupFunction } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import { issuerFor, type LiveIssuer } from './assembly/issuers.ts';
import type { Clock } from './clock.ts';
import type { Config, RouteSettings, UpstreamSettings } from './config/config.ts';
import { fixedPrefix } from './config/pattern.ts';
import { RouteForwarder } from './forward/http.ts';
import type { OpenStreams } from './forward/streams.ts';
import type { TargetObserver } from './forward/target.ts';
import { Upstream } from './forward/upstream.ts';
import { FieldSorter } from './request/fields.ts';
import { CorsPolicy } from './route/cors.ts';
import type { Findable } from './route/find.ts';
import { RouteTable } from './route/table.ts';
import type { TokenPlace } from './token/place.ts';
import type { Ask } from './verify/ask.ts';
import { TokenCache } from './verify/cache.ts';
import { CachedVerifier } from './verify/cached.ts';
import type { KeyRing } from './verify/key-ring.ts';
import type { KeyObserver } from './verify/keys.ts';
import { IntrospectionVerifier } from './verify/kinds/introspection.ts';
import { JwtVerifier } from './verify/kinds/jwt.ts';
import type { AnyIssuerSettings } from './verify/settings.ts';
import type { Verifier } from './verify/verifier.ts';

/** A route with everything that a request on it needs, made once when the config loads. */
export interface GatewayRoute extends Findable {
  readonly settings: RouteSettings;
  /** The issuers whose tokens it takes, for the wording of refusals. */
  readonly issuerNames: readonly string[];
  /** The fixed beginning of its paths. */
  readonly prefix: string;
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
  /** By name. */
  readonly issuers: ReadonlyMap<string, LiveIssuer>;
  /** By the name of their issuer; an issuer that is asked about each token has none. */
  readonly keyRings: ReadonlyMap<string, KeyRing>;
  readonly cache: TokenCache;
  readonly upstreams: readonly Upstream[];
  /** Everything in it that begins and ends. What an assembly has in common with the one before is the same in both. */
  readonly parts: ReadonlySet<Part>;
}

/** Something that has to be begun, and ended when nothing needs it any more. */
export interface Part {
  /** For keys, resolves when the first attempt to fetch them has ended. */
  start?(): void | Promise<void>;
  /** Lets what is under way come to its end. */
  close(): void | Promise<void>;
  /** Ends at once, where `close` would wait. */
  destroy?(): void | Promise<void>;
}

/**
 * Starts parts, and resolves when each has started or failed. Each failure is a defect, since a part reports what it
 * expects to go wrong by itself; the others start all the same.
 */
export async function startAll(parts: Iterable<Part>, defect: (error: unknown) => void): Promise<void> {
  await Promise.all(
    [...parts].map(async (part) => {
      try {
        await part.start?.();
      } catch (error) {
        defect(error);
      }
    }),
  );
}

/** Ends parts at once. One that fails keeps no other from its end; then it rejects with the first error. */
export async function destroyAll(parts: Iterable<Part>): Promise<void> {
  const ends = [...parts].map(async (part) => (part.destroy ? part.destroy() : part.close()));
  const failed = (await Promise.allSettled(ends)).find(({ status }) => status === 'rejected');
  if (failed?.status === 'rejected') throw failed.reason;
}

/** Where an assembly gets its time and its documents from. */
export interface Surroundings {
  readonly clock: Clock;
  readonly ask: Ask;
  /** For how many times `keys.refresh` keys are waited for before they are fetched from here. Default: 1. */
  readonly keyPatience?: number;
  /** Streams outlive the assembly under which they began. */
  readonly streams: OpenStreams;
  /** Finds the addresses of upstreams; the system's own where nothing is given. */
  readonly lookup?: LookupFunction | undefined;
}

/** Who is told what becomes of key sets and of the targets of upstreams. */
export type Observer = KeyObserver & TargetObserver;

/**
 * Builds what a configuration describes. Nothing is fetched or connected yet. What it has in common with the one `before`
 * is taken over as it is: connections, keys, remembered tokens.
 */
export function assemble(config: Config, surroundings: Surroundings, observer: Observer, before?: Assembly): Assembly {
  const { clock, streams, lookup } = surroundings;
  const cache = cacheFor(config, before);
  const issuers = new Map(
    config.issuers.map((settings) => {
      const issuer = issuerFor(settings, before?.issuers.get(settings.name), surroundings, observer);
      return [settings.name, issuer] as const;
    }),
  );
  const keyRings = keyRingsOf(issuers);
  const verifierOf = (chosen: readonly AnyIssuerSettings[]): Verifier =>
    new CachedVerifier(
      chosen.map(({ name }) => issuers.get(name) as LiveIssuer),
      cache,
      clock.now,
    );
  const upstreams = config.upstreams.map(
    (settings) => sameUpstream(settings, before) ?? new Upstream(settings, { clock, observer, lookup }),
  );
  const routes = config.routes.map((settings): GatewayRoute => {
    const upstream = upstreams.find((candidate) => candidate.settings.name === settings.upstream.name) as Upstream;
    const { guard } = settings;
    const accepted = guard === 'public' ? [] : guard.issuers;
    const cors = settings.cors && new CorsPolicy(settings.cors);
    return {
      settings,
      host: settings.host,
      path: settings.path,
      methods: settings.methods,
      allow: settings.allow,
      issuerNames: [...new Set(accepted.map(({ issuer }) => issuer))],
      prefix: fixedPrefix(settings.path),
      verifier: guard === 'public' ? undefined : verifierOf(accepted),
      forwarder: new RouteForwarder(settings, upstream, streams, cors),
      cors,
    };
  });
  return {
    config,
    table: new RouteTable(routes),
    sorter: new FieldSorter(managedHeaders(config), watchedHeaders(config), keptHeaders(config)),
    issuers,
    keyRings,
    cache,
    upstreams,
    parts: new Set<Part>([...keyRings.values(), ...askedIssuers(issuers), ...upstreams]),
  };
}

/** With other settings it is another one, and empty. What was counted goes on. */
function cacheFor({ tokenCache }: Config, before: Assembly | undefined): TokenCache {
  if (before && isDeepStrictEqual(before.config.tokenCache, tokenCache)) return before.cache;
  return new TokenCache(tokenCache, before?.cache.counts);
}

function sameUpstream(settings: UpstreamSettings, before: Assembly | undefined): Upstream | undefined {
  return before?.upstreams.find((known) => isDeepStrictEqual(known.settings, settings));
}

function keyRingsOf(issuers: ReadonlyMap<string, LiveIssuer>): ReadonlyMap<string, KeyRing> {
  return new Map(
    [...issuers].flatMap(([name, one]) => (one instanceof JwtVerifier ? [[name, one.keys] as const] : [])),
  );
}

function askedIssuers(issuers: ReadonlyMap<string, LiveIssuer>): IntrospectionVerifier[] {
  return [...issuers.values()].filter((one) => one instanceof IntrospectionVerifier);
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

/** Headers that a route lets through, in their own spelling. */
function keptHeaders({ routes }: Config): string[] {
  return routes.flatMap(({ headers }) => headers.keep);
}

function headerOf(place: TokenPlace): string[] {
  if (place.kind === 'websocketProtocol') return ['sec-websocket-protocol'];
  return place.kind === 'header' ? [place.name] : [];
}
