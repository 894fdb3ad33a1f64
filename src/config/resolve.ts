import { dirname, resolve as resolvePath } from 'node:path';
import type { AnyIssuerSettings, KeySource } from '../verify/settings.ts';
import type { Config, GuardSettings, HeaderSettings, ListenTls, RouteSettings, UpstreamSettings } from './config.ts';
import { guardOf } from './guard.ts';
import { withHead } from './match.ts';
import type { Path } from './problem.ts';
import type { Scene } from './scene.ts';
import type { GatewayFile, IssuerEntry, ListenEntry, RouteEntry, UpstreamEntry } from './schema.ts';
import type { Template } from './template.ts';

type Surroundings = Pick<Scene, 'isSecret' | 'readFile' | 'fileOf'>;

/**
 * Follows every reference of a configuration that broke no rule. `file` is where it begins; paths in a value are relative
 * to the file that the value stands in. `secrets` are the places of values that came from elsewhere.
 */
export function resolve(
  gateway: GatewayFile,
  file: string,
  secrets: readonly Path[],
  scene: Surroundings,
): Omit<Config, 'written' | 'warnings'> {
  const { isSecret, fileOf } = scene;
  const issuers = Object.entries(gateway.issuers).map(([name, entry]) =>
    issuerSettings(name, entry, dirname(fileOf(['issuers', name]))),
  );
  const upstreams = Object.entries(gateway.upstreams).map(([name, entry]) => upstreamSettings(name, entry, scene));
  const { listen, admin, drain, workers, log, tokenCache, errors, publicUrl } = gateway;
  return {
    file,
    secrets,
    listen: { ...listen, tls: listen.tls && listenTls(listen.tls, scene) },
    admin,
    drain,
    workers,
    log,
    errors: { publicUrl, ...errors },
    tokenCache,
    issuers,
    upstreams,
    routes: withHead(gateway.routes).map((route, index) => {
      const place: Path = ['routes', index];
      return routeSettings(withSecretsMarked(route, place, isSecret), gateway, issuers, upstreams);
    }),
  };
}

function listenTls(
  { cert, key, clientCa, minVersion }: NonNullable<ListenEntry['tls']>,
  { readFile }: Surroundings,
): ListenTls {
  const read = (file: string) => readFile(file, ['listen', 'tls']);
  return {
    cert: read(cert),
    key: read(key),
    clientCa: clientCa === undefined ? undefined : read(clientCa),
    minVersion,
  };
}

function issuerSettings(name: string, entry: IssuerEntry, folder: string): AnyIssuerSettings {
  const { issuer, audience, clockTolerance, maxTokenAge, requiredClaims, introspection } = entry;
  const common = { name, issuer, audience, clockTolerance, maxTokenAge, requiredClaims };
  if (introspection) return { ...common, introspection };
  const { allowHttp, refresh, cooldown, maxStale, timeout, snapshot, secret } = entry.keys;
  const keys = {
    source: keySource(entry.keys, folder),
    allowHttp,
    refresh,
    cooldown,
    maxStale,
    timeout,
    snapshot: snapshot === undefined ? undefined : resolvePath(folder, snapshot),
  };
  const { algorithms, tokenType } = entry;
  return { ...common, keys, ...(secret === undefined ? {} : { secret }), algorithms, tokenType };
}

function keySource({ url, file, inline }: IssuerEntry['keys'], folder: string): KeySource {
  if (url !== undefined) return { kind: 'url', url };
  if (file !== undefined) return { kind: 'file', path: resolvePath(folder, file) };
  return inline ? { kind: 'inline', keys: inline } : { kind: 'discovery' };
}

function upstreamSettings(name: string, entry: UpstreamEntry, { isSecret, readFile }: Surroundings): UpstreamSettings {
  const { balance, timeouts, connections, queue, connectionMaxAge, host, origins, headers, tls, health } = entry;
  const [first, ...others] = entry.urls ?? (entry.url === undefined ? [] : [entry.url]);
  if (first === undefined) throw new Error(`upstream ${name} has no url, which a rule should have said`);
  const read = (file: string | undefined) => (file === undefined ? undefined : readFile(file, ['upstreams', name]));
  return {
    name,
    urls: [first, ...others],
    balance,
    timeouts,
    connections,
    queue,
    connectionMaxAge,
    tls: { ca: read(tls?.ca), cert: read(tls?.cert), key: read(tls?.key), serverName: tls?.serverName },
    health,
    host,
    origins,
    headers: Object.entries(marked(headers.set, ['upstreams', name, 'headers', 'set'], isSecret)),
  };
}

type IsSecret = (path: Path) => boolean;

function withSecretsMarked(route: RouteEntry, place: Path, isSecret: IsSecret): RouteEntry {
  const set = marked(route.headers.set, [...place, 'headers', 'set'], isSecret);
  return { ...route, headers: { ...route.headers, set } };
}

/** Header rules whose values came from elsewhere are marked, so that nobody shows them. */
function marked(set: Readonly<Record<string, Template>>, place: Path, isSecret: IsSecret): Record<string, Template> {
  const entries = Object.entries(set).map(([name, template]) =>
    isSecret([...place, name])
      ? ([name, { ...template, secret: true as const }] as const)
      : ([name, template] as const),
  );
  return Object.fromEntries(entries);
}

function routeSettings(
  route: RouteEntry,
  gateway: GatewayFile,
  issuers: readonly AnyIssuerSettings[],
  upstreams: readonly UpstreamSettings[],
): RouteSettings {
  const { id, match, rewrite, token, websocket, streams, maxBody, retries } = route;
  const upstream = named(upstreams, route.upstream);
  return {
    id,
    host: match.host,
    path: match.path,
    methods: match.methods,
    allow: match.allow,
    guard: guardSettings(route, gateway, issuers),
    upstream,
    rewrite,
    headers: { ...headerSettings(route.headers), keep: lowerCase(route.headers.keep) },
    responseHeaders: headerSettings(route.responseHeaders),
    token,
    websocket,
    streams,
    maxBody,
    retries,
    responseTimeout: route.timeouts.response ?? upstream.timeouts.response,
    cors: route.cors && { ...route.cors, methods: route.cors.methods ?? match.methods ?? USUAL_METHODS },
  };
}

const USUAL_METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];

function guardSettings(
  route: RouteEntry,
  { defaults }: GatewayFile,
  issuers: readonly AnyIssuerSettings[],
): 'public' | GuardSettings {
  const guard = guardOf(route, defaults.auth);
  if (guard === 'public') return 'public';
  if (!guard?.issuers) throw new Error(`route ${route.id} has no issuer, which a rule should have said`);
  return {
    issuers: [...new Set(guard.issuers)].map((name) => named(issuers, name)),
    scopes: guard.scopes,
    tokenFrom: guard.tokenFrom ?? [{ kind: 'authorization' }],
    claims: Object.entries(guard.claims ?? {}),
  };
}

function headerSettings({ set, remove }: RouteEntry['responseHeaders']): HeaderSettings {
  return { set: Object.entries(set), remove: lowerCase(remove) };
}

function lowerCase(names: readonly string[]): string[] {
  return names.map((name) => name.toLowerCase());
}

function named<T extends { readonly name: string }>(all: readonly T[], name: string): T {
  const found = all.find((one) => one.name === name);
  if (!found) throw new Error(`${name} is unknown, which a rule should have said`);
  return found;
}
