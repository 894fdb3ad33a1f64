/** What the gateway does with a header field of a request. */
export type FieldKind =
  | 'keep'
  | 'drop'
  | 'alias'
  | 'authorization'
  | 'connection'
  | 'content-length'
  | 'expect'
  | 'forwarded'
  | 'host'
  | 'max-forwards'
  | 'method-override'
  | 'request-id'
  | 'te'
  | 'trace-parent'
  | 'trace-state'
  | 'transfer-encoding'
  | 'upgrade'
  | 'via';

/** Fields of one hop (RFC 9110 §7.6.1), and those that mean something to us alone. */
const KINDS: Readonly<Record<string, FieldKind>> = {
  authorization: 'authorization',
  connection: 'connection',
  'content-length': 'content-length',
  expect: 'expect',
  forwarded: 'forwarded',
  host: 'host',
  'http2-settings': 'drop',
  'keep-alive': 'drop',
  // CGI turns it into the variable HTTP_PROXY, which programs obey (httpoxy, CVE-2016-5385).
  proxy: 'drop',
  'proxy-authenticate': 'drop',
  'proxy-authorization': 'drop',
  'proxy-connection': 'drop',
  te: 'te',
  traceparent: 'trace-parent',
  tracestate: 'trace-state',
  trailer: 'drop',
  'transfer-encoding': 'transfer-encoding',
  upgrade: 'upgrade',
  via: 'via',
  'x-real-ip': 'forwarded',
  'x-request-id': 'request-id',
};

/**
 * Fields in which a request asks for another path, host or method than those the routes were held against. An upstream
 * that obeys them (IIS and Symfony did: CVE-2018-14773) is a way around every rule. A route may set them itself.
 */
const REDIRECTING: Readonly<Record<string, FieldKind>> = {
  'max-forwards': 'max-forwards',
  'x-host': 'forwarded',
  'x-http-host-override': 'forwarded',
  'x-http-method': 'method-override',
  'x-http-method-override': 'method-override',
  'x-method-override': 'method-override',
  'x-original-host': 'forwarded',
  'x-original-method': 'forwarded',
  'x-original-uri': 'forwarded',
  'x-original-url': 'forwarded',
  'x-rewrite-url': 'forwarded',
};

/** What our own answer must never be ambiguous about, so that a spelling variant is no way around it. */
const GUARDED = ['authorization', 'content-length', 'host', 'transfer-encoding', 'x-request-id', 'connection'];

/** The names of which most requests consist are looked up once; a flood of invented or long ones must not fill the memory. */
const MEMORY = { names: 2000, length: 64 };

/**
 * Sorts header fields by name, for one configuration. `managed` are the names that any route sets: whatever a client
 * sends under them is dropped (Caddy CVE-2026-30851). `watched` are names that a route looks at or removes. A variant that many servers read as the same name, because they
 * map `-` to `_` (CGI) or `.` to `_` (PHP), is refused (oauth2-proxy CVE-2025-64484, Traefik CVE-2026-88011).
 */
export class FieldSorter {
  readonly #managed: ReadonlySet<string>;
  /** Names of #guarded that may go on in their own spelling. */
  readonly #watched: ReadonlySet<string>;
  readonly #guarded: ReadonlySet<string>;
  readonly #seen = new Map<string, FieldKind>();

  constructor(managed: Iterable<string>, watched: Iterable<string> = []) {
    this.#managed = new Set([...managed].map((name) => name.toLowerCase()));
    this.#watched = new Set([...watched, 'cookie'].map((name) => name.toLowerCase()));
    this.#guarded = new Set([...GUARDED, ...this.#managed, ...this.#watched].map(plain));
  }

  /** The kind of a field, by its name as it came. */
  kindOf(name: string): FieldKind {
    const known = this.#seen.get(name);
    if (known !== undefined) return known;
    const kind = this.#sort(name.toLowerCase());
    if (this.#seen.size < MEMORY.names && name.length <= MEMORY.length) this.#seen.set(name, kind);
    return kind;
  }

  #sort(name: string): FieldKind {
    if (Object.hasOwn(KINDS, name)) return KINDS[name] as FieldKind;
    if (this.#managed.has(name)) return 'drop';
    const reading = plain(name);
    if (reading.startsWith('x-forwarded-')) return reading === name ? 'forwarded' : 'alias';
    if (KINDS[reading] === 'forwarded') return 'alias';
    if (this.#guarded.has(reading) && !this.#watched.has(name)) return 'alias';
    const kind = Object.hasOwn(REDIRECTING, reading) ? (REDIRECTING[reading] as FieldKind) : 'keep';
    return kind === 'forwarded' && reading !== name ? 'alias' : kind;
  }
}

/** How a careless server reads a name. */
function plain(name: string): string {
  return name.replace(/[_.]/g, '-');
}
