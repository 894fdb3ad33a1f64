import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { type Answer, type DemoServer, type Question, startDemoServer } from './loopback.ts';
import { signingKey, signToken } from './signing.ts';

export interface DemoIssuerOptions {
  /** 0 takes a free one. */
  readonly port: number;
  /** The issuer identifier, `iss`, without a path. Default: `http://localhost:PORT`, in the demo `http://localhost:8081`. */
  readonly issuer?: string;
  /** `aud` of tokens that ask for no other. */
  readonly audience: string;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/** Somebody who can get a token here. */
interface Account {
  readonly secret: string;
  readonly scopes: readonly string[];
  readonly tenant: string;
}

const USERS: ReadonlyMap<string, Account> = new Map([
  ['demo', { secret: 'demo', scopes: ['orders:read', 'orders:write'], tenant: 'acme' }],
  ['reader', { secret: 'reader', scopes: ['orders:read'], tenant: 'globex' }],
]);

const CLIENTS: ReadonlyMap<string, Account> = new Map([
  ['service', { secret: 'service', scopes: ['orders:read', 'orders:write'], tenant: 'acme' }],
]);

/** The client that users are taken to sign in with. */
const USERS_CLIENT = 'demo-app';

const DEFAULT_LIFETIME = 3600;
const LONGEST_LIFETIME = 86_400;

/**
 * Starts the demo's issuer on 127.0.0.1: discovery (OpenID Connect and RFC 8414), its key set and
 * `POST /auth/token`, which gives RFC 9068 access tokens, signed with a key made now, to the users demo/demo and
 * reader/reader (RFC 6749 §4.3) and to the client service/service (§4.4). Beside `scope` it takes `expires_in` and
 * `audience`, so that one can see a token expire or be for somebody else. It is for trying things out: its passwords
 * are in this file.
 */
export async function startDemoIssuer({
  port,
  issuer,
  audience,
  now = Date.now,
}: DemoIssuerOptions): Promise<DemoServer & { readonly issuer: string }> {
  const mint = createMint(now);
  const identify = (taken: number) => issuer ?? `http://localhost:${taken}`;
  const server = await startDemoServer(port, (taken) => {
    const metadata = () => ({ status: 200, json: metadataOf(identify(taken)) });
    return {
      '/.well-known/openid-configuration': { GET: metadata },
      '/.well-known/oauth-authorization-server': { GET: metadata },
      '/jwks': { GET: () => ({ status: 200, json: { keys: [mint.publicJwk] } }) },
      '/auth/token': { POST: (question) => answerTokenRequest(question, identify(taken), audience, mint.token) },
    };
  });
  return { ...server, issuer: identify(server.port) };
}

function metadataOf(issuer: string): object {
  return {
    issuer,
    jwks_uri: `${issuer}/jwks`,
    token_endpoint: `${issuer}/auth/token`,
    grant_types_supported: ['password', 'client_credentials'],
    token_endpoint_auth_methods_supported: ['none', 'client_secret_basic', 'client_secret_post'],
    scopes_supported: ['orders:read', 'orders:write'],
    response_types_supported: [],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['ES256'],
  };
}

/** A token request that has passed its checks. */
interface Grant {
  readonly subject: string;
  readonly clientId: string;
  readonly tenant: string;
  readonly scope: string;
  readonly audience: string;
  /** Seconds. */
  readonly lifetime: number;
}

type Mint = (grant: Grant, issuer: string) => string;

function createMint(now: () => number): { readonly publicJwk: object; readonly token: Mint } {
  const key = signingKey(generateKeyPairSync('ec', { namedCurve: 'P-256' }));
  return {
    publicJwk: key.publicJwk,
    token: (grant, issuer) => {
      const issuedAt = Math.floor(now() / 1000);
      return signToken(key, {
        iss: issuer,
        sub: grant.subject,
        aud: grant.audience,
        client_id: grant.clientId,
        iat: issuedAt,
        exp: issuedAt + grant.lifetime,
        jti: randomUUID(),
        scope: grant.scope,
        tenant: grant.tenant,
      });
    },
  };
}

/** RFC 6749 §5.1 or §5.2. */
function answerTokenRequest(question: Question, issuer: string, audience: string, mint: Mint): Answer {
  const form = readForm(question);
  const grant = form instanceof Refusal ? form : grantFor(form, question.headers.authorization, audience);
  if (grant instanceof Refusal) return grant.answer();
  return {
    status: 200,
    json: {
      access_token: mint(grant, issuer),
      token_type: 'Bearer',
      expires_in: grant.lifetime,
      scope: grant.scope,
    },
    headers: NO_STORE,
  };
}

const NO_STORE = { 'cache-control': 'no-store', pragma: 'no-cache' };

/** An error of RFC 6749 §5.2. */
class Refusal {
  readonly error: string;
  readonly description: string;
  readonly status: number;

