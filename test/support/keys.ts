import { constants, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { listenOnLoopback } from './listen.ts';

/** How each algorithm makes a key and a signature: one row each. */
const ALGORITHMS = {
  RS256: { make: () => rsa(), sign: (data: Buffer, key: KeyObject) => sign('sha256', data, key) },
  PS256: {
    make: () => rsa(),
    sign: (data: Buffer, key: KeyObject) =>
      sign('sha256', data, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }),
  },
  ES256: {
    make: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    sign: (data: Buffer, key: KeyObject) => sign('sha256', data, { key, dsaEncoding: 'ieee-p1363' }),
  },
  EdDSA: {
    make: () => generateKeyPairSync('ed25519'),
    sign: (data: Buffer, key: KeyObject) => sign(null, data, key),
  },
} as const;

export type KeyAlgorithm = keyof typeof ALGORITHMS;

/** A key pair for one algorithm, with its public JWK as an issuer publishes it. */
export interface TestKey {
  readonly alg: KeyAlgorithm;
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  /** With kid, alg and use. */
  readonly jwk: Record<string, unknown>;
  /** The same with its private members. */
  readonly privateJwk: Record<string, unknown>;
}

function rsa() {
  return generateKeyPairSync('rsa', { modulusLength: 2048 });
}

/** Makes a key pair. Without a `kid` it gets one of its own. */
export function makeKey(alg: KeyAlgorithm, kid = `${alg}-${crypto.randomUUID().slice(0, 8)}`): TestKey {
  const { publicKey, privateKey } = ALGORITHMS[alg].make();
  const names = { kid, alg, use: 'sig' };
  const jwk = { ...publicKey.export({ format: 'jwk' }), ...names };
  const privateJwk = { ...privateKey.export({ format: 'jwk' }), ...names };
  return { alg, kid, privateKey, publicKey, jwk, privateJwk };
}

/**
 * Signs `claims` as they are: nothing is added to them. The header is `{ alg, typ: 'at+jwt', kid }`; members of
 * `header` go over these, and one that is undefined takes its member away. The signature is the key's own whatever
 * the header says, so that headers can lie.
 */
export function signToken(key: TestKey, claims: object, header: Record<string, unknown> = {}): string {
  const full = { alg: key.alg, typ: 'at+jwt', kid: key.kid, ...header };
  return compactToken(JSON.stringify(full), JSON.stringify(claims), (input) =>
    ALGORITHMS[key.alg].sign(input, key.privateKey),
  );
}

/** A compact JWS of exactly these bytes, with any signature: for tokens that no library would make. */
export function compactToken(
  header: string | Buffer,
  payload: string | Buffer,
  signer: (input: Buffer) => Buffer,
): string {
  const input = [header, payload].map((part) => Buffer.from(part as string).toString('base64url')).join('.');
  return `${input}.${signer(Buffer.from(input)).toString('base64url')}`;
}

/**
 * The claims of an RFC 9068 access token, good for five minutes from `now` (ms). Members of `over` go over them; one
 * that is undefined takes its claim away.
 */
export function accessClaims(
  over: Record<string, unknown> & { readonly iss: string },
  now = Date.now(),
): Record<string, unknown> {
  const iat = Math.floor(now / 1000);
  return {
    sub: 'user-1',
    aud: 'orders-api',
    client_id: 'client-1',
    iat,
    exp: iat + 300,
    jti: crypto.randomUUID(),
    ...over,
  };
}

/**
 * What a key server does when it is asked.
 * - serve: the documents. empty: `{ "keys": [] }`, and discovery without jwks_uri.
 * - refuse: the port is closed. reset: the connection is, by RST. hang: nothing, until the behaviour changes; then
 *   those who wait get the new one.
 * - error: 500. html: a page with 200. bad-json: half a document. huge: 8 MiB of JSON. redirect: 302 to `/elsewhere`,
 *   where the document is.
 */
export type KeyServerBehaviour =
  | 'serve'
  | 'refuse'
  | 'hang'
  | 'reset'
  | 'error'
  | 'html'
  | 'huge'
  | 'redirect'
  | 'empty'
  | 'bad-json';

export type KeyServerDocument = 'discovery' | 'jwks';

export interface KeyServer {
  /** The issuer its documents speak for. */
  readonly issuer: string;
  readonly url: string;
  readonly port: number;
  readonly jwksUri: string;
  /** How often each document was asked for, hanging and failing ones included. */
  readonly requests: Record<KeyServerDocument, number>;
  /** Publishes other keys from now on: TestKeys, or any JWK. */
  publish(keys: readonly (TestKey | object)[]): void;
  /** Changes what it does, for one document or both. `refuse` is always for both. */
  behave(behaviour: KeyServerBehaviour, document?: KeyServerDocument): Promise<void>;
  close(): Promise<void>;
}

