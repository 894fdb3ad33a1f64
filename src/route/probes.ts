import { covers, type PathPattern, type PatternSegment } from '../config/pattern.ts';
import { takesHost } from './ranking.ts';
import type { Matchable } from './table.ts';

/** A request that stands for all those which no set of routes can tell apart from it. */
export interface Probe {
  /** As requests have it; not any of the hosts that routes name where it stands for "any other". */
  readonly host: string;
  /** The host of the routes that it is made from. */
  readonly hostPattern: string | undefined;
  /** A canonical path. */
  readonly path: string;
  readonly pathPattern: PathPattern;
}

/**
 * Requests that find every difference between sets of routes. Where one set decides by a pattern and another by a second
 * one, both match the most general path of their overlap, and whatever else matches that one matches all of the overlap.
 * So the overlaps of patterns, two by two, are enough; of `**` at every depth, as others may end there.
 */
export function probesOf(routes: readonly Matchable[]): Probe[] {
  const unique = <T>(items: readonly T[], key: (item: T) => string) => [
    ...new Map(items.map((item) => [key(item), item])).values(),
  ];
  const hosts = [...new Set(routes.map(({ host }) => host)), undefined];
  const fresh = freshWord(routes);
  const probes = unique(hosts, (host) => host ?? '').flatMap((hostPattern) => {
    const host = hostPattern === undefined ? `${fresh}.invalid` : hostPattern.replace(/^\*/, fresh);
    const near = routes.filter((route) => takesHost(route, host)).map(({ path }) => path);
    const patterns = unique(near, ({ source }) => source);
    const deepest = Math.max(0, ...patterns.map(({ segments }) => segments.length)) + 1;
    const overlaps = patterns.flatMap((one, index) =>
      patterns.slice(index).flatMap((other) => overlapOf(one, other) ?? []),
    );
    return unique(overlaps, ({ source }) => source).flatMap((pattern) =>
      pathsOf(pattern, deepest, fresh).map((sample) => ({ host, hostPattern, ...sample })),
    );
  });
  return unique(probes, ({ host, path }) => `${host} ${path}`);
}

/** Patterns, without those that another one covers. */
export function widest(patterns: readonly PathPattern[]): PathPattern[] {
  return patterns.filter(
    (pattern, index) =>
      !patterns.some(
        (other, place) => place !== index && covers(other, pattern) && !(covers(pattern, other) && index < place),
      ),
  );
}

/** A word that no route has as a segment or in its host. */
function freshWord(routes: readonly Matchable[]): string {
  const taken = new Set(
    routes.flatMap(({ host = '', path }) => [
      ...host.split('.'),
      ...path.segments.map((segment) => (segment.kind === 'fixed' ? segment.text : '')),
    ]),
  );
  let word = 'probe';
  while (taken.has(word)) word += 'x';
  return word;
}

/** The pattern of the paths that both match; undefined where there are none. */
function overlapOf({ segments: one }: PathPattern, { segments: other }: PathPattern): PathPattern | undefined {
  const segments: PatternSegment[] = [];
  for (let index = 0; ; index += 1) {
    const [a, b] = [one[index], other[index]];
    if (a?.kind === 'rest') return withSource([...segments, ...other.slice(index), ...(b === undefined ? [] : [])]);
    if (b?.kind === 'rest') return withSource([...segments, ...one.slice(index)]);
    if (!a || !b) return a === b ? withSource(segments) : undefined;
    if (a.kind === 'fixed' && b.kind === 'fixed' && a.text !== b.text) return undefined;
    const [fixed] = [a, b].filter((segment) => segment.kind === 'fixed');
    const [named] = [a, b].filter((segment) => segment.kind === 'named');
    // No named segment takes an empty one.
    if (named && fixed?.kind === 'fixed' && fixed.text === '') return undefined;
    segments.push(fixed ?? a);
  }
}

function withSource(segments: readonly PatternSegment[]): PathPattern {
  const texts = segments.map((segment) =>
    segment.kind === 'fixed' ? segment.text : segment.kind === 'named' ? `{${segment.name}}` : '**',
  );
  return { source: `/${texts.join('/')}`, segments };
}

function pathsOf(pattern: PathPattern, deepest: number, fresh: string): Pick<Probe, 'path' | 'pathPattern'>[] {
  const front = pattern.segments.filter(({ kind }) => kind !== 'rest');
  const path = front.map((segment) => `/${segment.kind === 'fixed' ? segment.text : fresh}`).join('');
  if (front.length === pattern.segments.length) return [{ path: path || '/', pathPattern: pattern }];
  const below = Array.from({ length: Math.max(1, deepest - front.length) }, (_, depth) =>
    `/${fresh}`.repeat(depth + 1),
  );
  return [
    ...(path ? [{ path, pathPattern: withSource(front) }] : []),
    { path: `${path}/`, pathPattern: withSource([...front, { kind: 'fixed', text: '' }]) },
    ...below.flatMap((rest) => [rest, `${rest}/`]).map((rest) => ({ path: path + rest, pathPattern: pattern })),
  ];
}
