import { type Outcome, pass, stop } from '../outcome.ts';
import { hostName } from './host.ts';
import type { Matchable, Params, RouteTable } from './table.ts';
import { type Target, type Unusual, unusualTarget } from './target.ts';

/** What has to be known of a route to find it, and to know which unusual paths it takes. */
export interface Findable extends Matchable {
  readonly allow: readonly Unusual[];
}

/**
 * The route of a request, or why it has none: route.not-found, route.method, or route.target where an upstream may read
 * another path than the one that was matched. `authority` is the host that the client addressed, port included.
 */
export function findRoute<R extends Findable>(
  table: RouteTable<R>,
  authority: string,
  target: Target,
  method: string,
): Outcome<{ route: R; params: Params }> {
  const host = hostName(authority);
  const match = table.match(host, target.path, method);
  if (match.kind === 'route') {
    const refused = target.unusual.find((unusual) => !match.route.allow.includes(unusual));
    if (refused !== undefined) return unusualTarget(refused);
    const alike = target.readings.every((path) => {
      const other = table.match(host, path, method);
      return other.kind === 'route' && other.route === match.route;
    });
    return alike ? pass(match) : unusualTarget(target.unusual[0] ?? 'semicolon');
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
