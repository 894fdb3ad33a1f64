import * as z from 'zod';
import { ALGORITHMS, ASYMMETRIC_ALGORITHMS } from '../verify/algorithms.ts';
import {
  claimNumber,
  claimPath,
  comparedText,
  cookieName,
  fieldName,
  fileName,
  headerName,
  hostPattern,
  httpUrl,
  keptHeader,
  listenHost,
  method,
  name,
  origin,
  pathPattern,
  plainHost,
  port,
  prefix,
  publicAddress,
  queryName,
  requestTarget,
  scope,
  serverName,
  subprotocol,
  template,
  textSuchAs,
  trustedNetwork,
  upstreamHost,
  webOrigin,
} from './fields.ts';
import { duration, positiveDuration, size } from './units.ts';

// The one description of the configuration: types, defaults, parsing, JSON Schema and docs come from it. Defaults are
// written as an operator would write them and pass through the same parser.

const atLeastOne = <S extends z.ZodType>(item: S) => z.array(item).min(1, 'is empty; at least one is needed');
const oneOrMore = <S extends z.ZodType<string>>(item: S) =>
  z.union([item.transform((text) => [text] as [string, ...string[]]), atLeastOne(item)]);

export const listenSchema = z
  .strictObject({
    host: listenHost('127.0.0.1')
      .default('0.0.0.0')
      .describe('Address to listen on, unless a service manager passes a socket. A change needs a restart.'),
    port: port().default(8080).describe('Port to listen on; 0 takes a free one. A change needs a restart.'),
    trustedProxies: z
      .array(trustedNetwork())
      .default([])
      .describe(
        'Networks of proxies whose X-Forwarded-For, -Host, -Proto, -Port and -Prefix, Forwarded and X-Request-Id are accepted.',
      ),
    limits: z
      .strictObject({
        headers: size()
          .refine((bytes) => bytes >= 1024, 'is too little for any request; 1KiB is the least')
          .prefault('16KiB')
          .describe('All request headers together, the request line included. A change needs a restart.'),
        token: size()
          .refine((bytes) => bytes >= 64, 'is too little for any token; 64B is the least')
          .prefault('8KiB')
          .meta({ since: '0.2' })
          .describe('The longest token that is looked at; it has to fit into `headers` too.'),
        headersTimeout: positiveDuration().prefault('10s').describe('Time in which the headers have to arrive.'),
        requestTimeout: positiveDuration().prefault('5m').describe('Time in which the whole request has to arrive.'),
        keepAlive: positiveDuration().prefault('75s').describe('How long an idle connection is kept.'),
        stalled: positiveDuration()
          .prefault('30s')
          .meta({ since: '0.2' })
          .describe(
            'A client that reads less than 256 bytes a second of the data waiting for it is cut after this time.',
          ),
        maxConnections: z
          .int()
          .min(1)
          .default(10_000)
          .describe(
            'Open client connections. A request on a connection beyond the limit gets 503, and the connection closes.',
          ),
      })
      .refine(({ headersTimeout, requestTimeout }) => headersTimeout <= requestTimeout, {
        error: 'headersTimeout is longer than requestTimeout, within which the headers have to arrive too',
        params: { name: 'bad-value' },
      })
      .prefault({})
      .describe('What one client may take.'),
    tls: z
      .strictObject({
        cert: fileName('/run/secrets/tls/tls.crt').describe('PEM file with the certificate, and its chain behind it.'),
        key: fileName('/run/secrets/tls/tls.key').describe('PEM file with the private key of `cert`.'),
        clientCa: fileName('/run/secrets/tls/clients.crt')
          .optional()
          .describe(
            'PEM file of the authorities of client certificates: every client then has to show one. Header templates have its subject as {client.subject}.',
          ),
        minVersion: z.enum(['TLSv1.2', 'TLSv1.3']).default('TLSv1.2').describe('Older versions are refused.'),
      })
      .optional()
      .describe('Serve HTTPS, and nothing but HTTPS, on this port.'),
  })
  .describe('Where clients connect.');

