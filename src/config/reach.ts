import { guardOf } from './guard.ts';
import { coversHost, coversMethod } from './match.ts';
import { covers, type PathPattern } from './pattern.ts';
import { listing } from './phrase.ts';
import { type Finding, type Path, warningAt } from './problem.ts';
import type { Scene } from './scene.ts';
import type { RouteEntry } from './schema.ts';

// What requests reach a route, as far as its neighbours decide it.

/** Methods that are told of when a route takes any. OPTIONS is left out: a preflight is public nearly everywhere. */
const USUAL_METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];

/** A guarded route that names its methods, on a path that a public route takes too: with every other method, without a token. */
export function methodsLeftPublic(route: RouteEntry, path: Path, { draft, lineOf, shown }: Scene): Finding[] {
  const { methods } = route.match;
  if (!methods) return [];
  const isPublic = (other: RouteEntry) => guardOf(other, draft.defaultAuth) === 'public';
  const index = draft.routes.findIndex((other) => other && isPublic(other) && takesAllOf(other, route));
  const open = draft.routes[index];
  if (!open) return [];
  const guards = draft.routes.filter(
    (other) => other && !isPublic(other) && takesAllOf(other, route) && covers(open.match.path, other.match.path),
  );
  const left = USUAL_METHODS.filter(
    (method) => takesMethod(open, method) && !guards.some((other) => other && takesMethod(other, method)),
  );
  if (left.length === 0) return [];
  const id = shown(['routes', index, 'id'], open.id);
  const message = `${listing(left)} on this path is public, by \`${id}\` in ${lineOf(['routes', index], path)}`;
  const hint = 'guard the other methods too, or if that is meant: `acknowledge: [methods-left-public]`';
  return [warningAt([...path, 'match', 'methods'], 'methods-left-public', message, hint)];
}

/** Whether a route takes every path of another, for its host. */
function takesAllOf({ match: wide }: RouteEntry, { match: narrow }: RouteEntry): boolean {
  return coversHost(wide.host, narrow.host) && covers(wide.path, narrow.path);
}

function takesMethod({ match: { methods } }: RouteEntry, method: string): boolean {
  return coversMethod(methods, method);
}

/** A route that no request gets to. */
export function unreachable(route: RouteEntry, path: Path, { draft, isSecret }: Scene): Finding[] {
  const flaw = pathFlaw(route) ?? (isShadowed(route, draft.routes) ? SHADOWED : undefined);
  if (!flaw) return [];
  const [reason, hint] = flaw;
  const message = isSecret([...path, 'match', 'path']) ? 'no request gets here' : `no request gets here: ${reason}`;
  return [warningAt([...path, 'match', 'path'], 'unreachable', message, hint)];
}

type Flaw = readonly [reason: string, hint: string];

const SHADOWED: Flaw = ['more specific routes take all of its paths', 'take it out, or one of them'];

/** Fixed segments that differ from how the gateway writes every path before it looks for a route. */
function pathFlaw({ match }: RouteEntry): Flaw | undefined {
  const texts = match.path.segments.flatMap((segment) => (segment.kind === 'fixed' ? segment.text : []));
  const path = texts.join('/');
  if (/;|%3B/.test(path) && !match.allow.includes('semicolon'))
    return ['paths with a semicolon are refused', 'say `allow: [semicolon]`'];
  if (path.includes('%2F') && !match.allow.includes('encodedSlash'))
    return ['paths with an encoded slash (%2F) are refused', 'say `allow: [encodedSlash]`'];
  return undefined;
}

/** `/a/**` is never come to where others take `/a`, `/a/` and everything below. */
function isShadowed(route: RouteEntry, routes: readonly (RouteEntry | undefined)[]): boolean {
  const { segments } = route.match.path;
  if (segments.at(-1)?.kind !== 'rest') return false;
  const front = segments.slice(0, -1);
  const ends: PathPattern['segments'][] = [
    ...(front.length > 0 ? [front] : []),
    [...front, { kind: 'fixed', text: '' }],
    [...front, { kind: 'named', name: 'any' }, { kind: 'rest' }],
  ];
  const others = routes.filter(
    (other) => other && other !== route && other.match.host === route.match.host && goesBefore(other, route),
  );
  return ends.every((end) => others.some((other) => other && covers(other.match.path, { source: '', segments: end })));
}

/** Whether a route takes the methods of another, on paths that lie within the other's and are fewer. */
function goesBefore({ match: one }: RouteEntry, { match: other }: RouteEntry): boolean {
  const methods = !one.methods || (other.methods?.every((method) => coversMethod(one.methods, method)) ?? false);
  return methods && covers(other.path, one.path) && !covers(one.path, other.path);
}
