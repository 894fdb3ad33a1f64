import type { TokenPlace } from '../token/place.ts';
import type { AnyIssuerSettings, KeySource } from '../verify/settings.ts';
import type { Config, HeaderSettings, RouteSettings, UpstreamSettings } from './config.ts';
import type { Path } from './problem.ts';
import type { ClaimRule, ScopesRule } from './schema.ts';
import { writeDuration, writeSize } from './units.ts';

/** One setting of an entry, for comparing it with what it was. */
export interface Fact {
  /** As an operator calls it. */
  readonly label: string;
  /** Where it stands within its entry. */
  readonly at: Path;
  /** Another spelling of that, where there is one. */
  readonly orAt?: Path;
  /** Where in the configuration it is taken over from, where that is possible. */
  readonly inheritedFrom?: Path;
  /** What is compared; undefined where nothing was said. */
  readonly value: unknown;
  /** How it is shown. Without it only that it changed is told: it may be a secret, or too long to be read. */
  readonly text?: string;
}

/** What holds for the gateway as a whole. */
export function gatewayFacts(config: Config): Fact[] {
  const { file, secrets, written, warnings, issuers, upstreams, routes, ...settings } = config;
  const { listen, admin, drain, workers, log, errors, tokenCache, ...others } = settings;
  const { host, port, trustedProxies, limits, tls, ...restOfListen } = listen;
  const { clientCa, ...ownTls } = tls ?? {};
  const { hosts, ...adminSocket } = admin;
  const { publicUrl, ...wording } = errors;
  const { maxEntries, ...lifetimes } = tokenCache;
  const { headers, token, maxConnections, ...timeouts } = limits;
  return [
    fact('publicUrl', publicUrl, publicUrl ?? 'none'),
    fact('listen.host', host, host),
    fact('listen.port', port, String(port)),
    fact('listen.trustedProxies', trustedProxies, list(trustedProxies)),
    fact('listen.limits.headers', headers, writeSize(headers)),
    fact('listen.limits.token', token, writeSize(token)),
    fact('listen.limits.maxConnections', maxConnections, String(maxConnections)),
    ...each(timeouts, 'listen.limits', writeDuration),
    fact('listen.tls', tls !== undefined, tls ? 'https' : 'http'),
    fact('listen.tls.clientCa', clientCa !== undefined, clientCa ? 'certificates of clients' : 'none'),
    ...unshown({ authorities: clientCa, ...ownTls }, 'listen.tls'),
    ...unshown(restOfListen, 'listen'),
    ...each(adminSocket, 'admin', String),
    fact('admin.hosts', hosts, list(hosts)),
    ...each(drain, 'drain', writeDuration),
    fact('workers', workers, String(workers)),
    ...each(log, 'log', String),
    fact('tokenCache.maxEntries', maxEntries, String(maxEntries)),
    ...each(lifetimes, 'tokenCache', writeDuration),
    ...each(wording, 'errors', String),
    ...unshown(others),
  ];
}

export function issuerFacts(settings: AnyIssuerSettings): Fact[] {
  const { issuer, audience, clockTolerance, maxTokenAge, requiredClaims } = settings;
  const common = [
    fact('issuer', issuer, issuer),
    fact('audience', audience, list(audience)),
    fact('clockTolerance', clockTolerance, writeDuration(clockTolerance)),
    fact('maxTokenAge', maxTokenAge, optional(maxTokenAge, writeDuration)),
    fact('requiredClaims', requiredClaims, list(requiredClaims)),
  ];
  if ('introspection' in settings) {
    const { url, clientId, clientSecret, auth, allowHttp, cacheFor, timeout, ...others } = settings.introspection;
    return [
      ...common,
      fact('introspection.url', url, address(url)),
      fact('introspection.clientId', clientId, clientId),
      { label: 'introspection.clientSecret', at: ['introspection', 'clientSecret'], value: clientSecret },
      fact('introspection.auth', auth, auth),
      fact('introspection.allowHttp', allowHttp, String(allowHttp)),
      fact('introspection.cacheFor', cacheFor, writeDuration(cacheFor)),
      fact('introspection.timeout', timeout, writeDuration(timeout)),
      ...unshown(others, 'introspection'),
      ...unshown(without(settings, [...COMMON, 'introspection'])),
    ];
  }
  const { keys, secret, algorithms, tokenType, ...rest } = settings;
  const { source, allowHttp, snapshot, refresh, cooldown, maxStale, timeout, ...others } = keys;
  return [
    ...common,
    { label: 'keys', at: ['keys'], value: source, text: sourceText(source) },
    { label: 'keys.secret', at: ['keys', 'secret'], value: secret },
    fact('keys.allowHttp', allowHttp, String(allowHttp)),
    fact('keys.snapshot', snapshot, snapshot ?? 'none'),
    ...each({ refresh, cooldown, maxStale, timeout }, 'keys', writeDuration),
    ...unshown(others, 'keys'),
    fact('algorithms', algorithms, list(algorithms)),
    fact('tokenType', tokenType, tokenType),
    ...unshown(without(rest, COMMON)),
  ];
}

