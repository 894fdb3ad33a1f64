/** Who has to act on a refusal. It decides the log level: a client's mistakes are not the operator's alarms. */
export type Source = 'client' | 'gateway' | 'upstream';

/** What stands in `WWW-Authenticate` (RFC 6750 §3): nothing, the bare scheme, or the scheme with this `error`. */
export type Challenge = 'none' | 'bare' | 'invalid_request' | 'invalid_token' | 'insufficient_scope';

export interface Row {
  readonly status: number;
  readonly source: Source;
  readonly challenge: Challenge;
  readonly title: string;
  readonly causes: readonly string[];
  /** What to do about it. `{issuers}` stands for the issuers whose tokens the route takes. */
  readonly fix: string;
}

const ASK_AGAIN = "Request a new access token from {issuers} and send it as 'Authorization: Bearer <token>'.";

/**
 * Every way in which a request can stop, as data. The codes are the contract: replies, logs, metrics, help pages and
 * docs/errors.md read this table, and a code that has no row does not compile.
 */
export const CATALOGUE = {
  'token.missing': {
    status: 401,
    source: 'client',
    challenge: 'bare',
    title: 'No access token was sent',
    causes: [
      'The request has no Authorization header.',
      'A client, proxy or redirect dropped the header on the way.',
      'The token is sent in a place this route does not look at (a cookie, a query parameter, another header).',
    ],
    fix: "Get an access token from {issuers} and send it as 'Authorization: Bearer <token>'.",
  },
  'token.ambiguous': {
    status: 400,
    source: 'client',
    challenge: 'invalid_request',
    title: 'The request carries more than one token',
    causes: [
      'Two Authorization headers: one is often added by a client library, another by hand.',
      'The token is sent in two places at once, such as the header and a cookie.',
      'A cookie or parameter has a name that servers may read as that of the token: other capitals, punctuation or blanks.',
    ],
    fix: 'Send exactly one token, in one place.',
  },
  'token.request': {
    status: 400,
    source: 'client',
    challenge: 'invalid_request',
    title: 'The Authorization header is not well-formed',
    causes: [
      'The variable that should hold the token is empty, so that nothing stands behind the word Bearer.',
      'The word Bearer is there twice, or the token is wrapped in quotes.',
      'More than the token was copied: a comma, a second word, a line break, or the whole JSON of the token response.',
    ],
    fix: "Send 'Authorization: Bearer <token>': the word, one space, the token, and nothing else.",
  },
  'token.malformed': {
    status: 401,
    source: 'client',
    challenge: 'invalid_token',
    title: 'The token is not in a format this API accepts',
    causes: [
      'The token was cut when it was copied, or something was added to it.',
      'It is another kind of token: a refresh token, an API key, an encrypted token.',
      'It was changed on the way: URL-encoded, padded, or wrapped.',
    ],
    fix: 'Copy the whole value of `access_token` from the token response, or request a new one from {issuers}.',
  },
  'token.scheme': {
    status: 401,
    source: 'client',
    challenge: 'bare',
    title: 'The Authorization header uses another scheme than Bearer',
    causes: [
      'The client sends a user name and password (Basic) or another scheme (Digest, Negotiate, DPoP, Token).',
      'A browser or proxy adds credentials of its own.',
    ],
    fix: "Send an access token as 'Authorization: Bearer <token>'; {issuers} issues it.",
  },
  'token.too-large': {
    status: 401,
    source: 'client',
    challenge: 'invalid_token',
    title: 'The token is too long',
    causes: [
      'The issuer puts very many groups, roles or permissions into the token.',
      'Something else than a token was sent.',
    ],
    fix: 'Ask the issuer for a token with fewer claims. Operators: `listen.limits.token` is how long a token may be.',
  },
  'token.algorithm': {
    status: 401,
    source: 'client',
    challenge: 'invalid_token',
    title: 'The token is signed in a way this API does not accept',
    causes: [
      'The issuer signs with an algorithm that is not on the list for it.',
      'The token is not signed at all (alg none), or was made for a test.',
      'The token has a critical header extension that this gateway does not implement.',
    ],
    fix: 'Have the issuer sign with an accepted algorithm, or add its algorithm to `algorithms` of the issuer.',
  },
  'token.key-unknown': {
    status: 401,
    source: 'client',
    challenge: 'invalid_token',
    title: 'The token is signed with a key the issuer does not publish',
    causes: [
      'The issuer has rotated its keys and the token is older than the rotation.',
      'The token comes from another environment (staging, a local issuer) whose issuer name is the same.',
      'The key was published a moment ago and is not known here yet.',
    ],
    fix: ASK_AGAIN,
  },
  'token.signature': {
    status: 401,
    source: 'client',
    challenge: 'invalid_token',
    title: 'The signature of the token does not verify',
    causes: [
      'The token was changed or damaged after it was signed: a character lost or added while copying.',
      'It was signed by somebody else than the issuer it names.',
    ],
    fix: ASK_AGAIN,
  },
  'token.issuer': {
    status: 401,
    source: 'client',
    challenge: 'invalid_token',
    title: 'The token comes from an issuer this API does not accept',
    causes: [
      'The token is from another environment, such as staging, or from another tenant.',
      'The issuer names itself differently: http or https, with or without a slash at the end.',
    ],
    fix: ASK_AGAIN,
  },
  'token.audience': {
    status: 401,
    source: 'client',
    challenge: 'invalid_token',
    title: 'The token was issued for another API',
    causes: [
      'The token was requested without an audience or resource, or with that of another API.',
      'An ID token is used, whose audience is the client.',
    ],
    fix: 'Request a token for the audience of this API from {issuers}.',
  },
  'token.expired': {
    status: 401,
    source: 'client',
    challenge: 'invalid_token',
    title: 'The token has expired',
    causes: [
      'The token is older than its lifetime; the client does not renew it in time.',
      'A clock is wrong: that of the issuer or that of this gateway.',
    ],
    fix: "Request a new token from {issuers} and send it as 'Authorization: Bearer <token>'.",
  },
  'token.not-yet-valid': {
    status: 401,
    source: 'client',
    challenge: 'invalid_token',
    title: 'The token is not valid yet',
    causes: [
      "The clock of the issuer is ahead of this gateway's, or this gateway's is behind.",
      'The token was issued for later use (nbf).',
    ],
    fix: 'Try again when it is valid. If this happens with fresh tokens, set the clocks of the issuer and the gateway (NTP).',
  },
  'token.too-old': {
    status: 401,
    source: 'client',
    challenge: 'invalid_token',
    title: 'The token was issued too long ago for this API',
    causes: ['The token is still valid by its own date, but this API takes only younger ones.'],
    fix: ASK_AGAIN,
  },
  'token.type': {
    status: 401,
    source: 'client',
    challenge: 'invalid_token',
    title: 'This is not an access token',
    causes: [
      'An ID token is sent: it tells a client who signed in, and is no permission for an API.',
      'A refresh token, logout token or other signed token of the issuer is sent.',
      'The token is bound to a key (claim `cnf`: DPoP or mutual TLS), and this gateway does not check proofs of possession.',
    ],
    fix: 'Send the value of `access_token` from the token response of {issuers}, not that of `id_token` or `refresh_token`.',
  },
  'token.claims': {
    status: 401,
    source: 'client',
    challenge: 'invalid_token',
    title: 'The token lacks a required claim, or a claim has the wrong type',
    causes: [
      'The issuer is not set up to put the claim into access tokens.',
      'A date is written as text or a list as a word.',
    ],
    fix: 'Have the claim added or corrected at {issuers}, then request a new token.',
  },
  'token.inactive': {
    status: 401,
    source: 'client',
    challenge: 'invalid_token',
    title: 'The issuer says that the token is not active',
    causes: ['The token was revoked, has expired, or was never issued.'],
    fix: ASK_AGAIN,
  },
  'authorise.scope': {
    status: 403,
    source: 'client',
    challenge: 'insufficient_scope',
    title: 'The token lacks a permission (scope)',
    causes: [
      'The client did not ask for the scope when it requested the token.',
      'The client or user is not allowed to have the scope.',
    ],
    fix: 'Request a token with the scopes named from {issuers}; if it is refused, ask the administrator for them.',
  },
  'authorise.claim': {
    status: 403,
    source: 'client',
    challenge: 'insufficient_scope',
    title: 'The token is valid, but a rule of this route refuses it',
    causes: [
      'The user or client lacks a role, group, tenant or plan that the route asks for.',
      'A claim that the API gets in a header is a number that JavaScript cannot represent exactly (beyond 2^53, or with too many digits).',
    ],
    fix: 'Ask the administrator of the API for the permission, then request a new token from {issuers}.',
  },
  'route.target': {
    status: 400,
    source: 'client',
    challenge: 'none',
    title: 'The path of the request is ambiguous or invalid',
    causes: [
      'The path has dot segments, empty segments, encoded slashes, or characters that have to be encoded.',
      'A client joined two parts of an address and left a double slash.',
    ],
    fix: 'Send the path in its plain form: single slashes, no `.` or `..`, and everything unusual percent-encoded once.',
  },
  'route.not-found': {
    status: 404,
    source: 'client',
    challenge: 'none',
    title: 'There is nothing at this address',
    causes: [
      'The path or the host name is misspelt; paths are case-sensitive.',
      'No route of this gateway covers the path yet.',
    ],
    fix: 'Check the host name and the path.',
  },
  'route.method': {
    status: 405,
    source: 'client',
    challenge: 'none',
    title: 'The address does not take this method',
    causes: ['The request uses another method than those that the routes of this path list.'],
    fix: 'Use one of the methods in the Allow header.',
  },
  'route.upgrade': {
    status: 400,
    source: 'client',
    challenge: 'none',
    title: 'This address does not take connection upgrades',
    causes: [
      'A WebSocket is opened on a route that does not carry WebSockets.',
      'The client asks for WebSocket together with another protocol, or with a version of it.',
      'The request is no opening handshake of a WebSocket (GET, HTTP/1.1, version 13, a key), or it has a body.',
    ],
    fix: 'Send an ordinary request, or have `websocket: true` set on the route.',
  },
  'route.origin': {
    status: 403,
    source: 'client',
    challenge: 'none',
    title: 'Pages of this origin may not send this request',
    causes: [
      'A page of another site sent the request with the cookies of its visitor (cross-site request forgery).',
      'The page belongs to this API, but its origin is not named in `cors.origins` of the route.',
      'The gateway does not know the address that browsers use: the proxy in front is not in `listen.trustedProxies`, and `publicUrl` is not set.',
      'The page has an opaque origin (`null`), such as a sandboxed frame or a local file.',
    ],
    fix: 'Send the token in the Authorization header. Operators: name the origin of the page in `cors.origins`, or set `publicUrl` to the address that browsers use.',
  },
  'request.invalid': {
    status: 400,
    source: 'client',
    challenge: 'none',
    title: 'The request is not valid HTTP',
    causes: [
      'The Host header is absent, doubled or no host name.',
      'The length of the body is given in two ways, or in one that HTTP does not know.',
      'A header name is a spelling variant of one that this gateway sets itself.',
    ],
    fix: 'Send a well-formed HTTP/1.1 request.',
  },
  'request.expectation': {
    status: 417,
    source: 'client',
    challenge: 'none',
    title: 'The Expect header asks for something this gateway does not do',
    causes: ['An Expect header other than 100-continue.'],
    fix: 'Leave the Expect header out.',
  },
  'request.too-large': {
    status: 413,
    source: 'client',
    challenge: 'none',
    title: 'The body of the request is too large',
    causes: ['The body is larger than the route allows.'],
    fix: 'Send less at once.',
  },
  'request.headers-too-large': {
    status: 431,
    source: 'client',
    challenge: 'none',
    title: 'The headers of the request are too large',
    causes: ['Very long cookies, a very long token or a very long address.'],
    fix: 'Send fewer or shorter headers; clearing the cookies of this site often helps.',
  },
  'request.timeout': {
    status: 408,
    source: 'client',
    challenge: 'none',
    title: 'The request did not arrive in time',
    causes: ['The connection is slow or was interrupted before the request was complete.'],
    fix: 'Try again.',
  },
  'verify.keys-unavailable': {
    status: 503,
    source: 'upstream',
    challenge: 'none',
    title: 'Tokens cannot be checked at the moment',
    causes: [
      'The issuer does not answer, so that its keys are not known here.',
      'The gateway has just started and has not reached the issuer yet.',
      'Too many requests are waiting for the keys of the issuer, or for their tokens to be checked.',
    ],
    fix: 'Try again shortly. The token may well be right. Operators: see whether {issuers} can be reached from the gateway.',
  },
  'verify.introspection-unavailable': {
    status: 503,
    source: 'upstream',
    challenge: 'none',
    title: 'Tokens cannot be checked at the moment',
    causes: ['The introspection endpoint of the issuer does not answer, or not in the way RFC 7662 asks for.'],
    fix: 'Try again shortly. The token may well be right. Operators: see whether {issuers} can be reached from the gateway.',
  },
  'forward.unreachable': {
    status: 502,
    source: 'upstream',
    challenge: 'none',
    title: 'The service behind this gateway cannot be reached',
    causes: [
      'It is down, restarting, or its address is wrong.',
      'It closed the connection before it answered.',
      'Its certificate is not trusted, has expired or is for another name.',
    ],
    fix: 'Try again shortly. Operators: see whether the upstream runs and can be reached from the gateway.',
  },
  'forward.invalid-response': {
    status: 502,
    source: 'upstream',
    challenge: 'none',
    title: 'The service behind this gateway gave an answer that is not valid HTTP',
    causes: [
      'It speaks another protocol on that port (HTTPS, gRPC), or breaks off in the middle of its headers.',
      'It accepted a WebSocket with an answer that does not belong to the handshake.',
    ],
    fix: 'Try again shortly. Operators: check the scheme and the port of the upstream.',
  },
  'forward.timeout': {
    status: 504,
    source: 'upstream',
    challenge: 'none',
    title: 'The service behind this gateway did not answer in time',
    causes: ['It is overloaded, or the request takes longer than the time allowed for it.'],
    fix: 'Try again later. Operators: see what the upstream does, or raise `timeouts.response`.',
  },
  'forward.saturated': {
    status: 503,
    source: 'upstream',
    challenge: 'none',
    title: 'Too many requests are waiting for the service behind this gateway',
    causes: ['The service is slower than the requests that come in.'],
    fix: 'Try again shortly. Operators: see what the upstream does, or raise `connections` and `queue`.',
  },
  'gateway.saturated': {
    status: 503,
    source: 'gateway',
    challenge: 'none',
    title: 'This gateway has reached its limit of connections',
    causes: ['The number of open client connections has reached `listen.limits.maxConnections`.'],
    fix: 'Try again shortly. Operators: find out which clients hold connections open, or raise `listen.limits.maxConnections`.',
  },
  'gateway.draining': {
    status: 503,
    source: 'gateway',
    challenge: 'none',
    title: 'This gateway is shutting down',
    causes: ['The instance is being replaced; another one takes over.'],
    fix: 'Try again at once, on a new connection.',
  },
  'gateway.internal': {
    status: 500,
    source: 'gateway',
    challenge: 'none',
    title: 'Something went wrong inside the gateway',
    causes: ['A defect of the gateway. The log line with this request id has the details.'],
    fix: 'Try again, and tell the operator the request id.',
  },
} as const satisfies Record<string, Row>;

export type Code = keyof typeof CATALOGUE;

/** All codes, in the order of the catalogue. */
export const CODES = Object.keys(CATALOGUE) as readonly Code[];

/** The row of a code, in the shape that all rows share. */
export function rowOf(code: Code): Row {
  return CATALOGUE[code];
}

/** Whether a text from outside names a row. */
export function isCode(text: string): text is Code {
  return Object.hasOwn(CATALOGUE, text);
}
