import type { PatternSegment } from '../config/pattern.ts';
import type { Matchable } from './table.ts';

/** How a route stands to one request. */
export type Standing =
  | { readonly kind: 'wins' }
  /** It matches too, and the winner is more specific: why. */
  | { readonly kind: 'less-specific'; readonly why: string }
  | { readonly kind: 'other-host' | 'other-path' }
  | { readonly kind: 'other-method'; readonly methods: readonly string[] };

/** A request as routes see it: `host` without port and in lower case, `path` canonical. */
export interface Asked {
  readonly host: string;
  readonly path: string;
  readonly method: string;
}

/**
 * Why a route does not take a request that `winner` (as RouteTable.match found it) takes, or that nobody takes. For
 * people: the table itself never asks.
 */
export function standingOf<R extends Matchable>(
  route: R,
  winner: R | undefined,
  { host, path, method }: Asked,
): Standing {
  if (route === winner) return { kind: 'wins' };
  if (!takesHost(route, host)) return { kind: 'other-host' };
  if (!takesPath(route, path)) return { kind: 'other-path' };
  if (route.methods !== undefined && !route.methods.includes(method))
    return { kind: 'other-method', methods: route.methods };
  return { kind: 'less-specific', why: winner ? advantage(winner, route) : '' };
}

/** Whether a route takes requests for this host name. */
export function takesHost({ host }: Matchable, name: string): boolean {
  if (host === undefined) return true;
  return host.startsWith('*.') ? name.length > host.length - 1 && name.endsWith(host.slice(1)) : name === host;
}

/** Whether a route's pattern takes this canonical path. */
export function takesPath({ path: { segments } }: Matchable, path: string): boolean {
  const parts = path.split('/').slice(1);
  for (const [index, segment] of segments.entries()) {
    if (segment.kind === 'rest') return true;
    const part = parts[index];
    if (part === undefined) return false;
    if (segment.kind === 'fixed' ? part !== segment.text : part === '') return false;
  }
  return parts.length === segments.length;
}

/** Routes as the table prefers them, those of neighbouring paths together: of two that take a request the first one wins. */
export function inMatchOrder<R extends Matchable>(routes: readonly R[]): R[] {
  return routes.toSorted(
    (one, other) =>
      byHost(one, other) ||
      byText(one.host ?? '', other.host ?? '') ||
      bySegments(one.path.segments, other.path.segments) ||
      byMethods(one, other) ||
      byText(one.methods?.join() ?? '', other.methods?.join() ?? ''),
  );
}

/** As byPath, but that fixed segments of different texts, which no path has both of, are ordered where they stand. */
function bySegments(one: readonly PatternSegment[], other: readonly PatternSegment[]): number {
  for (let at = 0; at < Math.max(one.length, other.length); at += 1) {
    const [a, b] = [one[at], other[at]];
    const order =
      rankAt(other, at) - rankAt(one, at) || (a?.kind === 'fixed' && b?.kind === 'fixed' ? byText(a.text, b.text) : 0);
    if (order !== 0) return order;
  }
  return 0;
}

/** By code units, so that the order is the same on every machine. */
function byText(one: string, other: string): number {
  return one === other ? 0 : one < other ? -1 : 1;
}

/** Orders routes as the table prefers them: negative where `one` is the more specific. 0: neither is. */
export function bySpecificity(one: Matchable, other: Matchable): number {
  return byHost(one, other) || byPath(one, other) || byMethods(one, other);
}

function byHost(one: Matchable, other: Matchable): number {
  return hostRank(other) - hostRank(one);
}

/** Exact over wildcard over none; of two wildcards the longer. */
function hostRank({ host }: Matchable): number {
  if (host === undefined) return 0;
  return host.startsWith('*.') ? host.length : 1000;
}

const PATH_RANK = { fixed: 3, named: 2, end: 1, rest: 0 } as const;

function byPath({ path: one }: Matchable, { path: other }: Matchable): number {
  const at = firstDifference(one.segments, other.segments);
  return at === undefined ? 0 : rankAt(other.segments, at) - rankAt(one.segments, at);
}

function firstDifference(one: readonly PatternSegment[], other: readonly PatternSegment[]): number | undefined {
  const longest = Math.max(one.length, other.length);
  for (let at = 0; at < longest; at += 1) if (rankAt(one, at) !== rankAt(other, at)) return at;
  return undefined;
}

/** What stands at a place of a pattern: behind its last segment it ends, which is more than `**`. */
function rankAt(segments: readonly PatternSegment[], at: number): number {
  return PATH_RANK[segments[at]?.kind ?? 'end'];
}

function byMethods(one: Matchable, other: Matchable): number {
  return Number(one.methods === undefined) - Number(other.methods === undefined);
}

/** What makes the winner more specific, in words. */
function advantage(winner: Matchable, loser: Matchable): string {
  if (byHost(winner, loser) !== 0) return `${winner.host} is more exact than ${loser.host ?? 'any host'}`;
  const at = firstDifference(winner.path.segments, loser.path.segments);
  if (at !== undefined) return `${shown(winner, at)} is more exact than ${shown(loser, at)}`;
  return 'it names its methods';
}

function shown({ path: { segments } }: Matchable, at: number): string {
  const segment = segments[at];
  if (segment === undefined) return 'the end of the path';
  return segment.kind === 'fixed' ? `/${segment.text}` : segment.kind === 'named' ? `/{${segment.name}}` : '/**';
}
