import type { TokenPlace } from '../token/place.ts';
import { readJwks } from '../verify/jwks.ts';
import type { Draft } from './draft.ts';
import { guardOf } from './guard.ts';
import { keptClaims } from './header-rules.ts';
import { lookAlikeScopes } from './look-alike.ts';
import { coversHost, coversMethod } from './match.ts';
import { covers } from './pattern.ts';
import { type Finding, type Path, warningAt } from './problem.ts';
import { methodsLeftPublic, unreachable } from './reach.ts';
import type { Scene } from './scene.ts';
import type { GatewayFile, RouteEntry } from './schema.ts';
import { unwiseSettings } from './setting-warnings.ts';
import type { Template } from './template.ts';

/** The warnings that a route may `acknowledge`. */
export const ROUTE_WARNINGS = [
  'public-under-guarded',
  'methods-left-public',
  'token-forwarded',
  'token-in-query',
  'websocket-by-cookie',
  'header-kept',
  'useless-keep',
  'secret-in-clear',
  'unreachable',
  'look-alike-scope',
] as const;

/** The warnings that are about more than one route, which the configuration as a whole may `acknowledge`. */
export const WHOLE_WARNINGS = [
  'trusts-everybody',
  'admin-exposed',
  'insecure-public-url',
  'long-clock-tolerance',
  'useless-key',
  'unusable-keys-file',
  'unusable-snapshot',
  'secret-in-clear',
  'unused-upstream',
  'unused-issuer',
] as const;

/** What is legal but unwise in a configuration, but for what it acknowledges; beside errors, not what is unused. */
export function unwise(gateway: GatewayFile, scene: Scene, faultless: boolean): Finding[] {
  const whole = [
    ...trustsEverybody(gateway),
    ...unwiseSettings(gateway, scene),
    ...Object.entries(gateway.issuers).flatMap(([name, { keys }]) => uselessKeys(name, keys.inline)),
    ...(faultless ? unused(gateway, scene.draft) : []),
    ...Object.entries(gateway.upstreams).flatMap(([name, { headers }]) =>
      clearSecrets(headers.set, ['upstreams', name, 'headers', 'set'], scene),
    ),
  ];
  const scopes = lookAlikeScopes(gateway);
  return [
    ...whole.filter(({ name }) => !gateway.acknowledge.includes(name)),
    ...gateway.routes.flatMap((route, index) =>
      [...ofRoute(route, ['routes', index], scene), ...(scopes.get(index) ?? [])].filter(
        ({ name }) => !route.acknowledge.includes(name),
      ),
    ),
  ];
}

function trustsEverybody({ listen }: GatewayFile): Finding[] {
  return listen.trustedProxies.flatMap((network, index) => {
    if (!network.endsWith('/0')) return [];
    const path = ['listen', 'trustedProxies', index];
    const message = 'this is every address: any client may write its own X-Forwarded-For';
    return [warningAt(path, 'trusts-everybody', message, 'name the networks of your proxies')];
  });
}

/** Keys that stand in the file are looked at like fetched ones, but now: none of them gets better by waiting. */
function uselessKeys(name: string, inline: readonly unknown[] | undefined): Finding[] {
  const path = ['issuers', name, 'keys', 'inline'];
  const hint = 'it is left out; tokens that it signed get 401, or 503 when there is no other key';
  return keyFlaws(inline).map((flaw) => warningAt(path, 'useless-key', `a key here cannot be used: ${flaw}`, hint));
}

function keyFlaws(keys: readonly unknown[] | undefined): readonly string[] {
  if (keys === undefined) return [];
  try {
    return readJwks({ keys }).leftOut;
  } catch (error) {
    return [(error as Error).message];
  }
}

function unused(gateway: GatewayFile, { defaultAuth }: Draft): Finding[] {
  const upstreams = new Set(gateway.routes.map((route) => route.upstream));
  const issuers = new Set(
    gateway.routes.flatMap((route) => {
      const guard = guardOf(route, defaultAuth);
      return guard === undefined || guard === 'public' ? [] : (guard.issuers ?? []);
    }),
  );
  const among = (section: 'upstreams' | 'issuers', used: ReadonlySet<string>, noun: string) =>
    Object.keys(gateway[section])
      .filter((name) => !used.has(name))
      .map((name) => {
        const hint = `take it out, or name it in a route`;
        return warningAt([section, name], `unused-${noun}`, `no route uses the ${noun} \`${name}\``, hint, 'key');
      });
  return [...among('upstreams', upstreams, 'upstream'), ...among('issuers', issuers, 'issuer')];
}

