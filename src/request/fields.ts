import { foldName } from './fold.ts';
import { NameMemory } from './name-memory.ts';
import { claimOf, isListedSpelling } from './withheld.ts';

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
  | 'via'
  | 'withheld';

/** Fields of one hop (RFC 9110 §7.6.1), and those that mean something to us alone. */
const KINDS: Readonly<Record<string, FieldKind>> = {
  authorization: 'authorization',
  connection: 'connection',
  'content-length': 'content-length',
  expect: 'expect',
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
  'x-request-id': 'request-id',
};

/** Headers that are accepted from trusted proxies only. */
const BELIEVED: ReadonlySet<string> = new Set([
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-prefix',
  'x-forwarded-proto',
]);

/** Fields that an upstream obeys in any spelling, and what is done with them in any spelling too. */
const OBEYED: Readonly<Record<string, FieldKind>> = {
  'max-forwards': 'max-forwards',
  'x-http-method': 'method-override',
  'x-http-method-override': 'method-override',
  'x-method-override': 'method-override',
};

/** What our own answer must never be ambiguous about, so that a spelling variant is no way around it. */
const GUARDED: readonly string[] = [...Object.keys(KINDS), 'cookie'];

/**
 * Sorts header fields by name, for one configuration. `managed` are the names that any route sets: whatever a client
 * sends under them is dropped (Caddy CVE-2026-30851). `watched` are names that a route looks at or removes, `kept` those
 * that a route lets through although they are withheld by default. A variant that a server may read as the same name is
 * refused (oauth2-proxy CVE-2025-64484, Traefik CVE-2026-88011).
 */
export class FieldSorter {
  readonly #managed: ReadonlySet<string>;
  /** Names that may go on in their own spelling. */
  readonly #spelled: ReadonlySet<string>;
  readonly #guarded: ReadonlySet<string>;
  readonly #seen = new NameMemory<FieldKind>();

  constructor(managed: Iterable<string>, watched: Iterable<string> = [], kept: Iterable<string> = []) {
    this.#managed = lowerCase(managed);
    const seen = lowerCase(watched);
    this.#spelled = new Set(['cookie', ...seen, ...lowerCase(kept)]);
    this.#guarded = new Set([...GUARDED, ...this.#managed, ...seen].map(foldName));
  }

  /** The kind of a field, by its name as it came. */
  kindOf(name: string): FieldKind {
    const known = this.#seen.get(name);
    if (known !== undefined) return known;
    const kind = this.#sort(name.toLowerCase());
    this.#seen.set(name, kind);
    return kind;
  }

  #sort(name: string): FieldKind {
    if (Object.hasOwn(KINDS, name)) return KINDS[name] as FieldKind;
    if (this.#managed.has(name)) return 'drop';
    const folded = foldName(name);
    if (BELIEVED.has(folded)) return folded === name ? 'forwarded' : 'alias';
    const isSpelled = this.#spelled.has(name);
    if (this.#guarded.has(folded) && !isSpelled) return 'alias';
    if (claimOf(folded) !== undefined) return isSpelled || isListedSpelling(name, folded) ? 'withheld' : 'alias';
    return Object.hasOwn(OBEYED, folded) ? (OBEYED[folded] as FieldKind) : 'keep';
  }
}

/** Whether the gateway decides about a header whatever a route says: it is of the hop, ours, or believed of proxies alone. */
export function isTheGateways(name: string): boolean {
  const folded = foldName(name);
  return BELIEVED.has(folded) || Object.hasOwn(OBEYED, folded) || GUARDED.includes(folded);
}

function lowerCase(names: Iterable<string>): Set<string> {
  return new Set([...names].map((name) => name.toLowerCase()));
}
