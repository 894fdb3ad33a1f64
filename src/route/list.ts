import type { Config } from '../config/config.ts';
import type { Problem } from '../config/problem.ts';
import { inMatchOrder } from './ranking.ts';
import { type RouteView, viewsOf } from './view.ts';

/** A route as it is shown, and what is unwise in it. */
export interface ListedRoute {
  readonly view: RouteView;
  readonly warnings: readonly Problem[];
}

/** Every route, in the order in which they win over each other. */
export function listRoutes({
  routes,
  written,
  warnings,
}: Pick<Config, 'routes' | 'written' | 'warnings'>): ListedRoute[] {
  const views = viewsOf(routes, written);
  return inMatchOrder(routes).map((route) => ({
    view: views[routes.indexOf(route)] as RouteView,
    warnings: warnings.filter(({ route: id }) => id === route.id),
  }));
}

/** The same, for machines. */
export function routesAsJson(config: Parameters<typeof listRoutes>[0]): object {
  const routes = listRoutes(config).map(({ view, warnings }) => ({
    ...view,
    warnings: warnings.map(({ name, message }) => ({ name, message })),
  }));
  return { routes };
}
