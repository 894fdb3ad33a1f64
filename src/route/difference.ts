import type { RouteSettings } from '../config/config.ts';
import type { PathPattern } from '../config/pattern.ts';
import { type Findable, findRoute } from './find.ts';
import { type Change, type Effect, guardChanges, losesCheck, type Shown, type Version } from './guard-change.ts';
import { type Probe, probesOf, widest } from './probes.ts';
import { inMatchOrder } from './ranking.ts';
import { limitChanges } from './route-change.ts';
import { RouteTable } from './table.ts';
import { canonicalTarget } from './target.ts';
import { shownList, viewsOf } from './view.ts';
import { wholeChanges } from './whole-change.ts';

/** What a change of configuration does to access. */
export interface Difference {
  /** Ids of routes that are there now and were not before. */
  readonly added: readonly Shown[];
  readonly removed: readonly Shown[];
  /** Routes that are still there, and ask for something else. */
  readonly changed: readonly { readonly id: string; readonly changes: readonly Change[] }[];
  /** What is about issuers, or about every route. */
  readonly whole: readonly Change[];
  readonly requests: readonly RequestChange[];
  /** Whether something becomes public, or loses a check. */
  readonly opens: boolean;
}

/** Requests that are decided in another way: by whom, and to what effect. A route that is undefined: refused. */
export interface RequestChange {
  /** undefined: every method but those of `exceptMethods`. */
  readonly methods: readonly string[] | undefined;
  readonly exceptMethods: readonly string[];
  readonly host: string | undefined;
  readonly paths: readonly string[];
  readonly before: Shown | undefined;
  readonly after: Shown | undefined;
  /** added: with a token, where everything was refused. */
  readonly effect: Effect | 'added' | 'removed';
  readonly changes: readonly Change[];
}

export function differenceOf(before: Version, after: Version): Difference {
  const [old, now] = [shownRoutes(before), shownRoutes(after)];
  const [oldById, nowById] = [byId(old), byId(now)];
  const changed = old.flatMap((was) => {
    const is = nowById.get(was.route.id);
    const changes = is ? [...guardChanges(was, is), ...limitChanges(was, is)] : [];
    return changes.length > 0 ? [{ id: was.route.id, changes }] : [];
  });
  const whole = wholeChanges(before, after);
  const requests = requestChanges(old, now);
  return {
    added: now.filter(({ route }) => !oldById.has(route.id)),
    removed: old.filter(({ route }) => !nowById.has(route.id)),
    changed,
    whole,
    requests,
    opens: [...whole, ...requests, ...changed.flatMap(({ changes }) => changes)].some(losesCheck),
  };
}

function shownRoutes({ config }: Version): Shown[] {
  const views = viewsOf(config.routes, config.written);
  const shown = new Map(
    config.routes.map((route, index): [RouteSettings, Shown] => {
      const listed = (values: readonly string[], ...place: readonly string[]) =>
        shownList(values, ['routes', index, ...place], config.written);
      const lists = {
        corsOrigins: listed(route.cors?.origins ?? [], 'cors', 'origins'),
        removedHeaders: listed(route.headers.remove, 'headers', 'remove'),
        keptHeaders: listed(route.headers.keep, 'headers', 'keep'),
      };
      return [route, { route, view: views[index] as Shown['view'], lists }];
    }),
  );
  return inMatchOrder(config.routes).map((route) => shown.get(route) as Shown);
}

function byId(routes: readonly Shown[]): ReadonlyMap<string, Shown> {
  return new Map(routes.map((shown) => [shown.route.id, shown]));
}

/** A method that no route names: what happens to it, happens to every other one. */
const ANY_OTHER = 'ANY-OTHER-METHOD';