export const adminSchema = z
  .strictObject({
    host: listenHost('0.0.0.0')
      .default('127.0.0.1')
      .describe('Address to listen on, unless a service manager passes a socket. A change needs a restart.'),
    port: port().default(9090).describe('Port to listen on; 0 takes a free one. A change needs a restart.'),
    hosts: z
      .array(plainHost())
      .default([])
      .meta({ since: '0.2' })
      .describe(
        'Further host names for /routes and /explain, besides IP addresses, localhost and `host`: requests with any other Host get 421. /livez, /readyz and /metrics accept any Host.',
      ),
  })
  .describe('Where operators and probes connect: /livez, /readyz, /metrics and /routes. Never on the public port.');

const keys = z
  .strictObject({
    discovery: z
      .literal(true)
      .optional()
      .describe('Find the key set by OpenID Connect Discovery, then by RFC 8414. The default.'),
    url: httpUrl().optional().describe('Address of the JWK Set.'),
    file: textSuchAs('./jwks.json').optional().describe('File with a JWK Set, relative to this one.'),
    inline: atLeastOne(z.record(z.string(), z.unknown()))
      .optional()
      .meta({ sample: [{ kty: 'OKP', crv: 'Ed25519', x: '…' }] })
      .describe('The public keys themselves (JWK).'),
    secret: textSuchAs(`\${file:/run/secrets/hs256}`)
      .optional()
      .describe('Shared secret of a legacy issuer, for the HS* algorithms named.'),
    allowHttp: z.boolean().default(false).describe('Allow http:// to hosts other than this machine.'),
    refresh: positiveDuration().prefault('10m').describe('Age at which keys are fetched again, in the background.'),
    cooldown: positiveDuration()
      .prefault('30s')
      .describe('At most one fetch in this time for tokens with an unknown key.'),
    maxStale: positiveDuration()
      .prefault('24h')
      .describe('Keys older than this are not used: requests get 503, never 401.'),
    timeout: positiveDuration().prefault('5s').describe('Time in which the issuer has to answer.'),
    snapshot: textSuchAs('/var/cache/bearergate')
      .optional()
      .describe('Folder, relative to this file, in which the last good keys are kept over a restart.'),
  })
  .refine(
    ({ discovery, url, file, inline, secret }) =>
      [discovery, url, file, inline, secret].filter((source) => source !== undefined).length <= 1,
    {
      error: 'name one source of keys: discovery, url, file, inline or secret',
      params: { name: 'keys-source' },
    },
  );

const introspection = z.strictObject({
  url: httpUrl('https://login.example.com/introspect').describe('The introspection endpoint (RFC 7662).'),
  clientId: textSuchAs('gateway').describe('The gateway, as the issuer knows it.'),
  clientSecret: textSuchAs(`\${INTROSPECTION_SECRET}`).describe('Its password.'),
  auth: z
    .enum(['basic', 'post'])
    .default('basic')
    .describe('How the gateway authenticates itself: in the Authorization header, or in the form.'),
  allowHttp: z.boolean().default(false).describe('Allow http:// to hosts other than this machine.'),
  cacheFor: duration().prefault('60s').describe('How long an answer is used, never beyond `exp`; 0s: not at all.'),
  timeout: positiveDuration().prefault('3s').describe('Time in which the issuer has to answer; then requests get 503.'),
});

