import { createServer, type RequestListener } from 'node:http';
import { type KeyAlgorithm, makeKey } from './keys.ts';
import { closeNow, listenOnLoopback } from './listen.ts';

/** An API that the provider gives tokens for. */
export interface Resource {
  /** Seconds that its tokens live. */
  readonly ttl: number;
  readonly format: 'jwt' | 'opaque';
}

/** What there is from the start. `aud` of a token is the name of its resource. */
const RESOURCES: Readonly<Record<string, Resource>> = {
  'urn:orders-api': { ttl: 300, format: 'jwt' },
  'urn:other-api': { ttl: 300, format: 'jwt' },
  'urn:short-lived': { ttl: 1, format: 'jwt' },
  'urn:opaque-api': { ttl: 300, format: 'opaque' },
};

const SCOPES = 'orders:read orders:write';
/** Clients that get tokens by client_credentials; `sub` and `client_id` are their names. */
const CLIENTS = ['service', 'other-service'];
const SECRET = 'a-secret-of-the-tests';
/** A client that may ask about opaque tokens and gets none itself. */
const INTROSPECTOR = 'gateway';

export interface OidcProviderOptions {
  readonly algorithm?: KeyAlgorithm;
  /** Resources besides the usual ones, or in their place. */
  readonly resources?: Readonly<Record<string, Resource>>;
  /** Claims besides the usual `tenant` and `realm_access`, or in their place. */
  readonly claims?: Readonly<Record<string, unknown>>;
}

export interface OidcProvider {
  /** Equals `iss`: `http://127.0.0.1:PORT`. */
  readonly issuer: string;
  readonly port: number;
  readonly jwksUri: string;
  /** Asks the token endpoint over HTTP; rejects with the provider's answer when it refuses. */
  token(wanted?: { readonly scope?: string; readonly resource?: string; readonly clientId?: string }): Promise<string>;
  /** A new key alone is in the key set and signs from now on; opaque tokens stay good. Answers its kid. */
  rotateKeys(): string;
  /** Changes how long tokens for a resource live from now on, in seconds. */
  setTtl(resource: string, seconds: number): void;
  /** RFC 7662, for opaque tokens: the provider does not answer about JWTs. */
  readonly introspection: { readonly url: string; readonly clientId: string; readonly clientSecret: string };
  /** How often the key set and discovery were asked for. */
  readonly requests: { jwks: number; discovery: number; introspection: number };
  close(): Promise<void>;
}

/** Starts the npm package oidc-provider, a certified OpenID provider, on 127.0.0.1. */
export async function startOidcProvider({
  algorithm = 'RS256',
  resources: more = {},
  claims: over = {},
}: OidcProviderOptions = {}): Promise<OidcProvider> {
  const { Provider, errors } = await importQuietly();
  const resources = new Map(Object.entries({ ...RESOURCES, ...more }));
  const claims = { tenant: 'acme', realm_access: { roles: ['user', 'admin'] }, ...over };
  const requests = { jwks: 0, discovery: 0, introspection: 0 };
  const adapter = memoryAdapter();

  let answer: RequestListener = (_request, response) => response.destroy();
  const server = createServer((request, response) => {
    if (request.url === '/jwks') requests.jwks++;
    if (request.url === '/.well-known/openid-configuration') requests.discovery++;
    if (request.url === '/token/introspection') requests.introspection++;
    answer(request, response);
  });
  const { url: issuer, port } = await listenOnLoopback(server);

  // oidc-provider reads its keys once, in the constructor. A provider that rotates is a new one with the same issuer and
  // the same storage, to which the socket is handed over.
  const takeKey = (): string => {
    const key = makeKey(algorithm);
    const provider = new Provider(issuer, {
      ...configuration(algorithm, resources, claims, errors),
      adapter,
      jwks: { keys: [key.privateJwk] },
    });
    provider.on('server_error', (_context, error) => console.error('oidc-provider failed:', error));
    answer = provider.callback();
    return key.kid;
  };
  takeKey();

  return {
    issuer,
    port,
    jwksUri: `${issuer}/jwks`,
    token: ({ scope = SCOPES, resource = 'urn:orders-api', clientId = 'service' } = {}) =>
      requestToken(issuer, { scope, resource, clientId }),
    rotateKeys: takeKey,
    setTtl: (resource, seconds) => {
      const known = resources.get(resource);
      if (!known) throw new Error(`no resource ${resource}`);
      resources.set(resource, { ...known, ttl: seconds });
    },
    introspection: { url: `${issuer}/token/introspection`, clientId: INTROSPECTOR, clientSecret: SECRET },
    requests,
    close: () => closeNow(server),
  };
}

function configuration(
  algorithm: KeyAlgorithm,
  resources: ReadonlyMap<string, Resource>,
  claims: object,
  errors: typeof import('oidc-provider').errors,
): object {
  return {
    scopes: SCOPES.split(' '),
    clients: [...CLIENTS.map((id) => client(id, ['client_credentials'])), client(INTROSPECTOR, [])],
    clientDefaults: { id_token_signed_response_alg: algorithm },
    enabledJWA: { idTokenSigningAlgValues: [algorithm] },
    extraTokenClaims: () => claims,
    cookies: { keys: ['unused'] },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      introspection: {
        enabled: true,
        allowedPolicy: (_context: unknown, { clientId }: { clientId: string }) => clientId === INTROSPECTOR,
      },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_context: unknown, name: string) => {
          const resource = resources.get(name);
          if (!resource) throw new errors.InvalidTarget();
          return {
            audience: name,
            scope: SCOPES,
            accessTokenTTL: resource.ttl,
            accessTokenFormat: resource.format,
            jwt: { sign: { alg: algorithm } },
          };
        },
      },
    },
  };
}

function client(id: string, grantTypes: readonly string[]): object {
  return {
    client_id: id,
    client_secret: SECRET,
    grant_types: grantTypes,
    response_types: [],
    redirect_uris: [],
    token_endpoint_auth_method: 'client_secret_basic',
  };
}

async function requestToken(
  issuer: string,
  { scope, resource, clientId }: { scope: string; resource: string; clientId: string },
): Promise<string> {
  const response = await fetch(`${issuer}/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`${clientId}:${SECRET}`).toString('base64')}` },
    body: new URLSearchParams({ grant_type: 'client_credentials', scope, resource }),
  });
  const answer = (await response.json()) as { access_token?: string };
  if (answer.access_token === undefined) {
    throw new Error(`the provider gave no token: ${response.status} ${JSON.stringify(answer)}`);
  }
  return answer.access_token;
}

/** What the provider remembers, over its rotations. Things expire by their own `exp`, which the provider checks. */
function memoryAdapter() {
  const stored = new Map<string, object>();
  return (model: string) => ({
    upsert: async (id: string, payload: object) => void stored.set(`${model}:${id}`, payload),
    find: async (id: string) => stored.get(`${model}:${id}`),
    destroy: async (id: string) => void stored.delete(`${model}:${id}`),
  });
}

/**
 * Loads the package without its advice for production: it writes notices to the console when it is loaded and when it
 * is used. What it says under other names, and what it reports as server_error, is still seen.
 */
async function importQuietly(): Promise<typeof import('oidc-provider')> {
  for (const level of ['info', 'warn'] as const) {
    if (quieted.has(level)) continue;
    quieted.add(level);
    const write = console[level];
    console[level] = (...lines: unknown[]) => {
      if (!/oidc-provider (?:NOTICE|WARNING):/.test(String(lines[0]))) write(...lines);
    };
  }
  return import('oidc-provider');
}

const quieted = new Set<string>();
