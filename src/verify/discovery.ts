import { readBounded } from '../bounded-file.ts';
import type { Ask } from './ask.ts';
import { fetchJson, MAX_BYTES, mayFetch, mayFollow, ProviderError } from './fetch.ts';
import type { IssuerSettings } from './settings.ts';

/** What was learned of an issuer on the way to its keys. */
export interface FetchedKeys {
  readonly document: unknown;
  /** From discovery, for the help pages; undefined where there was none. */
  readonly tokenEndpoint?: string | undefined;
}

/** Fetches the JWK Set of an issuer from wherever its settings say. Throws ProviderError. */
export async function fetchKeys(issuer: IssuerSettings, ask: Ask, cancel: AbortSignal): Promise<FetchedKeys> {
  const { source, timeout, allowHttp } = issuer.keys;
  const get = async (url: string): Promise<unknown> => {
    if (!mayFetch(url, allowHttp)) throw new ProviderError(`${url} is not https, and \`allowHttp\` is not set for it`);
    return fetchJson(url, { timeout, ask, cancel });
  };
  switch (source.kind) {
    case 'inline':
      return { document: { keys: source.keys } };
    case 'file':
      return { document: await readKeyFile(source.path) };
    case 'url':
      return { document: await get(source.url) };
    case 'discovery': {
      const { jwksUri, tokenEndpoint } = await discover(issuer.issuer, get);
      const mayUse = (url: string) => mayFollow(url, issuer.issuer, allowHttp);
      if (mayFetch(jwksUri, allowHttp) && !mayUse(jwksUri))
        throw new ProviderError(`${issuer.issuer} names keys on this machine (${jwksUri}), where it is not itself`);
      const document = await get(jwksUri);
      return {
        document,
        tokenEndpoint: tokenEndpoint !== undefined && mayUse(tokenEndpoint) ? tokenEndpoint : undefined,
      };
    }
  }
}

interface Metadata {
  readonly jwksUri: string;
  readonly tokenEndpoint: string | undefined;
}

/** OpenID Connect Discovery §4 first, then RFC 8414 §3. The error of both attempts is told, since either may be meant. */
async function discover(issuer: string, get: (url: string) => Promise<unknown>): Promise<Metadata> {
  const failures: string[] = [];
  for (const url of metadataUrls(issuer)) {
    try {
      return readMetadata(await get(url), issuer, url);
    } catch (error) {
      failures.push((error as Error).message);
    }
  }
  throw new ProviderError(failures.join('; '));
}

/** OpenID Connect appends its well-known path to the issuer; RFC 8414 puts its own between the host and the path. */
export function metadataUrls(issuer: string): readonly string[] {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, '');
  return [
    `${origin}${path}/.well-known/openid-configuration`,
    `${origin}/.well-known/oauth-authorization-server${path}`,
  ];
}

function readMetadata(document: unknown, issuer: string, url: string): Metadata {
  const metadata = (typeof document === 'object' && document !== null ? document : {}) as Record<string, unknown>;
  // A provider that speaks for another issuer may hand out that one's keys, or an attacker's (RFC 8414 §3.3).
  if (metadata.issuer !== issuer) {
    throw new ProviderError(
      `${url} names another issuer: ${JSON.stringify(metadata.issuer)} instead of ${JSON.stringify(issuer)}`,
    );
  }
  if (typeof metadata.jwks_uri !== 'string') throw new ProviderError(`${url} has no jwks_uri`);
  const tokenEndpoint = typeof metadata.token_endpoint === 'string' ? metadata.token_endpoint : undefined;
  return { jwksUri: metadata.jwks_uri, tokenEndpoint };
}

async function readKeyFile(path: string): Promise<unknown> {
  try {
    // Editors on Windows put a byte order mark in front (RFC 8259 §8.1 lets a reader ignore it).
    return JSON.parse((await readBounded(path, MAX_BYTES)).toString('utf8').replace(/^\ufeff/, ''));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new ProviderError(code ? `${path} cannot be read: ${code}` : `${path} is not JSON`, { cause: error });
  }
}