/** One issuer. */
export const issuerSchema = z
  .strictObject({
    issuer: comparedText('https://login.example.com').describe('The issuer identifier; must equal `iss`, exactly.'),
    audience: oneOrMore(comparedText('orders-api')).describe('`aud` has to name one of these.'),
    keys: keys.optional().describe('Where the keys come from. Default: { discovery: true }.'),
    introspection: introspection
      .optional()
      .describe('Ask the issuer about each token (RFC 7662), for opaque ones. In place of `keys`.'),
    algorithms: atLeastOne(z.enum(ALGORITHMS))
      .optional()
      .describe(
        'Signature algorithms to accept. HS* need naming; `none` cannot be named. Default: every asymmetric one.',
      ),
    tokenType: z
      .enum(['access', 'any'])
      .optional()
      .describe(
        'access: `typ` is at+jwt or JWT, and the token has no marks of an ID token (a nonce is not one in a token that declares itself an access token). any: not checked. Default: access.',
      ),
    clockTolerance: duration().prefault('30s').describe('How far clocks may differ.'),
    maxTokenAge: positiveDuration('24h').optional().describe('Tokens issued longer ago than this are refused.'),
    requiredClaims: z
      .array(comparedText('sub'))
      .optional()
      .describe('Claims that a token must have, besides iss, aud and exp. Default: [sub]; with `introspection` none.'),
  })
  .transform(({ keys: from, algorithms, tokenType, requiredClaims, ...rest }) => ({
    ...rest,
    keys: from ?? keys.parse({ discovery: true }),
    algorithms: algorithms ?? [...ASYMMETRIC_ALGORITHMS],
    tokenType: tokenType ?? ('access' as const),
    // Answers about a client of its own accord (client_credentials) have no subject (RFC 7662 §2.2).
    requiredClaims: requiredClaims ?? (rest.introspection ? [] : ['sub']),
    /** What was said that is for tokens with a signature: beside `introspection` it would do nothing. */
    saidForJwt: Object.entries({ keys: from, algorithms, tokenType }).flatMap(([key, value]) =>
      value === undefined ? [] : [key],
    ),
  }))
  .describe('Whose tokens are accepted, and how they are checked.');

const scopes = z.union(
  [
    atLeastOne(scope()).transform((all) => ({ kind: 'all' as const, scopes: all })),
    z
      .strictObject({ any: atLeastOne(scope()).describe('One of these is enough.') })
      .transform(({ any }) => ({ kind: 'any' as const, scopes: any })),
  ],
  { error: 'expected a list of scopes, or { any: [scopes] }' },
);

const scalar = z.union([z.string().meta({ examples: ['admin'] }), claimNumber(), z.boolean()], {
  error: 'expected text, a number, true or false',
});
const claimRule = z.union(
  [
    scalar.transform((value) => ({ kind: 'equals' as const, value })),
    z
      .strictObject({ contains: scalar.describe('The claim is a list that has this, or is just this.') })
      .transform(({ contains }) => ({ kind: 'contains' as const, value: contains })),
    z
      .strictObject({ in: atLeastOne(scalar).describe('The claim is one of these.') })
      .transform((rule) => ({ kind: 'in' as const, values: rule.in })),
    z
      .strictObject({ exists: z.boolean().describe('Whether the claim has to be there.') })
      .transform(({ exists }) => ({ kind: 'exists' as const, exists })),
  ],
  { error: 'expected a value, { contains: value }, { in: [values] } or { exists: true }' },
);

const tokenPlace = z.union(
  [
    z.literal('authorization').transform(() => ({ kind: 'authorization' as const })),
    z
      .strictObject({ cookie: cookieName().describe('Name of a cookie.') })
      .transform(({ cookie }) => ({ kind: 'cookie' as const, name: cookie })),
    z
      .strictObject({ header: headerName().describe('Name of a header that holds the token alone.') })
      .transform(({ header }) => ({ kind: 'header' as const, name: header.toLowerCase() })),
    z
      .strictObject({
        query: queryName().describe('Name of a query parameter. It is taken out unless `token: forward`.'),
      })
      .transform(({ query }) => ({ kind: 'query' as const, name: query })),
    z
      .strictObject({
        websocketProtocol: subprotocol().describe(
          'Subprotocol in front of the token, for web pages: new WebSocket(url, [name, token]).',
        ),
      })
      .transform(({ websocketProtocol }) => ({ kind: 'websocketProtocol' as const, name: websocketProtocol })),
  ],
  {
    error: 'expected authorization, { cookie: name }, { header: name }, { query: name } or { websocketProtocol: name }',
  },
);

/** Who may enter; of a route, or of `defaults`. */
export const guardSchema = z.strictObject({
  issuers: atLeastOne(z.string().meta({ examples: ['main'] }))
    .optional()
    .describe('Issuers whose tokens are accepted, by their names.'),
  scopes: scopes.optional().describe('Scopes the token needs: all of a list, or { any: […] }.'),
  tokenFrom: atLeastOne(tokenPlace)
    .optional()
    .describe('Where the token is looked for. Default: the Authorization header.'),
  claims: z
    .record(claimPath(), claimRule)
    .optional()
    .meta({ sample: { tenant: 'acme', 'realm_access.roles': { contains: 'admin' } } })
    .describe('What claims have to say, by their path.'),
});

