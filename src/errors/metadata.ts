import { type Reply, replyWith } from './reply.ts';

/** Where RFC 9728 metadata is found. */
export const RESOURCE_METADATA_PATH = '/.well-known/oauth-protected-resource';

/** What RFC 9728 metadata is made of; there is none without a `publicUrl`. */
export interface MetadataFacts {
  readonly publicUrl: string;
  readonly issuers: readonly string[];
  /** The guarded routes: the fixed beginning of their paths, and the scopes they name. */
  readonly guarded: readonly { readonly prefix: string; readonly scopes: readonly string[] }[];
}

/** Readable from any page, since a client has no token yet, and MCP clients ask with a header of their own. */
const OPEN = ['Access-Control-Allow-Origin', '*'];
const PREFLIGHT = [
  ...OPEN,
  'Access-Control-Allow-Methods',
  'GET, HEAD',
  'Access-Control-Allow-Headers',
  '*',
  'Access-Control-Max-Age',
  '600',
];

/** The answer to a preflight for the metadata. */
export const METADATA_PREFLIGHT: Reply = { status: 204, headers: PREFLIGHT, body: '' };

/** RFC 9728 §3: which authorization servers issue tokens for a resource. `resourcePath` begins with a slash or is empty. */
export function resourceMetadata(resourcePath: string, { publicUrl, issuers, guarded }: MetadataFacts): Reply {
  const scopes = unique(scopesOf(resourcePath, publicUrl, guarded));
  const servers = unique(issuers);
  const metadata = {
    resource: resourcePath === '' ? publicUrl : `${new URL(publicUrl).origin}${resourcePath}`,
    // RFC 9728 §3.2: members without values are left out.
    ...(servers.length > 0 ? { authorization_servers: servers } : {}),
    bearer_methods_supported: ['header'],
    ...(scopes.length > 0 ? { scopes_supported: scopes } : {}),
  };
  return replyWith(200, 'application/json', `${JSON.stringify(metadata)}\n`, OPEN);
}

/** The scopes of the routes below a resource; of a resource below every route, those of the nearest routes above it. */
function scopesOf(resourcePath: string, publicUrl: string, guarded: MetadataFacts['guarded']): string[] {
  const routes = guarded.map(({ prefix, scopes }) => ({ path: publicPath(prefix, publicUrl), scopes }));
  const below = routes.filter(({ path }) => isBelow(path, resourcePath));
  const above = routes.filter(({ path }) => isBelow(resourcePath, path));
  const nearest = Math.max(...above.map(({ path }) => path.length));
  return (below.length > 0 ? below : above.filter(({ path }) => path.length === nearest)).flatMap(
    ({ scopes }) => scopes,
  );
}

/** The address of the metadata of the resource that a route with this prefix is part of (RFC 9728 §3.1). */
export function metadataUrl(publicUrl: string, prefix: string): string {
  return `${new URL(publicUrl).origin}${RESOURCE_METADATA_PATH}${publicPath(prefix, publicUrl)}`;
}

/**
 * A path as clients write it. Where `publicUrl` has a path of its own, whatever is in front either takes it off, and then no
 * route begins with it, or leaves it there.
 */
function publicPath(prefix: string, publicUrl: string): string {
  const { pathname } = new URL(publicUrl);
  return pathname === '/' || isBelow(prefix, pathname) ? prefix : pathname + prefix;
}

/** Whether a path is a folder or something below it, on whole segments. */
export function isBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

export function unique(texts: readonly string[]): string[] {
  return [...new Set(texts)];
}
