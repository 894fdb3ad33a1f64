import type { Assembly, GatewayRoute } from './assembly.ts';
import { Permit } from './authorise/permit.ts';
import { localAdminUrl } from './config/admin-address.ts';
import { fixedPrefix } from './config/pattern.ts';
import type { Fault } from './errors/fault.ts';
import { type Help, helpFor } from './errors/help.ts';
import type { Reply } from './errors/reply.ts';
import type { Journey } from './journey.ts';
import { type Outcome, pass, stop } from './outcome.ts';
import { ownOrigins } from './request/client-origin.ts';
import { handshakeFlaw } from './request/handshake.ts';
import type { RequestHead } from './request/head.ts';
import { preflightMethod } from './route/cors.ts';
import { findRoute, USUAL_METHODS } from './route/find.ts';
import { actsForItsSender, originFault } from './route/origin.ts';
import type { Params } from './route/table.ts';
import { canonicalTarget, type Target } from './route/target.ts';
import { extractToken } from './token/extract.ts';
import type { Verified } from './verify/verifier.ts';

/** What is to be done with a request: forward it under a permit, or give an answer of the gateway's own. */
export type Decision = Outcome<Permit | Reply>;

/**
 * Decides about a request: target → route → token → verification → authorisation, or the one fault that stops it. A
 * remembered token is decided at once, an unknown one by a promise. `now` is in milliseconds since 1970.
 */
export function decide(
  world: Assembly,
  journey: Journey,
  head: RequestHead,
  now: number,
): Decision | Promise<Decision> {
  if (head.method === 'TRACE') return stop({ code: 'route.method', allow: USUAL_METHODS, close: true });
  if (head.target === '*' && head.method === 'OPTIONS') return pass(OPTIONS_OF_THE_GATEWAY);

  const target = canonicalTarget(head.target);
  if (!target.ok) return target;
  journey.target = target.value;
  journey.authority = target.value.authority ?? head.host;
  if (head.maxForwards === 0) return pass(OPTIONS_OF_THE_GATEWAY);

  const help = helpFor(target.value.path, head, () => helpOf(world, journey));
  if (help) return help;

  const preflight = preflightFor(world, journey, target.value, head);
  if (preflight) return pass(preflight);

  const found = findRoute(world.table, journey.authority, target.value, head.method, head.methodOverrides);
  if (!found.ok) return found;
  const { route, params } = found.value;
  journey.route = route;
  if (head.upgrade) {
    const flaw = route.settings.websocket ? handshakeFlaw(head) : 'This route carries no WebSockets.';
    if (flaw !== undefined) return stop({ code: 'route.upgrade', detail: flaw, close: true });
  }
  if (head.returns > MOST_RETURNS) return stop(LOOP);
  const { guard } = route.settings;
  if (guard === 'public' || route.verifier === undefined) return Permit.forPublic(route.settings, params);

  const token = extractToken(head, target.value.query, guard.tokenFrom, world.config.listen.limits.token);
  if (!token.ok) return token;
  if (token.value.place?.kind === 'cookie' && actsForItsSender(head)) {
    const fault = originFault(head, () => originsOf(world, journey, head), route.cors);
    if (fault) return stop(fault);
  }

  const proof = route.verifier.verify(token.value, now, journey);
  return proof instanceof Promise
    ? proof.then((late) => authorise(route, params, late))
    : authorise(route, params, proof);
}

function authorise(route: GatewayRoute, params: Params, proof: Outcome<Verified>): Decision {
  return proof.ok ? Permit.forToken(route.settings, params, proof.value) : proof;
}

/** The origins of this gateway's own pages, by the way the request came and by `publicUrl`. */
function originsOf({ config }: Assembly, { authority, peer }: Journey, head: RequestHead): string[] {
  const { publicUrl } = config.errors;
  const own = ownOrigins({ authority, head, peer });
  return publicUrl === undefined ? own : [...own, new URL(publicUrl).origin];
}

/** The answer to a browser that asks whether a page may call: it is the route of the call that decides, not of OPTIONS. */
function preflightFor(world: Assembly, journey: Journey, target: Target, head: RequestHead): Reply | undefined {
  const method = head.method === 'OPTIONS' ? preflightMethod(head) : undefined;
  if (method === undefined) return undefined;
  const found = findRoute(world.table, journey.authority, target, method);
  if (!found.ok || found.value.route.cors === undefined) return undefined;
  journey.route = found.value.route;
  return found.value.route.cors.preflight(head);
}

function helpOf({ config, keyRings }: Assembly, { authority, peer: { encrypted } }: Journey): Help {
  const guarded = config.routes.flatMap(({ guard, path }) =>
    guard === 'public' ? [] : [{ prefix: fixedPrefix(path), scopes: guard.scopes?.scopes ?? [] }],
  );
  const issuers = config.issuers.map(({ name, issuer, audience }) => ({
    issuer,
    tokenEndpoint: keyRings.get(name)?.tokenEndpoint,
    audience,
  }));
  const address = `${encrypted ? 'https' : 'http'}://${authority || 'localhost'}`;
  return { style: config.errors, address, issuers, guarded, adminUrl: localAdminUrl(config.admin) };
}

const LOOP: Fault = {
  code: 'request.invalid',
  detail: 'The request loops: it has passed through this gateway more than ten times, as its Via header shows.',
  fix: 'Operators: check the addresses of the upstreams; one of them leads back to this gateway.',
};

/** A gateway may rightly stand in a path twice or more, at the edge and beside each service; a loop passes any bound. */
const MOST_RETURNS = 10;
const OPTIONS_OF_THE_GATEWAY: Reply = { status: 204, headers: [], body: '' };