const auth = z.union([z.literal('public'), guardSchema], { error: 'expected `public`, or a map with issuers' });

const requestHeaders = z.strictObject({
  set: z
    .record(headerName(), template())
    .default({})
    .meta({ sample: { 'X-User-Id': '{claims.sub}' } })
    .describe(
      'Headers towards the upstream; what the client sends under these names is dropped. Commas in values of claims are percent-encoded.',
    ),
  remove: z.array(headerName()).default([]).describe("Headers of the client's that the upstream does not get."),
  keep: z
    .array(keptHeader())
    .default([])
    .meta({ since: '0.2' })
    .describe('Client headers that the upstream gets although they are dropped by default (docs/headers.md).'),
});

const responseHeaders = z.strictObject({
  set: z
    .record(headerName(), template())
    .default({})
    .meta({ sample: { 'Strict-Transport-Security': 'max-age=31536000' } })
    .describe('Headers towards the client.'),
  remove: z.array(headerName()).default([]).describe("Headers of the upstream's that the client does not get."),
});

const cors = z
  .strictObject({
    origins: atLeastOne(webOrigin()).describe('Origins of the pages, such as https://app.example.com; "*" is any.'),
    methods: atLeastOne(method()).optional().describe("Default: the route's methods, else those in common use."),
    headers: z
      .array(fieldName())
      .default(['authorization', 'content-type'])
      .describe('Request headers that a page may set.'),
    credentials: z.boolean().default(false).describe('Whether cookies may come along; not with "*".'),
    maxAge: duration().prefault('10m').describe('How long a browser may remember the answer to a preflight.'),
  })
  .refine(({ origins, credentials }) => !(credentials && origins.includes('*')), {
    error: '`credentials` with "*" would let every page on the web act in the name of its visitors: name the origins',
    params: { name: 'bad-value' },
  })
  .refine(({ headers, credentials }) => !(credentials && headers.includes('*')), {
    error: 'beside `credentials`, browsers read "*" in `headers` as a name (Fetch §3.2.5): name the headers',
    params: { name: 'bad-value' },
  });

const upstreamTls = z.strictObject({
  ca: fileName('./ca.pem').optional().describe('PEM file of the authorities to trust, in place of the usual ones.'),
  cert: fileName('./client.pem')
    .optional()
    .describe('PEM file with the certificate that the gateway shows, and its chain.'),
  key: fileName('/run/secrets/client.key').optional().describe('PEM file with the private key of `cert`.'),
  serverName: serverName()
    .optional()
    .describe('Name that the certificate has to have, and that SNI says. Default: the host of the address.'),
});

const target = () =>
  origin({
    credentials: 'set them with `headers: { set: { Authorization: … } }`',
    path: 'leave it away and use `rewrite: { addPrefix: … }` of the route',
  });
const ORIGIN_ALONE = 'an origin is scheme, host and port';

