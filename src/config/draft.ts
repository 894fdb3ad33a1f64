import * as z from 'zod';
import { flatten, type Issue, pathOf, valueAt } from './flatten.ts';
import { overlap, type Path } from './problem.ts';
import {
  type AdminEntry,
  adminSchema,
  type GatewayFile,
  type GuardEntry,
  guardSchema,
  type IssuerEntry,
  issuerSchema,
  type ListenEntry,
  listenSchema,
  type RouteEntry,
  routeSchema,
  type UpstreamEntry,
  upstreamSchema,
} from './schema.ts';

/**
 * What of a configuration can be read, so that the rules about names and routes speak in the same run as the complaints
 * about its form. An entry that can't be read keeps its name; a route that can't, its place in the list.
 */
export interface Draft {
  readonly issuers: ReadonlyMap<string, IssuerEntry | undefined>;
  readonly upstreams: ReadonlyMap<string, UpstreamEntry | undefined>;
  readonly defaultAuth: GuardEntry | undefined;
  readonly listen: ListenEntry | undefined;
  readonly admin: AdminEntry | undefined;
  /** Whether there is one, good or not. */
  readonly hasPublicUrl: boolean;
  readonly acknowledge: readonly string[];
  readonly routes: readonly (RouteEntry | undefined)[];
  /** What was left out: no rule draws a conclusion from its absence. */
  readonly damaged: readonly Path[];
  /** A file or a section could not be read: nothing is known of the names in it. */
  readonly incomplete: boolean;
}

/** A draft of a configuration without a flaw in its form. */
export function wholeDraft(gateway: GatewayFile): Draft {
  return {
    issuers: new Map(Object.entries(gateway.issuers)),
    upstreams: new Map(Object.entries(gateway.upstreams)),
    defaultAuth: gateway.defaults.auth,
    listen: gateway.listen,
    admin: gateway.admin,
    hasPublicUrl: gateway.publicUrl !== undefined,
    acknowledge: gateway.acknowledge,
    routes: gateway.routes,
    damaged: [],
    incomplete: false,
  };
}

/** A draft of what plain values hold beside their flaws. */
export function salvage(root: unknown, left: Pick<Draft, 'incomplete'> & { readonly broken: readonly Path[] }): Draft {
  const damaged: Path[] = [...left.broken];
  const entry = <T>(schema: z.ZodType<T>, path: Path): T | undefined => {
    const { value, left } = salvageEntry(schema, valueAt(root, path).value);
    damaged.push(...left.map((inner) => [...path, ...inner]));
    return value;
  };
  const entries = <T>(schema: z.ZodType<T>, key: string) => {
    const { there, value } = valueAt(root, [key]);
    if (there && !isMap(value)) damaged.push([key]);
    const names = isMap(value) ? Object.keys(value) : [];
    return new Map(names.map((name) => [name, entry(schema, [key, name])] as const));
  };
  const routes = valueAt(root, ['routes']).value;
  const address = <T>(schema: z.ZodType<T>, key: string) =>
    valueAt(root, [key]).there ? entry(schema, [key]) : schema.parse({});
  const hasDefaults = valueAt(root, ['defaults', 'auth']).there;
  return {
    issuers: entries(issuerSchema, 'issuers'),
    upstreams: entries(upstreamSchema, 'upstreams'),
    defaultAuth: hasDefaults ? entry(guardSchema, ['defaults', 'auth']) : undefined,
    listen: address(listenSchema, 'listen'),
    admin: address(adminSchema, 'admin'),
    hasPublicUrl: valueAt(root, ['publicUrl']).there,
    acknowledge: entry(z.array(z.string()).default([]), ['acknowledge']) ?? [],
    routes: Array.isArray(routes) ? routes.map((_, index) => entry(routeSchema, ['routes', index])) : [],
    damaged,
    incomplete: left.incomplete,
  };
}

/** Whether something was left out at, around or within one of these places. */
export function isDamaged(draft: Draft, places: readonly Path[]): boolean {
  return draft.damaged.some((left) => places.some((place) => overlap(left, place)));
}

/** Whether a section could not be read, or not all of it, so that a name may be there that is not seen. */
export function isDamagedSection(draft: Draft, section: string): boolean {
  return (
    draft.incomplete || draft.damaged.some((path) => path.length === 0 || (path.length === 1 && path[0] === section))
  );
}

function isMap(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

interface Salvaged<T> {
  readonly value: T | undefined;
  readonly left: readonly Path[];
}

/** Reads an entry, leaving out what is wrong until the rest passes. Each round removes something, so it ends. */
function salvageEntry<T>(schema: z.ZodType<T>, entry: unknown): Salvaged<T> {
  const rest = structuredClone(entry);
  const left: Path[] = [];
  for (;;) {
    const result = schema.safeParse(rest);
    if (result.success) return { value: result.data, left };
    for (const path of flatten(result.error.issues, rest).flatMap((issue) => toRemove(issue, rest))) {
      if (path.length === 0) return { value: undefined, left: [...left, []] };
      left.push(path);
      remove(rest, path);
    }
  }
}

/** The member to leave out: never one item of a list, which would change what the list says. */
function toRemove(issue: Issue, root: unknown): Path[] {
  const path = pathOf(issue);
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => [...path, key]);
  const member = path.slice(0, path.findLastIndex((step) => typeof step === 'string') + 1);
  return [valueAt(root, member).there ? member : member.slice(0, -1)];
}

function remove(root: unknown, path: Path): void {
  const { value: parent } = valueAt(root, path.slice(0, -1));
  if (typeof parent === 'object' && parent !== null) Reflect.deleteProperty(parent, path.at(-1) ?? '');
}
