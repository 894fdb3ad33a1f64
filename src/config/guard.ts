import type { GuardEntry, RouteEntry } from './schema.ts';

/** Who may enter a route: its own words over those of `defaults`, field by field. undefined: nobody said. */
export function guardOf(route: RouteEntry, defaults: GuardEntry | undefined): 'public' | GuardEntry | undefined {
  if (route.auth === 'public') return 'public';
  return route.auth || defaults ? { ...defaults, ...route.auth } : undefined;
}