/** One upstream. */
export const upstreamSchema = z.strictObject({
  url: target().optional().describe('Scheme, host and port of the service.'),
  urls: atLeastOne(target()).optional().describe('Several targets of one service, in place of `url`.'),
  balance: z
    .enum(['least-busy', 'round-robin'])
    .default('least-busy')
    .describe(
      'Which of several targets a request goes to: the one with the fewest requests under way, or each in turn.',
    ),
  timeouts: z
    .strictObject({
      connect: positiveDuration().prefault('2s').describe('Time to open a connection.'),
      response: positiveDuration().prefault('30s').describe('Time until the headers of the answer are there.'),
      idle: positiveDuration().prefault('5m').describe('Longest pause within the body of an answer.'),
    })
    .prefault({})
    .describe('How long it may take.'),
  connections: z
    .int()
    .min(1)
    .default(128)
    .describe('Connections to each target. WebSockets, which have connections of their own, may be as many again.'),
  queue: z.int().min(0).default(1024).describe('Requests that may wait for a connection; further ones get 503.'),
  connectionMaxAge: positiveDuration()
    .prefault('5m')
    .meta({ since: '0.2' })
    .describe('A connection older than this gets no further requests, so that DNS changes take effect.'),
  host: z
    .union([z.literal('keep'), z.literal('upstream'), upstreamHost()])
    .default('keep')
    .describe("The Host that the upstream gets: the client's (keep), the target's own (upstream), or this name."),
  origins: z
    .array(origin({ credentials: ORIGIN_ALONE, path: ORIGIN_ALONE }))
    .default([])
    .meta({ since: '0.2' })
    .describe(
      'Further origins that mean this upstream in Location and cookies, such as http://localhost:3000. Those of its addresses and of the Host that it gets always do.',
    ),
  headers: z
    .strictObject({
      set: z
        .record(headerName(), template())
        .default({})
        .meta({ sample: { Authorization: `Basic \${file:/run/secrets/legacy}` } })
        .describe('Headers that every request to it has.'),
    })
    .prefault({})
    .describe("The upstream's own credentials and other fixed headers."),
  tls: upstreamTls.optional().describe('How https targets are verified, and the certificate shown to them.'),
  health: z
    .strictObject({
      path: requestTarget().describe('Asked with GET; 2xx and 3xx mean that the target is well.'),
      interval: positiveDuration()
        .prefault('10s')
        .describe('Time between two looks, and the longest that one may take.'),
    })
    .optional()
    .describe('Look whether targets are well, and leave out those that are not.'),
});

/** One route. */
export const routeSchema = z.strictObject({
  id: name()
    .refine((id) => id !== 'none', 'is what metrics call requests without a route')
    .describe('Its name in logs, metrics and messages.'),
  match: z
    .strictObject({
      host: hostPattern().optional().describe('Exact, or *.example.com for every name below it. Default: any.'),
      path: pathPattern().describe('/orders exactly; /orders/{id} with a named segment; /orders/** with all below.'),
      methods: atLeastOne(method()).optional().describe('GET covers HEAD. Default: every method.'),
      allow: z
        .array(z.enum(['semicolon', 'encodedSlash']))
        .default([])
        .describe('What paths may have here although it is ambiguous to many servers.'),
    })
    .describe('The requests that it takes.'),
  auth: auth.optional().describe('Who may enter. `public` has to be said.'),
  upstream: z
    .string()
    .meta({ examples: ['orders'] })
    .describe('Name of the upstream.'),
  rewrite: z
    .strictObject({
      stripPrefix: prefix().default('').describe('Taken off the front of the path.'),
      addPrefix: prefix().default('').describe('Put in front of the path.'),
    })
    .prefault({})
    .describe('The path the upstream gets.'),
  headers: requestHeaders.prefault({}).describe('Headers towards the upstream.'),
  responseHeaders: responseHeaders.prefault({}).describe('Headers towards the client.'),
  token: z
    .enum(['strip', 'forward'])
    .default('strip')
    .describe('Whether the upstream gets the token, from wherever it came.'),
  websocket: z
    .boolean()
    .default(false)
    .describe('Carry WebSocket connections. A request to upgrade to any other protocol is served without the upgrade.'),
  streams: z
    .strictObject({
      endWithToken: z
        .boolean()
        .default(true)
        .describe('End WebSockets and event streams (text/event-stream) when their token ends.'),
      grace: duration().prefault('0s').describe('How long they may go on after that, `clockTolerance` aside.'),
    })
    .prefault({})
    .describe('What outlives its request.'),
  maxBody: size().optional().describe('Largest request body; larger ones get 413.'),
  retries: z
    .int()
    .min(0)
    .max(3)
    .default(1)
    .describe(
      'For idempotent requests without a body or a method override whose connection broke before an answer began.',
    ),
  timeouts: z
    .strictObject({
      response: positiveDuration('5m').optional().describe('Time until the headers of the answer are there.'),
    })
    .prefault({})
    .describe("Over the upstream's."),
  cors: cors
    .optional()
    .describe(
      'Which web pages may call. Preflights are answered without a token, and pages can read refusals. If the token is in a cookie, pages of any other origin can only read (route.origin).',
    ),
  acknowledge: z
    .array(z.string().meta({ examples: ['public-under-guarded'] }))
    .default([])
    .describe('Warnings of `check` that are meant, by name.'),
});

