import { mutate } from './mutate.ts';
import type { Random } from './random.ts';
import type { Tokens } from './tokens.ts';

/** What is done on one connection: these pieces, with pauses between them, and then an end of some kind. */
export interface ClientScript {
  readonly pieces: readonly string[];
  readonly pauses: readonly number[];
  readonly end: 'wait' | 'half-close' | 'destroy' | 'reset';
}

const METHODS = ['GET', 'GET', 'GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE', 'CONNECT', 'PURGE'];

const PLAIN_PATHS = [
  '/orders/1',
  '/orders/1?a=b',
  '/open/a',
  '/admin/users',
  '/files/a;v=1/b%2Fc',
  '/small/x',
  '/me:do',
];

const PATHS = [
  ...[
    '/orders/1',
    '/orders/1?a=b',
    '/open/a',
    '/open/a/b?x=%2e',
    '/admin/users',
    '/files/a;v=1/b%2Fc',
    '/small/x',
    '/',
  ],
  ...['/open/../admin/users', '/open/%2e%2e/admin', '/open/..;/admin', '/open//admin', '/files/..%2fadmin/users'],
  ...['/admin%2Fusers', '/files/%61;x/../admin', '/open/%c3%a9', '/@me', '/%40me', '/me:do', '/me%3Ado', '*'],
  ...['http://api.example.com/orders/2', 'http://evil.example/admin/users', '/admin;x/users', '/%2Fadmin/users'],
  ...[
    '/files;/../admin',
    '/files/%2e/admin',
    '/.well-known/bearergate/errors/token.expired',
    '/a#b',
    '/open/a\\..\\admin',
  ],
];

const HEADERS = [
  ...['Accept: */*', 'Cookie: a=1; b=2', 'X-User-Id: root', 'X_User_Id: root', 'X-Nonce: guess', 'X.Nonce: guess'],
  ...[
    'Connection: X-User-Id, X-Nonce',
    'Connection: close',
    'Connection: keep-alive',
    'X-Permit: admin x',
    'TE: trailers',
  ],
  ...['Expect: 100-continue', 'Upgrade: websocket\r\nConnection: upgrade', 'Upgrade: h2c', 'X-Forwarded-For: 1.2.3.4'],
  ...['X-HTTP-Method-Override: DELETE', 'X-Original-URL: /admin/users', 'Via: 1.1 bearergate', 'Max-Forwards: 0'],
  ...['Range: bytes=0-1', 'Trailer: X-User-Id', 'X-Request-Id: chosen', 'Content-Type: application/json', 'Proxy: x'],
];

/** Texts that mean something to a parser of requests. */
const WORDS = [
  ...[
    '\r\n',
    '\n',
    '\r',
    '\r\n\r\n',
    '\0',
    ' ',
    '\t',
    ';',
    ':',
    ',',
    '%',
    '#',
    '?',
    '@',
    '\\',
    '//',
    '..',
    '\x7f',
    '\xff',
  ],
  ...[
    '%2e',
    '%2F',
    '%5c',
    '%00',
    '%252f',
    '%3B',
    '%40',
    '0\r\n\r\n',
    '5\r\n',
    'HTTP/1.0',
    'HTTP/2.0',
    'GET / HTTP/1.1\r\n',
  ],
  ...[
    'Transfer-Encoding: chunked\r\n',
    'Transfer-Encoding: gzip\r\n',
    'Content-Length: 5\r\n',
    'Content-Length: 0\r\n',
  ],
  ...[
    'Host: evil.example\r\n',
    'Authorization: Bearer x\r\n',
    'Authorization: Basic eDp5\r\n',
    'Content_Length: 9\r\n',
  ],
  ...HEADERS.map((header) => `${header}\r\n`),
];

/** One connection of a client; `number` is told to the upstream in X-Case, so that it answers as this case wants. */
export function clientScript(random: Random, tokens: Tokens, number: number): ClientScript {
  let bytes = '';
  for (let count = random.chance(0.25) ? 1 + random.below(4) : 1; count > 0; count -= 1) {
    const request = oneRequest(random, tokens, number);
    bytes += random.chance(0.5) ? mutate(random, request, WORDS, random.chance(0.7) ? 1 : 4) : request;
  }
  const cuts = random.chance(0.4) ? Array.from({ length: 1 + random.below(3) }, () => random.below(bytes.length)) : [];
  const places = [0, ...cuts.sort((one, other) => one - other), bytes.length];
  const pieces = places.slice(1).map((end, index) => bytes.slice(places[index], end));
  const end = random.chance(0.6) ? 'wait' : random.pick(['half-close', 'destroy', 'reset'] as const);
  if (end !== 'wait' && random.chance(0.4)) pieces.length = 1 + random.below(pieces.length);
  return { pieces, pauses: pieces.map(() => random.below(random.chance(0.1) ? 40 : 4)), end };
}

function oneRequest(random: Random, tokens: Tokens, number: number): string {
  const method = random.pick(METHODS);
  const lines = [
    `${method} ${random.pick(random.chance(0.5) ? PLAIN_PATHS : PATHS)} HTTP/1.1`,
    'Host: api.example.com',
    `X-Case: ${number}`,
  ];
  if (random.chance(0.8)) lines.push(`Authorization: Bearer ${tokens.some(random)}`);
  for (let count = random.below(4); count > 0; count -= 1) lines.push(random.pick(HEADERS));
  const body = random.chance(0.4) ? bodyOf(random) : '';
  if (body === '') return `${lines.join('\r\n')}\r\n\r\n`;
  if (random.chance(0.5)) return `${lines.join('\r\n')}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  return `${lines.join('\r\n')}\r\nTransfer-Encoding: chunked\r\n\r\n${chunked(random, body)}`;
}

function bodyOf(random: Random): string {
  const inner = 'GET /admin/users HTTP/1.1\r\nHost: api.example.com\r\nX-User-Id: root\r\n\r\n';
  return random.pick(['hello', inner, `0\r\n\r\n${inner}`, 'x'.repeat(random.below(70_000)), '{"a":1}']);
}

function chunked(random: Random, body: string): string {
  const size = 1 + random.below(body.length);
  let text = '';
  for (let at = 0; at < body.length; at += size) {
    const piece = body.slice(at, at + size);
    text += `${piece.length.toString(16)}${random.chance(0.1) ? ';a=b' : ''}\r\n${piece}\r\n`;
  }
  return `${text}0\r\n${random.chance(0.2) ? 'X-User-Id: root\r\n' : ''}\r\n`;
}