function requestChanges(old: readonly Shown[], now: readonly Shown[]): RequestChange[] {
  const all = [...old, ...now];
  const methods = [...new Set(all.flatMap(({ route }) => route.methods ?? [])), ANY_OTHER];
  const [decideOld, decideNow] = [deciderOf(old), deciderOf(now)];
  const groups = new Map<string, Group>();
  for (const probe of probesOf(all.map(({ route }) => route))) {
    for (const method of methods) {
      const [before, after] = [decideOld(probe, method), decideNow(probe, method)];
      if (before === undefined && after === undefined) continue;
      const changes = before && after ? [...guardChanges(before, after), ...limitChanges(before, after)] : [];
      if (before && after && changes.length === 0) continue;
      const key = `${probe.hostPattern ?? ''} ${before?.route.id ?? ''} > ${after?.route.id ?? ''}`;
      const group = groups.get(key) ?? { probe, before, after, changes, byPath: new Map() };
      const known = group.byPath.get(probe.pathPattern.source) ?? { pattern: probe.pathPattern, methods: new Set() };
      group.byPath.set(probe.pathPattern.source, { ...known, methods: known.methods.add(method) });
      groups.set(key, group);
    }
  }
  return [...groups.values()].flatMap((group) => changesOf(group, methods));
}

interface Group {
  readonly probe: Probe;
  readonly before: Shown | undefined;
  readonly after: Shown | undefined;
  readonly changes: readonly Change[];
  readonly byPath: Map<string, { readonly pattern: Probe['pathPattern']; readonly methods: Set<string> }>;
}

/** One change for each set of methods, with the widest of its paths. */
function changesOf({ probe, before, after, changes, byPath }: Group, methods: readonly string[]): RequestChange[] {
  const byMethods = new Map<string, { methods: ReadonlySet<string>; patterns: PathPattern[] }>();
  for (const { pattern, methods: some } of byPath.values()) {
    const alike = byMethods.get([...some].join()) ?? { methods: some, patterns: [] };
    alike.patterns.push(pattern);
    byMethods.set([...some].join(), alike);
  }
  const effect = effectOf(before, after, changes);
  return [...byMethods.values()].map(({ methods: some, patterns }) => ({
    ...(some.has(ANY_OTHER)
      ? { methods: undefined, exceptMethods: methods.filter((name) => !some.has(name)) }
      : { methods: [...some], exceptMethods: [] }),
    host: hiddenAt('host', before, after)[0] ?? probe.hostPattern,
    paths: orElse(hiddenAt('path', before, after), () => widest(patterns).map(({ source }) => source)),
    before,
    after,
    effect,
    changes,
  }));
}

function effectOf(
  before: Shown | undefined,
  after: Shown | undefined,
  changes: readonly Change[],
): RequestChange['effect'] {
  if (!before) return after?.route.guard === 'public' ? 'opened' : 'added';
  if (!after) return 'removed';
  const effects = new Set(changes.map(({ effect }) => effect));
  if (effects.has('replaced') || (effects.has('opened') && effects.has('tightened'))) return 'replaced';
  return effects.has('opened') ? 'opened' : effects.has('tightened') ? 'tightened' : 'changed';
}

/** What stands in the files of a host or path that came from `${…}`. */
function hiddenAt(key: 'host' | 'path', ...routes: readonly (Shown | undefined)[]): string[] {
  return routes.flatMap((shown) => {
    const text = shown?.view.match[key];
    const value = key === 'host' ? shown?.route.host : shown?.route.path.source;
    return text === undefined || text === value ? [] : [text];
  });
}

function orElse(texts: readonly string[], others: () => readonly string[]): readonly string[] {
  return texts.length > 0 ? texts : others();
}

function deciderOf(routes: readonly Shown[]): (probe: Probe, method: string) => Shown | undefined {
  const table = new RouteTable<Findable>(routes.map(({ route }) => route));
  const shown = new Map<Findable, Shown>(routes.map((one) => [one.route, one]));
  return ({ host, path }, method) => {
    const target = canonicalTarget(path);
    if (!target.ok) return undefined;
    const found = findRoute(table, host, target.value, method);
    return found.ok ? shown.get(found.value.route) : undefined;
  };
}