function ofRoute(route: RouteEntry, path: Path, scene: Scene): Finding[] {
  const guard = guardOf(route, scene.draft.defaultAuth);
  const secrets = (['headers', 'responseHeaders'] as const).flatMap((owner) =>
    clearSecrets(route[owner].set, [...path, owner, 'set'], scene),
  );
  const always = [...secrets, ...keptClaims(route, path, scene), ...unreachable(route, path, scene)];
  if (guard === 'public') return [...always, ...underGuarded(route, path, scene)];
  return [
    ...always,
    ...methodsLeftPublic(route, path, scene),
    ...forwarded(route, path),
    ...inQuery(route, path, scene),
    ...byCookie(route, path, scene),
  ];
}

function underGuarded(route: RouteEntry, path: Path, { draft, lineOf, shown }: Scene): Finding[] {
  const index = draft.routes.findIndex(
    (other) => other && guardOf(other, draft.defaultAuth) !== 'public' && overshadows(other, route),
  );
  const guarded = draft.routes[index];
  if (!guarded) return [];
  const id = shown(['routes', index, 'id'], guarded.id);
  const message = `public, although its path lies under that of \`${id}\` in ${lineOf(['routes', index], path)}, which is not`;
  const hint = 'if that is meant: `acknowledge: [public-under-guarded]`';
  return [warningAt([...path, 'auth'], 'public-under-guarded', message, hint)];
}

/** Whether one route's path is a prefix over the other's, for a host and a method both have. `/**` over all is no sign of anything. */
function overshadows({ match: wide }: RouteEntry, { match: narrow }: RouteEntry): boolean {
  const sameMethod =
    !wide.methods || !narrow.methods || wide.methods.some((method) => coversMethod(narrow.methods, method));
  const isSection =
    wide.path.segments.at(-1)?.kind === 'rest' && wide.path.segments.some(({ kind }) => kind === 'fixed');
  return coversHost(wide.host, narrow.host) && sameMethod && isSection && covers(wide.path, narrow.path);
}

function forwarded({ token }: RouteEntry, path: Path): Finding[] {
  if (token !== 'forward') return [];
  const message = "the upstream gets the client's token, and could use it elsewhere in its name";
  const hint = 'if it needs it: `acknowledge: [token-forwarded]`';
  return [warningAt([...path, 'token'], 'token-forwarded', message, hint)];
}

function inQuery(route: RouteEntry, path: Path, scene: Scene): Finding[] {
  const place = placeOf('query', route, path, scene);
  if (place === undefined) return [];
  const message = 'a token in a query ends up in logs and histories (RFC 6750 §5.3)';
  const hint = 'if clients can do no other: `acknowledge: [token-in-query]`';
  return [warningAt(place, 'token-in-query', message, hint)];
}

/** Pages of other origins are refused (route.origin) unless `cors` names them: an operator may not know that it applies here. */
function byCookie(route: RouteEntry, path: Path, scene: Scene): Finding[] {
  if (!route.websocket || placeOf('cookie', route, path, scene) === undefined) return [];
  if (route.cors?.origins.some((origin) => origin !== '*')) return [];
  const message =
    'browsers send the cookie with a WebSocket that any page opens, so only pages of the address of this API itself may';
  const hint =
    'name the origins of other pages in `cors.origins`, or take the token from `{ websocketProtocol: bearer }`; if that is meant: `acknowledge: [websocket-by-cookie]`';
  return [warningAt([...path, 'websocket'], 'websocket-by-cookie', message, hint)];
}

/** Where in the file a route is told to look for tokens in a place of this kind. */
function placeOf(wanted: TokenPlace['kind'], route: RouteEntry, path: Path, { draft }: Scene): Path | undefined {
  const own = route.auth !== 'public' && route.auth?.tokenFrom ? route.auth : undefined;
  const places = (own ?? draft.defaultAuth)?.tokenFrom ?? [];
  const index = places.findIndex(({ kind }) => kind === wanted);
  const owner: Path = own ? [...path, 'auth'] : ['defaults', 'auth'];
  return index === -1 ? undefined : [...owner, 'tokenFrom', index];
}

const SECRET_HEADERS =
  /^(?:authorization|proxy-authorization|cookie|(?:x-)?(?:[a-z]+-)*(?:api-?key|token|secret|password))$/i;

/** Credentials that stand in the file as they are. Their line is shown up to where they begin. */
function clearSecrets(set: Readonly<Record<string, Template>>, path: Path, { isSecret }: Scene): Finding[] {
  return Object.entries(set).flatMap(([name, template]) => {
    const place = [...path, name];
    const literal = template.source !== '' && template.parts.every((part) => typeof part === 'string');
    if (!literal || !SECRET_HEADERS.test(name) || isSecret(place)) return [];
    const message = `\`${name}\` holds a credential that stands in this file`;
    const hint = `keep it outside: \${file:/run/secrets/name} or \${NAME}`;
    return [{ ...warningAt(place, 'secret-in-clear', message, hint), masked: true }];
  });
}
