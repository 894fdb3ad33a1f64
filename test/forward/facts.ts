import { Permit } from '../../src/authorise/permit.ts';
import type { Config, RouteSettings } from '../../src/config/config.ts';
import type { RequestFacts } from '../../src/forward/headers.ts';
import { FieldSorter } from '../../src/request/fields.ts';
import { type RequestHead, readHead } from '../../src/request/head.ts';
import { type Trace, traceOf } from '../../src/request/trace.ts';
import type { Params } from '../../src/route/table.ts';
import type { JsonObject } from '../../src/token/compact.ts';
import { type IssuerVerifier, Verified } from '../../src/verify/verifier.ts';
import { configFrom } from '../support/config.ts';
import type { WireHeader } from '../support/http-bytes.ts';

/** A route as a user writes it, on an upstream with these settings. */
export function routeOf(route: object = {}, upstream: object = {}): RouteSettings {
  const config: Config = configFrom({
    issuers: { main: { issuer: 'https://login.example.com', audience: 'orders-api' } },
    defaults: { auth: { issuers: ['main'] } },
    upstreams: { legacy: { url: 'http://legacy.internal:3000', ...upstream } },
    routes: [{ id: 'all', match: { path: '/{a}/**' }, ...route }],
  });
  return config.routes[0] as RouteSettings;
}

const issuer = {
  name: 'main',
  issuer: 'https://login.example.com',
  audience: ['orders-api'],
} as unknown as IssuerVerifier;

/** A permit for the route: with a token that proved these claims, or for anybody where the route is public. */
export function permitFor(route: RouteSettings, claims: object = {}, params: Params = {}): Permit {
  const proof = { issuer, claims: claims as JsonObject, scopes: [], keyId: 'k', keyGeneration: 0 };
  const permit =
    route.guard === 'public'
      ? Permit.forPublic(route, params)
      : Permit.forToken(route, params, Verified.byVerifier(proof));
  if (!permit.ok) throw new Error(permit.fault.detail);
  return permit.value;
}

export interface FactsOptions {
  readonly claims?: object;
  readonly params?: Params;
  readonly trusted?: boolean;
  readonly encrypted?: boolean;
  readonly address?: string;
  /** Headers that other routes of the configuration set. */
  readonly managed?: readonly string[];
}

/** What forwarding knows of a request with these headers, beside a Host. */
export function factsOf(route: RouteSettings, fields: readonly WireHeader[], options: FactsOptions = {}): RequestFacts {
  const { claims, params, trusted = false, encrypted = false, address = '192.0.2.7', managed = [] } = options;
  const own = [...route.headers.set, ...route.upstream.headers].map(([name]) => name);
  const rawHeaders = [['Host', 'api.example.com:8080'] as const, ...fields].flat();
  const head = readHead(
    { method: 'GET', url: '/a/b', httpVersion: '1.1', rawHeaders },
    new FieldSorter([...own, ...managed]),
  );
  if (!head.ok) throw new Error(head.fault.detail);
  return {
    head: head.value,
    permit: permitFor(route, claims, params),
    requestId: '01ARYZ6S41TSV4RRFFQ69G5FAV',
    trace: traceIn(head.value),
    authority: head.value.host,
    peer: { address, encrypted, trusted },
  };
}

/** The trace that begins where a request brings none. */
export const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00';

function traceIn(head: RequestHead): Trace {
  const trace = traceOf(head);
  return head.traceParents[0] === trace.parent ? trace : { parent: TRACE, traceId: '', spanId: '' };
}

/** Names and values in turn as pairs. */
export function pairs(flat: readonly string[]): WireHeader[] {
  return flat.flatMap((name, at) => (at % 2 === 0 ? [[name, flat[at + 1] as string] as const] : []));
}