/** What every kind of issuer has. */
const COMMON = ['name', 'issuer', 'audience', 'clockTolerance', 'maxTokenAge', 'requiredClaims'];

export function upstreamFacts(settings: UpstreamSettings): Fact[] {
  const { name, urls, balance, timeouts, connections, queue, connectionMaxAge, tls, health, ...rest } = settings;
  const { host, origins, headers, ...others } = rest;
  const { serverName, ...certificates } = tls;
  return [
    { label: 'url', at: ['url'], orAt: ['urls'], value: urls, text: list(urls) },
    fact('balance', balance, balance),
    ...each(timeouts, 'timeouts', writeDuration),
    fact('connections', connections, String(connections)),
    fact('queue', queue, String(queue)),
    fact('connectionMaxAge', connectionMaxAge, writeDuration(connectionMaxAge)),
    fact('tls.serverName', serverName, serverName ?? 'none'),
    ...unshown(certificates, 'tls'),
    fact('health', health, health ? `${health.path} every ${writeDuration(health.interval)}` : 'none'),
    fact('host', host, host),
    fact('origins', origins, list(origins)),
    ...headersSet('headers', headers),
    ...unshown(others),
  ];
}

export function routeFacts(route: RouteSettings): Fact[] {
  const { id, host, path, methods, allow, guard, upstream, rewrite, headers, responseHeaders, ...rest } = route;
  const { token, maxBody, retries, responseTimeout, cors, ...others } = rest;
  const ownTimeout = responseTimeout === upstream.timeouts.response ? undefined : responseTimeout;
  return [
    { label: 'host', at: ['match', 'host'], value: host, text: host ?? 'any' },
    { label: 'path', at: ['match', 'path'], value: path.source, text: path.source },
    { label: 'methods', at: ['match', 'methods'], value: methods, text: methods ? list(methods) : 'any' },
    { label: 'allow', at: ['match', 'allow'], value: allow, text: list(allow) },
    ...guardFacts(guard),
    fact('upstream', upstream.name, upstream.name),
    ...each(rewrite, 'rewrite', (prefix) => prefix || 'none'),
    ...headersSet('headers', headers.set),
    fact('headers.remove', headers.remove, list(headers.remove)),
    fact('headers.keep', headers.keep, list(headers.keep)),
    ...headersSet('responseHeaders', responseHeaders.set),
    fact('responseHeaders.remove', responseHeaders.remove, list(responseHeaders.remove)),
    fact('token', token, token),
    fact('maxBody', maxBody, optional(maxBody, writeSize)),
    fact('retries', retries, String(retries)),
    fact('timeouts.response', ownTimeout, ownTimeout === undefined ? "the upstream's" : writeDuration(ownTimeout)),
    ...corsFacts(cors),
    ...unshown(others),
  ];
}

