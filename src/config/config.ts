import type { ErrorStyle } from '../errors/problem.ts';
import type { TokenPlace } from '../token/place.ts';
import type { AnyIssuerSettings, TokenCacheSettings } from '../verify/settings.ts';
import type { PathPattern } from './pattern.ts';
import type { Path, Problem } from './problem.ts';
import type { ClaimRule, GatewayFile, ScopesRule } from './schema.ts';
import type { Template } from './template.ts';

/** A configuration that has passed every check: parsed, with its defaults, each reference followed. Durations in ms, sizes in bytes. */
export interface Config {
  /** The file it came from. */
  readonly file: string;
  /** Where values stand that came from `${…}`: they are never to be logged or printed. */
  readonly secrets: readonly Path[];
  readonly written: Written;
  /** What is legal and unwise in it. */
  readonly warnings: readonly Problem[];
  readonly listen: ListenSettings;
  readonly admin: GatewayFile['admin'];
  readonly drain: GatewayFile['drain'];
  readonly workers: GatewayFile['workers'];
  readonly log: GatewayFile['log'];
  readonly errors: ErrorStyle;
  readonly tokenCache: TokenCacheSettings;
  readonly issuers: readonly AnyIssuerSettings[];
  readonly upstreams: readonly UpstreamSettings[];
  readonly routes: readonly RouteSettings[];
}

/** `tls`: undefined serves HTTP in the clear. */
export type ListenSettings = Omit<GatewayFile['listen'], 'tls'> & { readonly tls: ListenTls | undefined };

/** What HTTPS is served with: PEM, as it stood in the files. With `clientCa` a client has to show a certificate. */
export interface ListenTls {
  readonly cert: string;
  readonly key: string;
  readonly clientCa: string | undefined;
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
}

/** What stands in the files, by the path of a value. */
export interface Written {
  has(path: Path): boolean;
  /** The text with `${…}` that stands for a value, which is to be shown in its place; undefined for any other value. */
  referenceAt(path: Path): string | undefined;
}

export interface UpstreamSettings {
  readonly name: string;
  /** Scheme and authority of each target, as URL.origin gives them; there is at least one. */
  readonly urls: readonly [string, ...string[]];
  readonly balance: 'least-busy' | 'round-robin';
  readonly timeouts: { readonly connect: number; readonly response: number; readonly idle: number };
  /** Per target. */
  readonly connections: number;
  /** Of all targets together. */
  readonly queue: number;
  /** How old a connection may become and still take a request. */
  readonly connectionMaxAge: number;
  readonly tls: UpstreamTls;
  readonly health: { readonly path: string; readonly interval: number } | undefined;
  /** `keep`, `upstream`, or the Host to send. */
  readonly host: string;
  /** Further origins, without a slash at the end, that mean this upstream in its answers. */
  readonly origins: readonly string[];
  readonly headers: HeaderSettings['set'];
}

/** How https targets are verified, and what is shown to them: PEM, as it stood in the files. Not verifying is no setting. */
export interface UpstreamTls {
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly serverName: string | undefined;
}

export interface HeaderSettings {
  /** Names as the operator wrote them, each with its template. */
  readonly set: readonly (readonly [name: string, value: Template])[];
  /** Lower-case. */
  readonly remove: readonly string[];
}

export interface RequestHeaderSettings extends HeaderSettings {
  /** Lower-case: what goes on although it is withheld by default. */
  readonly keep: readonly string[];
}

export interface RouteSettings {
  readonly id: string;
  /** Lower-case; may begin with `*.`; undefined takes any. */
  readonly host: string | undefined;
  readonly path: PathPattern;
  /** undefined takes every method. */
  readonly methods: readonly string[] | undefined;
  readonly allow: readonly ('semicolon' | 'encodedSlash')[];
  readonly guard: 'public' | GuardSettings;
  readonly upstream: UpstreamSettings;
  readonly rewrite: { readonly stripPrefix: string; readonly addPrefix: string };
  readonly headers: RequestHeaderSettings;
  readonly responseHeaders: HeaderSettings;
  readonly token: 'strip' | 'forward';
  /** Whether `Upgrade: websocket` is carried. */
  readonly websocket: boolean;
  /** When WebSockets and event streams end. */
  readonly streams: { readonly endWithToken: boolean; readonly grace: number };
  readonly maxBody: number | undefined;
  readonly retries: number;
  /** Time until the headers of the answer are there: the route's own, else the upstream's. */
  readonly responseTimeout: number;
  readonly cors: CorsSettings | undefined;
}

/** Which web pages may call a route. `maxAge` in milliseconds. */
export interface CorsSettings {
  /** As browsers write them, or `*`. */
  readonly origins: readonly string[];
  readonly methods: readonly string[];
  readonly headers: readonly string[];
  readonly credentials: boolean;
  readonly maxAge: number;
}

export interface GuardSettings {
  readonly issuers: readonly AnyIssuerSettings[];
  readonly scopes: ScopesRule | undefined;
  readonly tokenFrom: readonly TokenPlace[];
  readonly claims: readonly (readonly [path: string, rule: ClaimRule])[];
}
