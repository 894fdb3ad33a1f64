import { RESOURCE_METADATA_PATH } from '../errors/metadata.ts';
import { ERRORS_PATH } from '../errors/problem.ts';
import { acknowledgeRules } from './acknowledge-rules.ts';
import { isDamaged, isDamagedSection } from './draft.ts';
import { guardOf } from './guard.ts';
import { guardRules } from './guard-rules.ts';
import { inAnyCase, keepRules, repeatedNames, templateRules } from './header-rules.ts';
import { type PathPattern, patternShape } from './pattern.ts';
import { errorAt, type Path } from './problem.ts';
import { type Judgement, judge, type Scene } from './scene.ts';
import type { GuardEntry, RouteEntry } from './schema.ts';
import { didYouMean } from './suggest.ts';
import { ROUTE_WARNINGS } from './warnings.ts';

/** What is wrong with routes, one by one and between them. */
export function routeRules(scene: Scene): Judgement[] {
  const single = scene.draft.routes.flatMap((route, index) => {
    const path: Path = ['routes', index];
    return route ? RULES.flatMap((rule) => rule(route, path, scene)) : [];
  });
  return [...single, ...duplicateIds(scene), ...equalRoutes(scene)];
}

type RouteRule = (route: RouteEntry, path: Path, scene: Scene) => Judgement[];

const RULES: readonly RouteRule[] = [
  saysWhoMayEnter,
  knowsItsUpstream,
  leavesOurPathsAlone,
  stripsWhatIsThere,
  namesMethodsOnce,
  takesTheMethodOfWebSockets,
  setsHeadersOnce,
  keepRules,
  templateRules,
  acknowledgesKnownWarnings,
];

function saysWhoMayEnter(route: RouteEntry, path: Path, scene: Scene): Judgement[] {
  const defaults = scene.draft.defaultAuth;
  const auth: Path = [...path, 'auth'];
  const guard = guardOf(route, defaults);
  if (guard === 'public') return [];
  if (guard === undefined) {
    const message = 'nothing says who may enter this route';
    const hint = 'add `auth: { issuers: [name] }`, or `auth: public` if anybody may';
    return [judge(errorAt(path, 'no-auth', message, hint, 'key'), auth, ['defaults', 'auth'])];
  }
  const own = isGuard(route.auth) ? guardRules(route.auth, auth, scene) : [];
  if (guard.issuers) return own;
  const message = 'no issuer is named, here or in `defaults.auth`: no token could be accepted';
  const place = isGuard(route.auth) ? auth : path;
  const hint = 'add `issuers: [name]`';
  return [...own, judge(errorAt(place, 'no-issuer', message, hint, 'key'), auth, ['defaults', 'auth'])];
}

function isGuard(auth: RouteEntry['auth']): auth is GuardEntry {
  return auth !== undefined && auth !== 'public';
}

function knowsItsUpstream({ upstream }: RouteEntry, path: Path, { draft, shown, isSecret }: Scene): Judgement[] {
  if (draft.upstreams.has(upstream) || isDamagedSection(draft, 'upstreams')) return [];
  const place = [...path, 'upstream'];
  const hint = isSecret(place) ? undefined : didYouMean(upstream, draft.upstreams.keys());
  return [judge(errorAt(place, 'unknown-upstream', `there is no upstream \`${shown(place, upstream)}\``, hint))];
}

const PAGES = ERRORS_PATH.replace(/\/errors$/, '');

/** Without `publicUrl` the gateway has no metadata of RFC 9728, and an upstream's own may have a route. */
function leavesOurPathsAlone({ match }: RouteEntry, path: Path, { draft, isSecret }: Scene): Judgement[] {
  const [first, second] = match.path.segments;
  if (first?.kind !== 'fixed' || second?.kind !== 'fixed') return [];
  const own = draft.hasPublicUrl ? [PAGES, RESOURCE_METADATA_PATH] : [PAGES];
  const reserved = own.find((own) => own === `/${first.text}/${second.text}`);
  if (!reserved) return [];
  const place = [...path, 'match', 'path'];
  const what = isSecret(place) ? 'this path' : `\`${reserved}\``;
  return [judge(errorAt(place, 'reserved-path', `${what} is answered by the gateway itself`), place, ['publicUrl'])];
}