/** Of a public route that it is one, and nothing more; it is told first whether a route became one, or is none any more. */
function guardFacts(guard: RouteSettings['guard']): Fact[] {
  const isPublic = guard === 'public';
  const access = { label: 'auth', at: ['auth'], value: isPublic, text: isPublic ? 'public' : 'a token is needed' };
  if (isPublic) return [access];
  const { issuers, scopes, tokenFrom, claims, ...others } = guard;
  const names = issuers.map(({ name }) => name);
  const own = (label: string, key: string, value: unknown, text?: string): Fact => ({
    label,
    at: ['auth', ...key.split('.')],
    inheritedFrom: ['defaults', 'auth', ...key.split('.')],
    value,
    ...(text !== undefined && { text }),
  });
  return [
    access,
    own('issuers', 'issuers', names, list(names)),
    own('scopes', 'scopes', scopes, scopesText(scopes)),
    own('tokenFrom', 'tokenFrom', tokenFrom, list(tokenFrom.map(placeText))),
    ...claims.map(([path, rule]) => ({
      label: `claims.${path}`,
      at: ['auth', 'claims', path],
      inheritedFrom: ['defaults', 'auth', 'claims', path],
      value: rule,
      text: ruleText(rule),
    })),
    ...Object.entries(others).map(([key, value]) => own(key, key, value)),
  ];
}

function corsFacts(cors: RouteSettings['cors']): Fact[] {
  if (cors === undefined) return [];
  const { origins, methods, headers, credentials, maxAge, ...others } = cors;
  return [
    fact('cors.origins', origins, list(origins)),
    fact('cors.methods', methods, list(methods)),
    fact('cors.headers', headers, list(headers)),
    fact('cors.credentials', credentials, String(credentials)),
    fact('cors.maxAge', maxAge, writeDuration(maxAge)),
    ...unshown(others, 'cors'),
  ];
}

function fact(label: string, value: unknown, text: string): Fact {
  return { label, at: label.split('.'), value, text };
}

function each<T>(settings: Readonly<Record<string, T>> | object, under: string, write: (value: T) => string): Fact[] {
  return Object.entries(settings).map(([key, value]) => fact(`${under}.${key}`, value, write(value as T)));
}

/** What no line above knows how to show: that it changed is told, and not how. */
function unshown(settings: object, under?: string): Fact[] {
  const at = under === undefined ? [] : under.split('.');
  return Object.entries(settings).map(([key, value]) => ({
    label: [...at, key].join('.'),
    at: [...at, key],
    value,
  }));
}

function without(settings: object, keys: readonly string[]): object {
  return Object.fromEntries(Object.entries(settings).filter(([key]) => !keys.includes(key)));
}

/** By name alone: a value may be a credential, and one in clear text is no less secret. */
function headersSet(owner: string, set: HeaderSettings['set']): Fact[] {
  return set.map(([name, { source }]) => ({
    label: `${owner}.set.${name}`,
    at: [owner, 'set', name],
    value: source,
  }));
}

function list(items: readonly string[]): string {
  return items.length === 0 ? 'none' : items.join(', ');
}

function optional<T>(value: T | undefined, write: (value: T) => string): string {
  return value === undefined ? 'none' : write(value);
}

/** An address without its query, which can hold a key to it. */
function address(url: string): string {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname}`;
}

function sourceText(source: KeySource): string {
  switch (source.kind) {
    case 'url':
      return address(source.url);
    case 'file':
      return source.path;
    case 'inline':
      return 'inline';
    case 'discovery':
      return 'discovery';
  }
}

function scopesText(rule: ScopesRule | undefined): string {
  if (rule === undefined) return 'none';
  return rule.kind === 'any' ? `any of ${rule.scopes.join(', ')}` : list(rule.scopes);
}

function placeText(place: TokenPlace): string {
  return 'name' in place ? `${place.kind} ${place.name}` : place.kind;
}

function ruleText(rule: ClaimRule): string {
  switch (rule.kind) {
    case 'equals':
      return String(rule.value);
    case 'contains':
      return `contains ${rule.value}`;
    case 'in':
      return `in ${rule.values.join(', ')}`;
    case 'exists':
      return rule.exists ? 'exists' : 'does not exist';
  }
}