const includeItem = z.union(
  [
    textSuchAs('routes/*.yaml'),
    z.strictObject({
      optional: textSuchAs('routes/*.yaml').meta({ since: '0.2' }).describe('May be absent, or match nothing.'),
    }),
  ],
  { error: 'expected a path, a glob, or { optional: a path or glob }' },
);

/** The whole configuration file. */
export const gatewaySchema = z.strictObject({
  publicUrl: publicAddress().optional().describe('How clients reach us; used in links and RFC 9728 metadata.'),
  listen: listenSchema.prefault({}),
  admin: adminSchema.prefault({}),
  drain: z
    .strictObject({
      delay: duration()
        .prefault('5s')
        .describe('How long requests are still served after SIGTERM, while load balancers notice.'),
      timeout: duration().prefault('30s').describe('How long requests under way may then still take.'),
    })
    .prefault({})
    .describe('How the gateway ends without losing a request.'),
  log: z
    .strictObject({
      level: z
        .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal'])
        .default('info')
        .describe('Lines of this level and above.'),
      access: z.boolean().default(true).describe('One line for every request.'),
    })
    .prefault({})
    .describe('What is written to stdout.'),
  workers: z
    .union([z.int().min(1).max(256), z.literal('auto')], { error: 'expected a number from 1 to 256, or auto' })
    .default(1)
    .describe(
      'Processes that share the work; auto: one per core. `connections`, `queue` and `maxConnections` are for each.',
    ),
  include: z
    .array(includeItem)
    .default([])
    .describe(
      'Further files with routes, upstreams and issuers, relative to this one: a path, or a glob with * and ?, which skips *.test.yaml.',
    ),
  acknowledge: z
    .array(z.string().meta({ examples: ['admin-port-open'] }))
    .default([])
    .describe('Warnings of `check` that are meant, by name; those about one route are acknowledged there.'),
  issuers: z.record(name(), issuerSchema).default({}).describe('Whose tokens are accepted, by names of your own.'),
  tokenCache: z
    .strictObject({
      maxEntries: z.int().min(1).max(10_000_000).default(100_000).describe('Verified tokens that are remembered.'),
      maxAge: positiveDuration().prefault('5m').describe('How long a token is remembered; never beyond its `exp`.'),
      rejectedFor: duration().prefault('10s').describe('How long a refusal is remembered; 0s: not at all.'),
    })
    .prefault({})
    .describe('What is remembered of tokens. No token itself is.'),
  upstreams: z.record(name(), upstreamSchema).default({}).describe('The services behind, by names of your own.'),
  errors: z
    .strictObject({
      format: z
        .enum(['problem', 'oauth', 'text'])
        .default('problem')
        .describe('problem: RFC 9457. oauth: { error, error_description }.'),
      detail: z
        .enum(['minimal', 'client'])
        .default('client')
        .describe('minimal: code and title. client: what is wrong and the fix.'),
    })
    .prefault({})
    .describe('What refusals look like.'),
  defaults: z
    .strictObject({
      auth: guardSchema.optional().describe('Who may enter where a route says nothing else, field by field.'),
    })
    .prefault({})
    .describe('What a route takes over when it is silent.'),
  routes: atLeastOne(routeSchema).describe('What is let through, and to where. The most specific match wins.'),
});

/** A configuration as the schema gives it out: parsed, with defaults, references not yet followed. */
export type GatewayFile = z.output<typeof gatewaySchema>;
export type IssuerEntry = z.output<typeof issuerSchema>;
export type UpstreamEntry = z.output<typeof upstreamSchema>;
export type RouteEntry = z.output<typeof routeSchema>;
export type GuardEntry = z.output<typeof guardSchema>;
export type ListenEntry = z.output<typeof listenSchema>;
export type AdminEntry = z.output<typeof adminSchema>;
export type ScopesRule = z.output<typeof scopes>;
export type ClaimRule = z.output<typeof claimRule>;