  constructor(error: string, description: string, status = 400) {
    this.error = error;
    this.description = description;
    this.status = status;
  }

  answer(): Answer {
    const challenge = this.status === 401 ? { 'www-authenticate': 'Basic realm="demo issuer"' } : {};
    return {
      status: this.status,
      json: { error: this.error, error_description: this.description },
      headers: { ...NO_STORE, ...challenge },
    };
  }
}

/** The parameters of a form body. One without a value counts as left out (RFC 6749 §3.2). */
function readForm({ headers, body }: Question): ReadonlyMap<string, string> | Refusal {
  if (body === undefined) return new Refusal('invalid_request', 'the body is longer than 16 KiB', 413);
  const mediaType = (headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase();
  if (mediaType !== 'application/x-www-form-urlencoded') {
    return new Refusal('invalid_request', 'send a form: Content-Type: application/x-www-form-urlencoded');
  }
  const form = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(body)) {
    if (value === '') continue;
    if (form.has(name)) return new Refusal('invalid_request', 'a parameter is there twice');
    form.set(name, value);
  }
  return form;
}

function grantFor(
  form: ReadonlyMap<string, string>,
  authorization: string | undefined,
  defaultAudience: string,
): Grant | Refusal {
  const party = authenticate(form, authorization);
  if (party instanceof Refusal) return party;
  const scope = grantedScope(form.get('scope'), party.account.scopes);
  if (scope instanceof Refusal) return scope;
  const lifetime = Number(form.get('expires_in') ?? DEFAULT_LIFETIME);
  if (!Number.isInteger(lifetime) || lifetime < 1 || lifetime > LONGEST_LIFETIME) {
    return new Refusal('invalid_request', `expires_in is a whole number of seconds from 1 to ${LONGEST_LIFETIME}`);
  }
  const audience = form.get('audience') ?? defaultAudience;
  if (!/^[\x21-\x7e]{1,200}$/.test(audience)) {
    return new Refusal('invalid_request', 'audience is one word of at most 200 printable ASCII characters');
  }
  return { ...party, tenant: party.account.tenant, scope, audience, lifetime };
}

interface Party {
  readonly subject: string;
  readonly clientId: string;
  readonly account: Account;
}

function authenticate(form: ReadonlyMap<string, string>, authorization: string | undefined): Party | Refusal {
  const grantType = form.get('grant_type') ?? 'password';
  switch (grantType) {
    case 'password': {
      const username = form.get('username');
      const password = form.get('password');
      if (username === undefined || password === undefined) {
        return new Refusal(
          'invalid_request',
          "username and password are needed, such as 'username=demo&password=demo'",
        );
      }
      const account = USERS.get(username);
      return account && account.secret === password
        ? { subject: username, clientId: USERS_CLIENT, account }
        : new Refusal('invalid_grant', 'the username or the password is wrong; there are demo/demo and reader/reader');
    }
    case 'client_credentials': {
      const { id, secret } = clientCredentials(form, authorization);
      const account = CLIENTS.get(id ?? '');
      return id !== undefined && account && account.secret === secret
        ? { subject: id, clientId: id, account }
        : new Refusal('invalid_client', 'the client is unknown or its secret is wrong; there is service/service', 401);
    }
    default:
      return new Refusal('unsupported_grant_type', 'there are password and client_credentials');
  }
}

/** RFC 6749 §2.3.1: Basic, its two parts form-encoded, or the body. */
function clientCredentials(
  form: ReadonlyMap<string, string>,
  authorization: string | undefined,
): { id: string | undefined; secret: string | undefined } {
  const basic = /^Basic +([A-Za-z0-9+/=]+)$/i.exec(authorization ?? '')?.[1];
  if (basic === undefined) return { id: form.get('client_id'), secret: form.get('client_secret') };
  const [id = '', ...rest] = Buffer.from(basic, 'base64').toString('utf8').split(':');
  const decoded = new URLSearchParams(`id=${id}&secret=${rest.join(':')}`);
  return { id: decoded.get('id') ?? undefined, secret: decoded.get('secret') ?? undefined };
}

/** What was asked for, or all there is when nothing was. */
function grantedScope(asked: string | undefined, allowed: readonly string[]): string | Refusal {
  if (asked === undefined) return allowed.join(' ');
  const words = [...new Set(asked.split(' ').filter((word) => word !== ''))];
  if (words.length > 0 && words.every((word) => allowed.includes(word))) return words.join(' ');
  return new Refusal('invalid_scope', `this account may have: ${allowed.join(' ')}`);
}
