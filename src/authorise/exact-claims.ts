import type { HeaderSettings, RouteSettings } from '../config/config.ts';
import type { Fault } from '../errors/fault.ts';
import { foldName } from '../request/fold.ts';
import type { JsonObject } from '../token/compact.ts';
import { hasInexact } from '../token/exact-json.ts';
import { claimAt } from '../verify/claim-path.ts';

/**
 * The first claim that a header of the route is made of and that is a number which can't be passed on exactly: the upstream
 * would see another user. For tokens that have such a number at all.
 */
export function inexactClaimFault(route: RouteSettings, claims: JsonObject): Fault | undefined {
  const path = claimsInHeaders(route).find((one) => hasInexact(claimAt(claims, one)));
  if (path === undefined) return undefined;
  return {
    code: 'authorise.claim',
    detail: `The claim ${path} has a number that cannot be passed on exactly: it is too large, or has too many digits.`,
    fix: 'Have {issuers} write the claim as text, then request a new token.',
    members: { claim: path },
  };
}

function claimsInHeaders({ headers, responseHeaders, upstream }: RouteSettings): string[] {
  const own = new Set(headers.set.map(([name]) => foldName(name)));
  const inherited = upstream.headers.filter(([name]) => !own.has(foldName(name)));
  return [...inherited, ...headers.set, ...responseHeaders.set].flatMap(claimsOf);
}

function claimsOf([, { parts }]: HeaderSettings['set'][number]): string[] {
  return parts.flatMap((part) => (typeof part === 'object' && part.kind === 'claim' ? part.path : []));
}
