import type { PathPattern } from '../config/pattern.ts';

/** What a table needs to know of a route. */
export interface Matchable {
  readonly host: string | undefined;
  readonly path: PathPattern;
  readonly methods: readonly string[] | undefined;
}

/** What a request's host, path and method lead to. */
export type Match<R> =
  | { readonly kind: 'route'; readonly route: R; readonly params: Params }
  | { readonly kind: 'other-methods'; readonly allow: readonly string[] }
  | { readonly kind: 'none' };

/** Named segments, as they stand in the canonical path. */
export type Params = Readonly<Record<string, string>>;

const NO_PARAMS: Params = {};

/** One step into a path: the routes that end here, and the ways on. */
class Node<R extends Matchable> {
  readonly fixed = new Map<string, Node<R>>();
  named: Node<R> | undefined;
  readonly ends: R[] = [];
  readonly rests: R[] = [];
}

/**
 * Finds the most specific route, not the first: exact host over wildcard over none; then segment by segment fixed over
 * `{name}` over `**`; then a route with methods over one without. It walks one tree per host, so that its cost goes
 * with the length of the path and not with the number of routes.
 */
export class RouteTable<R extends Matchable> {
  readonly #exact = new Map<string, Node<R>>();
  /** By suffix with its dot (`.example.com`), longest first. */
  readonly #wildcards: (readonly [suffix: string, tree: Node<R>])[] = [];
  readonly #anyHost = new Node<R>();
  /** As they were given. */
  readonly routes: readonly R[];

  constructor(routes: readonly R[]) {
    this.routes = routes;
    for (const route of routes) insert(this.#treeFor(route.host), route);
    this.#wildcards.sort(([a], [b]) => b.length - a.length);
  }

  /** `host` without port and in lower case, `path` canonical. */
  match(host: string, path: string, method: string): Match<R> {
    const segments = path.split('/');
    const search = new Search<R>(segments, method);
    const exact = this.#exact.get(host);
    const route = (exact && search.from(exact, 1)) ?? this.#byWildcard(host, search) ?? search.from(this.#anyHost, 1);
    if (route) return { kind: 'route', route, params: paramsOf(route.path, segments) };
    if (search.otherMethods !== undefined) return { kind: 'other-methods', allow: [...search.otherMethods] };
    return { kind: 'none' };
  }

  #byWildcard(host: string, search: Search<R>): R | undefined {
    for (const [suffix, tree] of this.#wildcards) {
      const route = host.length > suffix.length && host.endsWith(suffix) ? search.from(tree, 1) : undefined;
      if (route) return route;
    }
    return undefined;
  }

  #treeFor(host: string | undefined): Node<R> {
    if (host === undefined) return this.#anyHost;
    if (!host.startsWith('*.')) return entry(this.#exact, host);
    const suffix = host.slice(1);
    const known = this.#wildcards.find(([other]) => other === suffix);
    if (known) return known[1];
    const tree = new Node<R>();
    this.#wildcards.push([suffix, tree]);
    return tree;
  }
}

/** One look through a tree, which remembers the methods of routes that match but for theirs. */
class Search<R extends Matchable> {
  /** Made when the first of them is seen, which is seldom. */
  otherMethods: Set<string> | undefined;
  readonly #segments: readonly string[];
  readonly #method: string;

  constructor(segments: readonly string[], method: string) {
    this.#segments = segments;
    this.#method = method;
  }

  /** The best route below `node` for the segments from index `at` on. */
  from(node: Node<R>, at: number): R | undefined {
    if (at === this.#segments.length) return this.#among(node.ends) ?? this.#among(node.rests);
    const segment = this.#segments[at] as string;
    const fixed = node.fixed.get(segment);
    let route = fixed && this.from(fixed, at + 1);
    if (!route && node.named && segment !== '') route = this.from(node.named, at + 1);
    return route ?? this.#among(node.rests);
  }

  #among(routes: readonly R[]): R | undefined {
    let any: R | undefined;
    for (const route of routes) {
      if (route.methods === undefined) any = route;
      else if (route.methods.includes(this.#method)) return route;
      else this.#remember(route.methods);
    }
    return any;
  }

  #remember(methods: readonly string[]): void {
    this.otherMethods ??= new Set();
    for (const method of methods) this.otherMethods.add(method);
  }
}

function insert<R extends Matchable>(tree: Node<R>, route: R): void {
  let node = tree;
  for (const segment of route.path.segments) {
    if (segment.kind === 'rest') {
      node.rests.push(route);
      return;
    }
    if (segment.kind === 'fixed') node = entry(node.fixed, segment.text);
    else {
      node.named ??= new Node<R>();
      node = node.named;
    }
  }
  node.ends.push(route);
}

function entry<R extends Matchable>(map: Map<string, Node<R>>, key: string): Node<R> {
  let node = map.get(key);
  if (!node) {
    node = new Node<R>();
    map.set(key, node);
  }
  return node;
}

function paramsOf(pattern: PathPattern, segments: readonly string[]): Params {
  if (!pattern.segments.some((segment) => segment.kind === 'named')) return NO_PARAMS;
  const params: Record<string, string> = {};
  for (const [index, segment] of pattern.segments.entries()) {
    if (segment.kind === 'named') params[segment.name] = segments[index + 1] as string;
  }
  return params;
}
