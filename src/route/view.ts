import type { GuardSettings, RouteSettings, UpstreamSettings, Written } from '../config/config.ts';
import type { Path } from '../config/problem.ts';
import type { ClaimRule } from '../config/schema.ts';
import type { TokenPlace } from '../token/place.ts';

/** A route as its configuration says it, defaults put in. A value that came from `${…}` is that text, never its value. */
export interface RouteView {
  readonly id: string;
  readonly match: {
    readonly host?: string;
    readonly path: string;
    readonly methods?: readonly string[];
    readonly allow?: readonly string[];
  };
  readonly auth: 'public' | GuardView;
  readonly upstream: { readonly name: string; readonly urls: readonly string[] };
  readonly rewrite?: { readonly stripPrefix?: string; readonly addPrefix?: string };
  /** Headers of the client's that go on although they are dropped by default. */
  readonly keep?: readonly string[];
  readonly token: 'strip' | 'forward';
  /** Bytes. */
  readonly maxBody?: number;
}

export interface GuardView {
  readonly issuers: readonly string[];
  readonly scopes?: readonly string[] | { readonly any: readonly string[] };
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly tokenFrom: readonly unknown[];
}

/** Views of a configuration's routes, in its order. */
export function viewsOf(routes: readonly RouteSettings[], written: Written): RouteView[] {
  return routes.map((route, index) => viewOf(route, ['routes', index], written));
}

function viewOf(route: RouteSettings, path: Path, written: Written): RouteView {
  const shown = <T>(place: Path, value: T) => written.referenceAt(place) ?? value;
  const text = (key: string, value: string) => shown([...path, ...key.split('.')], value);
  const { id, host, methods, allow, guard, upstream, rewrite, headers, token, maxBody } = route;
  const { stripPrefix, addPrefix } = rewrite;
  return {
    id: text('id', id),
    match: {
      ...(host !== undefined && { host: text('match.host', host) }),
      path: text('match.path', route.path.source),
      ...(methods && { methods: methods.map((name, index) => shown([...path, 'match', 'methods', index], name)) }),
      ...(allow.length > 0 && { allow }),
    },
    auth: guard === 'public' ? guard : guardView(guard, path, written),
    upstream: {
      name: upstream.name,
      urls: upstream.urls.map((url, index) => targetView(url, index, upstream, written)),
    },
    ...((stripPrefix || addPrefix) && {
      rewrite: {
        ...(stripPrefix && { stripPrefix: text('rewrite.stripPrefix', stripPrefix) }),
        ...(addPrefix && { addPrefix: text('rewrite.addPrefix', addPrefix) }),
      },
    }),
    ...(headers.keep.length > 0 && {
      keep: headers.keep.map((name, index) => shown([...path, 'headers', 'keep', index], name)),
    }),
    token,
    ...(maxBody !== undefined && { maxBody }),
  };
}

function targetView(url: string, index: number, { name }: UpstreamSettings, { referenceAt }: Written): string {
  return referenceAt(['upstreams', name, 'url']) ?? referenceAt(['upstreams', name, 'urls', index]) ?? url;
}

/** Fields that a route does not say are those of `defaults`, and so are the texts that stand there. */
function guardView({ issuers, scopes, claims, tokenFrom }: GuardSettings, path: Path, written: Written): GuardView {
  const placeOf = (field: string): Path => {
    const own = [...path, 'auth', field];
    return written.has(own) ? own : ['defaults', 'auth', field];
  };
  const shown = <T>(place: Path, value: T) => written.referenceAt(place) ?? value;
  const list = <T>(place: Path, values: readonly T[]) => values.map((value, index) => shown([...place, index], value));
  const scopesPlace = placeOf('scopes');
  const rule = ([name, said]: readonly [string, ClaimRule]) => [
    name,
    ruleView(said, [...placeOf('claims'), name], shown),
  ];
  return {
    issuers: issuers.map(({ name }) => name),
    ...(scopes && {
      scopes:
        scopes.kind === 'any'
          ? { any: list([...scopesPlace, 'any'], scopes.scopes) }
          : list(scopesPlace, scopes.scopes),
    }),
    ...(claims.length > 0 && { claims: Object.fromEntries(claims.map(rule)) }),
    tokenFrom: tokenFrom.map((place, index) => placeView(place, [...placeOf('tokenFrom'), index], shown)),
  };
}

function ruleView(rule: ClaimRule, path: Path, shown: (place: Path, value: unknown) => unknown): unknown {
  switch (rule.kind) {
    case 'equals':
      return shown(path, rule.value);
    case 'contains':
      return { contains: shown([...path, 'contains'], rule.value) };
    case 'in':
      return { in: rule.values.map((value, index) => shown([...path, 'in', index], value)) };
    case 'exists':
      return { exists: rule.exists };
  }
}

function placeView(place: TokenPlace, path: Path, shown: (place: Path, value: unknown) => unknown): unknown {
  if (place.kind === 'authorization') return place.kind;
  return { [place.kind]: shown([...path, place.kind], place.name) };
}

/** The items of a list, but for those that came from `${…}`, which are that text. */
export function shownList(values: readonly string[], path: Path, { referenceAt }: Written): string[] {
  return values.map((value, index) => referenceAt([...path, index]) ?? value);
}

/** `GET, HEAD api.example.com/orders/**` */
export function takes({ match: { host = '', path, methods } }: RouteView): string {
  return `${methods ? `${methods.join(', ')} ` : ''}${host}${path}`;
}

/** Who may enter, as a person says it: "tokens of main with orders:read, tenant: acme". */
export function whoMayEnter({ auth }: RouteView): string {
  if (auth === 'public') return 'anybody (public)';
  const { issuers, scopes, claims = {}, tokenFrom } = auth;
  const wanted = [
    ...(scopes === undefined ? [] : 'any' in scopes ? [`any of ${scopes.any.join(', ')}`] : [scopes.join(', ')]),
    ...Object.entries(claims).map(([name, rule]) => `${name}: ${inWords(rule)}`),
  ];
  const places = tokenFrom.map(inWords).join(' or ');
  return [
    `tokens of ${issuers.join(' or ')}`,
    ...(wanted.length > 0 ? [`with ${wanted.join(', ')}`] : []),
    ...(places === 'authorization' ? [] : [`from ${places}`]),
  ].join(' ');
}

export function inWords(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  return Object.entries(value)
    .map(([key, inner]) => `${key} ${Array.isArray(inner) ? inner.join(', ') : String(inner)}`)
    .join(', ');
}

/** Where it goes: "orders (http://orders.internal:3000), /orders becomes /v1/orders". */
export function goesTo({ upstream, rewrite }: RouteView): string {
  const { stripPrefix = '', addPrefix = '' } = rewrite ?? {};
  const way = stripPrefix ? `, ${stripPrefix} becomes ${addPrefix || '/'}` : addPrefix ? `, below ${addPrefix}` : '';
  return `${upstream.name} (${upstream.urls.join(', ')})${way}`;
}
