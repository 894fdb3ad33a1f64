import { patternShape } from './pattern.ts';
import type { RouteEntry } from './schema.ts';

/**
 * Routes that take GET take HEAD too (RFC 9110 §9.3.2): it asks for the same answer without its body, and is bound by the
 * same rules. Where another route of the same requests names HEAD, that one has it.
 */
export function withHead(routes: readonly RouteEntry[]): RouteEntry[] {
  const requestsOf = ({ match: { host = '', path } }: RouteEntry) => `${host} ${patternShape(path)}`;
  const named = new Set(routes.filter(({ match }) => match.methods?.includes('HEAD')).map(requestsOf));
  return routes.map((route) => {
    const { methods } = route.match;
    if (!methods?.includes('GET') || methods.includes('HEAD') || named.has(requestsOf(route))) return route;
    return { ...route, match: { ...route.match, methods: [...methods, 'HEAD'] } };
  });
}

/** Whether methods that a route names cover this one. */
export function coversMethod(methods: readonly string[] | undefined, method: string): boolean {
  return !methods || methods.includes(method) || (method === 'HEAD' && methods.includes('GET'));
}

/** Whether every host that a route for the one takes is taken by a route for the other. */
export function coversHost(wide: string | undefined, narrow: string | undefined): boolean {
  if (wide === undefined || wide === narrow) return true;
  return wide.startsWith('*.') && (narrow?.endsWith(wide.slice(1)) ?? false);
}
