import type { Config } from '../config/config.ts';
import { DISK } from '../config/files.ts';
import { type Loaded, loadConfig } from '../config/load.ts';
import { count } from '../config/phrase.ts';
import type { Problem } from '../config/problem.ts';
import { renderProblems } from '../config/render.ts';
import { helpFor } from '../errors/help.ts';
import { stop } from '../outcome.ts';
import { findRoute } from '../route/find.ts';
import { hostName } from '../route/host.ts';
import { listRoutes, routesAsJson } from '../route/list.ts';
import { type Asked, inMatchOrder, type Standing, standingOf, takesPath } from '../route/ranking.ts';
import { RouteTable } from '../route/table.ts';
import { canonicalTarget, type Target } from '../route/target.ts';
import { goesTo, type RouteView, takes, viewsOf, whoMayEnter } from '../route/view.ts';
import { type CommandIo, EXIT } from './io.ts';
import { table } from './table.ts';

interface RoutesOptions {
  readonly file: string;
  readonly format: 'text' | 'json';
}

type Good = Extract<Loaded, { ok: true }>;

/** A configuration without errors; undefined where it has some, which stderr then tells. */
export function goodConfig(file: string, io: CommandIo): Good | undefined {
  const loaded = loadConfig(file, { variables: io.variables, ...DISK });
  if (loaded.ok) return loaded;
  io.stderr(renderProblems(loaded.problems, { color: io.color }));
  return undefined;
}

/** `bearergate routes`: who may enter where, in the order in which routes win over each other. */
export function routes({ file, format }: RoutesOptions, io: CommandIo): number {
  const loaded = goodConfig(file, io);
  if (!loaded) return EXIT.problems;
  if (format === 'json') {
    io.stdout(`${JSON.stringify(routesAsJson(loaded.config))}\n`);
    return EXIT.ok;
  }
  const rows = listRoutes(loaded.config);
  const lines = table([
    ['route', 'takes', 'who may enter', 'goes to'],
    ...rows.map(({ view }) => [view.id, takes(view), whoMayEnter(view), `${goesTo(view)}${withKept(view)}`]),
  ]);
  const told = rows.flatMap(({ warnings }, index) => [lines[index + 1], ...warnings.map(warningLine)]);
  io.stdout(`${[lines[0], ...told].join('\n')}\n`);
  return EXIT.ok;
}

/** What of a client's claims goes along. */
function withKept({ keep }: RouteView): string {
  return keep === undefined ? '' : `, with the client's ${keep.join(', ')}`;
}

function warningLine({ file, line, column, message }: Problem): string {
  return `  warning: ${message} (${file}:${line}:${column})`;
}

type Route = Config['routes'][number];

/** The view of each route. */
function viewer({ config }: Good): (route: Route) => RouteView {
  const views = viewsOf(config.routes, config.written);
  const byRoute = new Map(config.routes.map((route, index) => [route, views[index] as RouteView]));
  return (route) => byRoute.get(route) as RouteView;
}

interface MatchOptions extends RoutesOptions {
  readonly method: string;
  readonly url: string;
}

/** `bearergate routes --match`: which route takes a request, and why the others do not. */
export function matchRoute({ file, format, method, url }: MatchOptions, io: CommandIo): number {
  const loaded = goodConfig(file, io);
  if (!loaded) return EXIT.problems;
  const target = canonicalTarget(url);
  const found = target.ok ? lookUp(loaded.config, target.value, method) : target;
  const told = target.ok ? fates(loaded, target.value, method) : [];
  const refusal = found.ok ? undefined : found.fault;
  if (format === 'json') {
    const candidates = told.map(({ view, verdict, reason }) => ({ route: view.id, verdict, reason }));
    const result = {
      route: found.ok ? found.value.route.id : null,
      ...(refusal && { code: refusal.code, detail: refusal.detail }),
      candidates,
    };
    io.stdout(`${JSON.stringify(result)}\n`);
  } else {
    io.stdout(
      `${textOf(refusal ? `none: ${refusal.code}${refusal.detail ? `. ${refusal.detail}` : ''}` : undefined, told).join('\n')}\n`,
    );
  }
  return found.ok ? EXIT.ok : EXIT.refused;
}

type Found = ReturnType<typeof findRoute<Route>>;

function lookUp({ routes, errors }: Config, target: Target, method: string): Found {
  if (method === 'TRACE') return stop({ code: 'route.method', detail: 'TRACE is refused on every path.' });
  const asked = { method, headerValues: () => [] };
  if (
    helpFor(target.path, asked, () => ({ style: errors, address: '', issuers: [], guarded: [], adminUrl: undefined }))
  ) {
    return stop({ code: 'route.not-found', detail: 'The gateway itself answers this path, and no route can.' });
  }
  return findRoute(new RouteTable(routes), target.authority ?? '', target, method);
}

interface Fate {
  readonly view: RouteView;
  readonly verdict: Standing['kind'];
  readonly reason: string;
  /** Whether its path matches, so that it lost by something else. */
  readonly near: boolean;
}

/** What the table answers, and how each route stands to that. */
function fates(loaded: Good, { authority = '', path }: Target, method: string): Fate[] {
  const { routes } = loaded.config;
  const asked = { host: hostName(authority), path, method };
  const match = new RouteTable(routes).match(asked.host, path, method);
  const winner = match.kind === 'route' ? match.route : undefined;
  const viewOf = viewer(loaded);
  return inMatchOrder(routes).map((route) => {
    const standing = standingOf(route, winner, asked);
    const place = ['routes', routes.indexOf(route), 'match'];
    const isHidden = ['host', 'path'].some((key) => loaded.config.written.referenceAt([...place, key]) !== undefined);
    // A reason quotes hosts and paths, which are not to be shown where they came from `${…}`.
    const reason = isHidden ? HIDDEN[standing.kind] : reasonFor(standing, route, asked);
    return { view: viewOf(route), verdict: standing.kind, reason, near: takesPath(route, path) };
  });
}

function reasonFor(standing: Standing, { host, path }: Route, asked: Asked): string {
  switch (standing.kind) {
    case 'less-specific':
      return standing.why;
    case 'other-method':
      return `it takes ${standing.methods.join(', ')}, not ${asked.method}`;
    case 'other-path':
      return `${path.source} does not match ${asked.path}`;
    case 'other-host':
      return `it is for ${host}, not for ${asked.host || 'a request without a host'}`;
    default:
      return HIDDEN.wins;
  }
}

const HIDDEN: Readonly<Record<Standing['kind'], string>> = {
  wins: 'the most specific of those that take this request',
  'less-specific': 'another route is more specific',
  'other-method': 'it takes other methods',
  'other-path': 'its path does not match',
  'other-host': 'it is for another host',
};

/** The winner, then those that came near; routes of other paths are only counted, unless nothing else came near. */
function textOf(refusal: string | undefined, told: readonly Fate[]): string[] {
  const near = told.filter((fate) => fate.near);
  const far = told.length - near.length;
  const rows = near
    .toSorted((one, other) => Number(other.verdict === 'wins') - Number(one.verdict === 'wins'))
    .map(({ view, verdict, reason }) => [
      verdict === 'wins' && !refusal ? 'wins' : 'loses',
      view.id,
      takes(view),
      verdict === 'wins' && refusal ? 'it would take this request, were it not refused' : reason,
    ]);
  return [
    ...(refusal ? [refusal] : []),
    ...table(rows),
    ...(far > 0 ? [`${count(far, near.length > 0 ? 'other route' : 'route')} with paths that do not match`] : []),
  ];
}
