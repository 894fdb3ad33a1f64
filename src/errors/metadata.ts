import { type Outcome, pass, stop } from '../outcome.ts';
import { type Reply, replyWith } from './reply.ts';

/** What RFC 9728 metadata is made of. */
export interface MetadataFacts {
  readonly publicUrl: string | undefined;
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
export function resourceMetadata(resourcePath: string, { publicUrl, issuers, guarded }: MetadataFacts): Outcome<Reply> {
  if (publicUrl === undefined) {
    return stop({
      code: 'route.not-found',
      detail: 'Metadata is published when `publicUrl` is set in the configuration.',
    });
  }
  const scopes = unique(guarded.filter(({ prefix }) => covers(prefix, resourcePath)).flatMap((route) => route.scopes));
  const servers = unique(issuers);
  const metadata = {
    resource: resourcePath === '' ? publicUrl : `${new URL(publicUrl).origin}${resourcePath}`,
    // RFC 9728 §3.2: members without values are left out.
    ...(servers.length > 0 ? { authorization_servers: servers } : {}),
    bearer_methods_supported: ['header'],
    ...(scopes.length > 0 ? { scopes_supported: scopes } : {}),
  };
  return pass(replyWith(200, 'application/json', `${JSON.stringify(metadata)}\n`, OPEN));
}

/** Whether a route lies under a resource's path, or the resource under the route. */
function covers(prefix: string, resourcePath: string): boolean {
  return isBelow(prefix, resourcePath) || isBelow(resourcePath, prefix) || resourcePath === '' || prefix === '';
}

/** Whether a path is a folder or something below it, on whole segments. */
export function isBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

export function unique(texts: readonly string[]): string[] {
  return [...new Set(texts)];
}
