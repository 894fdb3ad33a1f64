import { type Outcome, pass, stop } from '../outcome.ts';
import { hostName } from './host.ts';
import type { Matchable, Params, RouteTable } from './table.ts';
import { ambiguousTarget, type Target, type Unusual, unusualTarget } from './target.ts';

/** What has to be known of a route to find it, and to know which unusual paths it takes. */
export interface Findable extends Matchable {
  readonly allow: readonly Unusual[];
}

/**
 * The route of a request, or why it has none: route.not-found, route.method, or route.target where an upstream may read
 * another path than the one that was matched. `authority` is the host that the client addressed, port included;
 * `overrides` the methods that headers of the request ask for instead.
 */
export function findRoute<R extends Findable>(
  table: RouteTable<R>,
  authority: string,
  target: Target,
  method: string,
  overrides: readonly string[] = NO_METHODS,
): Outcome<{ route: R; params: Params }> {
  const host = hostName(authority);
  const match = table.match(host, target.path, method);
  if (match.kind === 'route') {
    const { route } = match;
    const refused = target.unusual.find((unusual) => !route.allow.includes(unusual));
    if (refused !== undefined) return unusualTarget(refused);
    if (target.readings.length === 0 && overrides.length === 0) return pass(match);
    const sameRules = (asked: string) => everyReadingLeadsTo(route, table, host, target, asked);
    if (!sameRules(method)) return ambiguousTarget(target);
    return overrides.every(sameRules) ? pass(match) : overriddenMethod(route);
  }
  const [unusual] = target.unusual;
  if (unusual !== undefined) return unusualTarget(unusual);
  if (match.kind === 'none') return stop({ code: 'route.not-found' });
  return stop({
    code: 'route.method',
    detail: `${method} is not among the methods of this address.`,
    allow: match.allow,
  });
}

const NO_METHODS: readonly string[] = [];

/** Whether a request that an upstream may read in other ways goes by the rules of this route in each of them. */
function everyReadingLeadsTo<R extends Findable>(
  route: R,
  table: RouteTable<R>,
  host: string,
  target: Target,
  method: string,
): boolean {
  const leadsHere = (path: string) => {
    const match = table.match(host, path, method);
    return match.kind === 'route' && match.route === route;
  };
  return leadsHere(target.path) && target.readings.every(leadsHere);
}

/** An upstream that obeys the header does what another rule speaks of; one that does not, what the client did not ask for. */
function overriddenMethod({ methods }: Findable): Outcome<never> {
  return stop({
    code: 'route.method',
    detail: 'A header asks for another method than the request line, and other rules apply to that one here.',
    fix: 'Send the request with the method it asks for, without X-HTTP-Method-Override or the like.',
    allow: methods ?? USUAL_METHODS,
  });
}

/** For `Allow`, where a route takes every method. */
export const USUAL_METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