export interface KeyServerOptions {
  /** What its documents say of `issuer`. Default: its own address. */
  readonly issuer?: string;
  /** Where discovery is: `oidc` (default), `rfc8414`, or `none` for 404. */
  readonly discovery?: 'oidc' | 'rfc8414' | 'none';
}

/** Starts a server on 127.0.0.1 with the discovery document and the key set of one issuer, which fails as it is told. */
export async function serveJwks(
  keys: readonly (TestKey | object)[],
  { issuer: stated, discovery = 'oidc' }: KeyServerOptions = {},
): Promise<KeyServer> {
  let published = keys;
  const requests = { discovery: 0, jwks: 0 };
  const behaviours: Record<KeyServerDocument, KeyServerBehaviour> = { discovery: 'serve', jwks: 'serve' };
  const waiting = new Set<() => void>();
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    const path = request.url ?? '';
    const asked = documentAt(path, discovery);
    if (!asked) {
      send(response, { status: 404, type: 'application/json', body: '{}' });
      return;
    }
    const { document, redirected } = asked;
    if (!redirected) requests[document]++;
    const act = (): void => {
      const behaviour = redirected ? 'serve' : behaviours[document];
      const content = {
        discovery: { issuer, jwks_uri: jwksUri, token_endpoint: `${url}/token` },
        jwks: jwksOf(published),
      };
      if (behaviour === 'hang') waiting.add(act);
      else send(response, replyOf(behaviour, document, content[document], path));
    };
    act();
  };
  const server = createServer(listener);
  const { url, port } = await listenOnLoopback(server);
  const issuer = stated ?? url;
  const jwksUri = `${url}/jwks`;
  const shut = async (): Promise<void> => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  };
  return {
    issuer,
    url,
    port,
    jwksUri,
    requests,
    publish: (next) => {
      published = next;
    },
    behave: async (behaviour, document) => {
      if (behaviour === 'refuse') await shut();
      else if (!server.listening) {
        await listenOnLoopback(server, port);
        Object.assign(behaviours, { discovery: 'serve', jwks: 'serve' });
      }
      for (const name of document ? [document] : (['discovery', 'jwks'] as const)) behaviours[name] = behaviour;
      const released = [...waiting];
      waiting.clear();
      for (const act of released) act();
    },
    close: shut,
  };
}

function jwksOf(keys: readonly (TestKey | object)[]): object {
  return { keys: keys.map((key) => ('privateKey' in key ? (key as TestKey).jwk : key)) };
}

function documentAt(
  path: string,
  discovery: KeyServerOptions['discovery'],
): { document: KeyServerDocument; redirected: boolean } | undefined {
  const redirected = path.startsWith('/elsewhere');
  const place = redirected ? path.slice('/elsewhere'.length) : path;
  const wellKnown = {
    oidc: '/.well-known/openid-configuration',
    rfc8414: '/.well-known/oauth-authorization-server',
    none: undefined,
  };
  if (place === '/jwks') return { document: 'jwks', redirected };
  return place === wellKnown[discovery ?? 'oidc'] ? { document: 'discovery', redirected } : undefined;
}

interface Reply {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  readonly headers?: Record<string, string>;
}

/** What to answer, or that the connection is to be reset. */
function replyOf(
  behaviour: Exclude<KeyServerBehaviour, 'hang'>,
  document: KeyServerDocument,
  content: object,
  path: string,
): Reply | 'reset' {
  const json = (body: string) => ({ status: 200, type: 'application/json', body });
  switch (behaviour) {
    case 'serve':
      return json(JSON.stringify(content));
    case 'refuse': // Only a request that hung until the port was closed comes here, and its connection is gone.
    case 'reset':
      return 'reset';
    case 'error':
      return { ...json('{"error":"server_error"}'), status: 500 };
    case 'html':
      return { status: 200, type: 'text/html', body: '<!doctype html><title>Maintenance</title><p>Back soon.' };
    case 'bad-json':
      return json(JSON.stringify(content).slice(0, -5));
    case 'huge':
      return json(JSON.stringify({ ...content, padding: 'x'.repeat(8 * 1024 * 1024) }));
    case 'empty':
      return json(document === 'jwks' ? '{"keys":[]}' : '{}');
    case 'redirect':
      return { ...json(''), status: 302, headers: { location: `/elsewhere${path}` } };
  }
}

function send(response: ServerResponse, reply: Reply | 'reset'): void {
  if (reply === 'reset') {
    response.socket?.resetAndDestroy();
    return;
  }
  const { status, type, body, headers } = reply;
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body), ...headers });
  response.end(body);
}