function stripsWhatIsThere({ match, rewrite }: RouteEntry, path: Path): Judgement[] {
  if (beginsWith(match.path, rewrite.stripPrefix)) return [];
  const place = [...path, 'rewrite', 'stripPrefix'];
  const message = 'paths of this route do not begin with this prefix';
  const hint = 'it has to be among the fixed segments that `match.path` begins with';
  return [judge(errorAt(place, 'bad-prefix', message, hint), place, [...path, 'match', 'path'])];
}

function beginsWith({ segments }: PathPattern, prefix: string): boolean {
  const wanted = prefix.split('/').slice(1);
  return wanted.every((text, index) => {
    const segment = segments[index];
    return segment?.kind === 'fixed' && segment.text === text;
  });
}

function namesMethodsOnce({ match: { methods = [] } }: RouteEntry, path: Path): Judgement[] {
  return methods.flatMap((method, index) => {
    if (methods.indexOf(method) === index) return [];
    return [judge(errorAt([...path, 'match', 'methods', index], 'duplicate-method', 'this method is named already'))];
  });
}

function takesTheMethodOfWebSockets({ websocket, match }: RouteEntry, path: Path): Judgement[] {
  if (!websocket || (match.methods ?? ['GET']).includes('GET')) return [];
  const message = 'a WebSocket is opened with GET, which is not among the methods of this route';
  const place = [...path, 'websocket'];
  return [judge(errorAt(place, 'websocket-without-get', message), place, [...path, 'match', 'methods'])];
}

function setsHeadersOnce({ headers, responseHeaders }: RouteEntry, path: Path): Judgement[] {
  return [
    ...repeatedNames(Object.keys(headers.set), [...path, 'headers', 'set']),
    ...repeatedNames(Object.keys(responseHeaders.set), [...path, 'responseHeaders', 'set'], inAnyCase),
  ];
}

function acknowledgesKnownWarnings({ acknowledge }: RouteEntry, path: Path, scene: Scene): Judgement[] {
  return acknowledgeRules(acknowledge, [...path, 'acknowledge'], ROUTE_WARNINGS, scene);
}

function duplicateIds({ draft, lineOf, shown }: Scene): Judgement[] {
  const first = new Map<string, number>();
  return draft.routes.flatMap((route, index) => {
    if (!route) return [];
    const earlier = first.get(route.id);
    if (earlier === undefined) {
      first.set(route.id, index);
      return [];
    }
    const place = ['routes', index, 'id'];
    const line = lineOf(['routes', earlier, 'id'], place);
    const message = `the id \`${shown(place, route.id)}\` is taken by the route in ${line}`;
    return [judge(errorAt(place, 'duplicate-id', message))];
  });
}

/** Routes that win over each other by nothing: same host, same shape of path, and methods in common or none on both. */
function equalRoutes({ draft, lineOf, shown }: Scene): Judgement[] {
  const byShape = new Map<string, { route: RouteEntry; index: number }[]>();
  return draft.routes.flatMap((route, index) => {
    if (!route || isDamaged(draft, [['routes', index, 'match']])) return [];
    const shape = `${route.match.host ?? ''} ${patternShape(route.match.path)}`;
    const rivals = byShape.get(shape) ?? [];
    byShape.set(shape, [...rivals, { route, index }]);
    const equal = rivals.find(({ route: rival }) => methodsMeet(rival, route));
    if (!equal) return [];
    const other = shown(['routes', equal.index, 'id'], equal.route.id);
    const own = shown(['routes', index, 'id'], route.id);
    const place: Path = ['routes', index, 'match', 'path'];
    const line = lineOf(['routes', equal.index], place);
    const message = `\`${own}\` takes the same requests as \`${other}\` in ${line}, and neither is more specific`;
    const hint = 'make their hosts, paths or methods differ';
    return [judge(errorAt(place, 'equal-routes', message, hint))];
  });
}

function methodsMeet({ match: one }: RouteEntry, { match: other }: RouteEntry): boolean {
  if (!one.methods || !other.methods) return one.methods === other.methods;
  return one.methods.some((method) => other.methods?.includes(method));
}
