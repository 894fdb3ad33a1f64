import { scopeFault } from '../../src/authorise/rules.ts';
import { challengeFor } from '../../src/errors/challenge.ts';
import { helpFor } from '../../src/errors/help.ts';
import { resourceMetadata } from '../../src/errors/metadata.ts';
import { withoutCredentials, withoutToken } from '../../src/explain/mask.ts';
import { isAddress, readQuestion } from '../../src/explain/question.ts';
import { contentLength, isEventStream, plainReason } from '../../src/forward/answer.ts';
import { Handshake } from '../../src/forward/handshake.ts';
import { HeaderRules } from '../../src/forward/headers.ts';
import { passOnInterim } from '../../src/forward/interim.ts';
import { headerSafe } from '../../src/forward/template.ts';
import { tokenStripper } from '../../src/forward/token.ts';
import { PrettyLines } from '../../src/observe/pretty.ts';
import { isLoopback, unmapped } from '../../src/request/address.ts';
import { clientAddress, readAddress } from '../../src/request/client-address.ts';
import { clientOrigin, ownOrigins } from '../../src/request/client-origin.ts';
import { readBlock } from '../../src/request/field-block.ts';
import { FieldSorter, isTheGateways } from '../../src/request/fields.ts';
import { foldName, isFolded } from '../../src/request/fold.ts';
import { forwardedElements, unquoted } from '../../src/request/forwarded.ts';
import { handshakeFlaw } from '../../src/request/handshake.ts';
import { isAuthority, type RequestHead, readHead } from '../../src/request/head.ts';
import { headBytes, withoutUpgrade } from '../../src/request/head-bytes.ts';
import { readHttp2Head } from '../../src/request/http2.ts';
import { decodeHuffman, mayHoldControls } from '../../src/request/huffman.ts';
import { isUsableId } from '../../src/request/id.ts';
import { listMembers, trimBlanks, trimEndOf } from '../../src/request/lists.ts';
import { traceOf } from '../../src/request/trace.ts';
import { namesWebSocket } from '../../src/request/upgrade.ts';
import { claimOf, isListedSpelling } from '../../src/request/withheld.ts';
import { CorsPolicy, preflightMethod } from '../../src/route/cors.ts';
import { hostName } from '../../src/route/host.ts';
import { ambiguousTarget, canonicalTarget } from '../../src/route/target.ts';
import { readCompact } from '../../src/token/compact.ts';
import { diagnoseField, foreignKind } from '../../src/token/diagnose.ts';
import { hasInexact, parseExactly } from '../../src/token/exact-json.ts';
import { extractToken } from '../../src/token/extract.ts';
import { duplicateMember } from '../../src/token/json.ts';
import { hasLookAlikeCookie, hasLookAlikeParameter } from '../../src/token/look-alike.ts';
import { cookiePairs, decodeForm, queryPairs } from '../../src/token/pairs.ts';
import type { TokenPlace } from '../../src/token/place.ts';
import { holdsToken, isBearer } from '../../src/token/scheme.ts';
import { readSubprotocols } from '../../src/token/subprotocol.ts';
import { claimAt } from '../../src/verify/claim-path.ts';
import { scopesOf } from '../../src/verify/claims.ts';
import { readJwks } from '../../src/verify/jwks.ts';
import { listing, smallDifference } from '../../src/verify/wording.ts';
import { factsOf, routeOf } from '../forward/facts.ts';

// What reads texts of a client, an upstream or an issuer, each with a way to give it one text of any length. Their names are
// those of the module and the function, so that awkward-input.test.ts sees one that is missing.

const PLACES: readonly TokenPlace[] = [
  { kind: 'authorization' },
  { kind: 'cookie', name: 'session' },
  { kind: 'header', name: 'x-access-token' },
  { kind: 'query', name: 'access_token' },
  { kind: 'websocketProtocol', name: 'bearer' },
];
const EVERY_PLACE = [
  'authorization',
  { cookie: 'session' },
  { header: 'X-Access-Token' },
  { query: 'access_token' },
  { websocketProtocol: 'bearer' },
];
const ROUTE = routeOf(
  {
    rewrite: { addPrefix: '/v1' },
    headers: { set: { 'X-User': '{claims.sub}', 'X-Groups': '{claims.groups}' }, remove: ['X-Debug'] },
    auth: { issuers: ['main'], tokenFrom: EVERY_PLACE },
    websocket: true,
  },
  { url: 'http://127.0.0.1:3000', origins: ['http://old.example.com'] },
);
const RULES = new HeaderRules(ROUTE);
const STRIP = tokenStripper(ROUTE);
const SORTER = new FieldSorter(['X-User', 'X-Groups'], ['x-access-token']);
const CORS = new CorsPolicy({
  origins: ['https://app.example.com'],
  methods: ['GET'],
  headers: [],
  credentials: true,
  maxAge: 1000,
});

type Fields = readonly (readonly [name: string, value: string])[];

function rawOf(fields: Fields): string[] {
  return [['Host', 'api.example.com'] as const, ...fields].flat();
}

function read(fields: Fields, url = '/a/b') {
  return readHead({ method: 'GET', url, httpVersion: '1.1', rawHeaders: rawOf(fields) }, SORTER);
}

function headOf(fields: Fields): RequestHead {
  const head = read(fields);
  if (!head.ok) throw new Error(head.fault.detail);
  return head.value;
}

/** The pieces between commas as fields of their own: as many as a head has room for. */
function many(name: string, text: string): Fields {
  return text.split(',', 20_000).map((value) => [name, value] as const);
}

function answer(name: string, value: string): unknown {
  const raw = [name, value].map((text) => Buffer.from(text, 'latin1'));
  return RULES.forClient(raw, factsOf(ROUTE, [], { trusted: true }), '/v1/a');
}

function upstreamSees(fields: Fields): unknown {
  return RULES.forUpstream(factsOf(ROUTE, fields, { trusted: true, claims: { sub: 'a' } }));
}

const asked = (text: string) => ({
  authority: 'api.example.com',
  head: {
    forwarded: ['X-Forwarded-Host', text, 'X-Forwarded-Proto', text, 'Forwarded', text, 'X-Forwarded-Port', text],
  },
  peer: { encrypted: false, trusted: true },
});

const bearing = (text: string) => ({ authorization: [text], headerValues: () => [text] });
const base64 = (text: string) => Buffer.from(text, 'latin1').toString('base64url');
const UPGRADE: Fields = [
  ['Connection', 'Upgrade'],
  ['Upgrade', 'websocket'],
  ['Sec-WebSocket-Version', '13'],
  ['Sec-WebSocket-Key', 'AAAAAAAAAAAAAAAAAAAAAA=='],
];

/** Texts that JSON takes, made of any text. */
const JSON_TEXTS: readonly ((text: string) => string)[] = [
  (text) => JSON.stringify({ sub: text, scope: text, groups: text.split(',', 20_000) }),
  (text) => `{${Array.from({ length: 4000 }, (_, at) => `"${at}":${at}`).join()},"a":${JSON.stringify(text)}}`,
  (text) => `{"a":${'['.repeat(text.length / 16)}${']'.repeat(text.length / 16)}}`,
  (text) => `{"a":${'9'.repeat(text.length)}.${'0'.repeat(100)}1e-7}`,
];

/** By `module function`, or by what is looked at. */
export const PARSERS: Readonly<Record<string, (text: string) => unknown>> = {
  'authorise/rules scopeFault': (text) =>
    scopeFault({ kind: 'all', scopes: ['orders:read'] }, text.split(' '), { scope: text, scp: text }),
  'errors/challenge challengeFor': (text) =>
    challengeFor({ code: 'token.audience' }, text, { metadata: undefined, realm: text }),
  'errors/help helpFor': (text) =>
    helpFor('/.well-known/bearergate/errors', { method: 'GET', headerValues: () => [text] }, () => ({
      style: { publicUrl: undefined, format: 'problem', detail: 'client' },
      ...{ address: 'http://a', adminUrl: 'http://b', issuers: [], guarded: [] },
    })),
  'errors/metadata resourceMetadata': (text) =>
    resourceMetadata(`/${text}`, { publicUrl: 'https://a', issuers: [], guarded: [{ prefix: '/a', scopes: [] }] }),
  'explain/mask withoutCredentials': withoutCredentials,
  'explain/mask withoutToken': (text) => [withoutToken(text, 'abc'), withoutToken(text, text.slice(0, 100))],
  'explain/question isAddress': (text) => [isAddress(text), isAddress(`http://${text}`)],
  'explain/question readQuestion': (text) => readQuestion({ method: 'GET', url: `/${text}`, headers: { a: text } }),
  'forward/answer contentLength': (text) => contentLength(many('Content-Length', text).flat()),
  'forward/answer isEventStream': (text) => [
    isEventStream(['Content-Type', text]),
    isEventStream(['Content-Type', `text/event-stream${text}`]),
  ],
  'forward/answer plainReason': plainReason,
  'forward/handshake Handshake': (text) => new Handshake(headOf([...UPGRADE, ['Sec-WebSocket-Protocol', text]]), ROUTE),
  'forward/interim passOnInterim': (text) =>
    passOnInterim(103, ['Link', text, 'Link', `<a>${text}`], { writeProcessing() {}, writeEarlyHints() {} }),
  'forward/template headerSafe': headerSafe,
  'forward/token tokenStripper': (text) => [STRIP.fromHeader('cookie', text), STRIP.fromQuery(`?${text}`)],
  'observe/pretty PrettyLines': (text) =>
    new PrettyLines({ write() {} } as never, { color: true }).write(
      JSON.stringify({ level: 'info', time: 0, msg: text, path: text, durationMs: 1, method: text, stack: text }),
    ),
  'request/address isLoopback': (text) => [isLoopback(text), isLoopback(`127.${text}`)],
  'request/address unmapped': (text) => [unmapped(text), unmapped(`::ffff:${text}`)],
  'request/client-address clientAddress': (text) => [
    clientAddress('10.0.0.1', ['X-Forwarded-For', text], () => true),
    clientAddress('10.0.0.1', ['Forwarded', text], () => true),
    clientAddress('10.0.0.1', ['Forwarded', `for=${text}`], () => true),
  ],
  'request/client-address readAddress': (text) => [
    readAddress(text),
    readAddress(`[${text}`),
    readAddress(`"${text}"`),
  ],
  'request/client-origin clientOrigin': (text) => clientOrigin(asked(text)),
  'request/client-origin ownOrigins': (text) => ownOrigins(asked(text)),
  'request/field-block readBlock': (text) => {
    const bytes = Buffer.from(text, 'latin1');
    // As it is, and as the values of fields that have their names spelled out.
    const field = Buffer.concat([Buffer.from([0, 1, 0x61, 0x7f, 0x81, 0x07]), bytes.subarray(0, 0x406)]);
    return [readBlock(bytes), readBlock(Buffer.concat(Array(60).fill(field)))];
  },
  'request/huffman decodeHuffman': (text) => decodeHuffman(Buffer.from(text, 'latin1'), 0, text.length),
  'request/huffman mayHoldControls': (text) => mayHoldControls(Buffer.from(text, 'latin1'), 0, text.length),
  'request/fields FieldSorter': (text) => text.split(',', 20_000).map((name) => SORTER.kindOf(name)),
  'request/fields isTheGateways': isTheGateways,
  'request/fold foldName': foldName,
  'request/fold isFolded': (text) => isFolded(text, 0, text),
  'request/handshake handshakeFlaw': (text) =>
    handshakeFlaw(headOf([...UPGRADE.slice(0, 3), ['Sec-WebSocket-Key', text], ['Upgrade', text]])),
  'request/head isAuthority': isAuthority,
  'request/head readHead': (text) => [
    read([['Connection', text]]),
    read([...many('Connection', text), ...many('X-Any', text)]),
    read([['Connection', text], ...text.split(',', 20_000).map((name) => [name, ''] as const)]),
    read([['Via', text]]),
    read([['Via', 'bearergate '.repeat(text.length / 11)]]),
    read([['Transfer-Encoding', text]]),
    read([['Content-Length', text]]),
    read([['X-HTTP-Method-Override', text]]),
    read([['Max-Forwards', text]]),
    read([['Upgrade', text]]),
    read([['TE', text]]),
  ],
  'request/head-bytes headBytes': (text) =>
    headBytes({ method: 'GET', url: '/', httpVersion: '1.1', rawHeaders: rawOf(many('a', text)) }),
  'request/head-bytes withoutUpgrade': (text) =>
    withoutUpgrade({
      method: 'GET',
      url: '/',
      httpVersion: '1.1',
      rawHeaders: rawOf([['Connection', text], ...many('Connection', text)]),
    }),
  'request/http2 readHttp2Head': (text) => [
    readHttp2Head(
      {
        rawHeaders: [
          ':method',
          'GET',
          ':scheme',
          'https',
          ':path',
          '/',
          ':authority',
          'a',
          ...many('cookie', text).flat(),
        ],
        ...{ isTooLarge: false, isMalformed: false, bodyFollows: false },
      },
      SORTER,
    ),
    readHttp2Head(
      {
        rawHeaders: [':method', text, ':scheme', 'https', ':path', text, ':authority', text],
        isTooLarge: false,
        isMalformed: false,
        bodyFollows: false,
      },
      SORTER,
    ),
  ],
  'request/id isUsableId': isUsableId,
  'request/forwarded forwardedElements': (text) => [
    forwardedElements(text),
    forwardedElements(`for="${text}`),
    forwardedElements(`for=${text};host="${text}"`),
  ],
  'request/forwarded unquoted': (text) => [unquoted(text), unquoted(`"${text}"`)],
  'request/lists listMembers': (text) => [listMembers([text]), listMembers(text.split(' '))],
  'request/lists trimBlanks': trimBlanks,
  'request/lists trimEndOf': (text) => trimEndOf(text, '/'),
  'request/trace traceOf': (text) =>
    traceOf(
      headOf([
        ['traceparent', text],
        ['tracestate', text],
      ]),
    ),
  'request/upgrade namesWebSocket': namesWebSocket,
  'request/withheld claimOf': (text) => claimOf(foldName(text)),
  'request/withheld isListedSpelling': (text) => isListedSpelling(text, foldName(text)),
  'route/cors CorsPolicy': (text) => {
    const request = { method: 'OPTIONS', headerValues: () => [text] };
    return [CORS.preflight(request), CORS.headersFor(request)];
  },
  'route/cors preflightMethod': (text) => preflightMethod({ method: 'OPTIONS', headerValues: () => text.split(',') }),
  'route/host hostName': hostName,
  'route/target canonicalTarget': (text) => [
    canonicalTarget(`/${text}`),
    canonicalTarget(`/?${text}`),
    canonicalTarget(`http://${text}`),
    canonicalTarget(`http://a/${text}`),
  ],
  'route/target ambiguousTarget': (text) => {
    const target = canonicalTarget(`/${text}`);
    return target.ok && ambiguousTarget(target.value as never);
  },
  'token/compact readCompact': (text) => [
    readCompact(text),
    readCompact(`ey${text}`),
    readCompact(`${base64('{"alg":"RS256"}')}.${base64(text)}.AA`),
    ...JSON_TEXTS.map((json) => readCompact(`${base64('{"alg":"RS256"}')}.${base64(json(text))}.AA`)),
  ],
  'token/diagnose diagnoseField': (text) => [
    diagnoseField(text),
    diagnoseField(`Bearer ${text}`),
    diagnoseField(`Bearer ey${text}`),
    diagnoseField(`Basic ${text}`),
    diagnoseField(`Basic ${Buffer.from(text, 'latin1').toString('base64')}`),
    diagnoseField(`Bearer eyJhbGciOi.a.b${text}`),
    diagnoseField(`Bearer {"access_token"${text}`),
  ],
  'token/diagnose foreignKind': (text) => [
    foreignKind(text),
    foreignKind(text.replaceAll(' ', 'your-')),
    foreignKind(`ya29.${text}`),
  ],
  'token/exact-json hasInexact': (text) => JSON_TEXTS.map((json) => hasInexact(JSON.parse(json(text)))),
  'token/exact-json parseExactly': (text) => JSON_TEXTS.map((json) => parseExactly(json(text))),
  'token/extract extractToken': (text) => PLACES.map((place) => extractToken(bearing(text), `?${text}`, [place], 8192)),
  'token/json duplicateMember': (text) => JSON_TEXTS.map((json) => duplicateMember(json(text))),
  'token/look-alike hasLookAlikeCookie': (text) => [
    hasLookAlikeCookie([text], 'session'),
    hasLookAlikeCookie([`session${text}`, `=${text}`], 'session'),
  ],
  'token/look-alike hasLookAlikeParameter': (text) => [
    hasLookAlikeParameter(`?${text}`, 'access_token'),
    hasLookAlikeParameter(`?access_token${text}`, 'access_token'),
  ],
  'token/pairs cookiePairs': cookiePairs,
  'token/pairs decodeForm': decodeForm,
  'token/pairs queryPairs': queryPairs,
  'token/scheme holdsToken': holdsToken,
  'token/scheme isBearer': isBearer,
  'token/subprotocol readSubprotocols': (text) => [
    readSubprotocols([text], 'bearer'),
    readSubprotocols(text.split(' '), 'a'),
  ],
  'verify/claim-path claimAt': (text) => claimAt({ a: { b: 'c' }, [text]: 'd' }, 'a.b'),
  'verify/claims scopesOf': (text) => scopesOf({ scope: text }),
  'verify/jwks readJwks': (text) =>
    readJwks({ keys: text.split(',', 5000).map((kid) => ({ kty: 'RSA', kid, n: kid, e: 'AQAB' })) }),
  'verify/wording listing': (text) => listing(text.split(',')),
  'verify/wording smallDifference': (text) => smallDifference(text, [`${text}/`, text.toUpperCase()]),
  'a whole request to an upstream': (text) => [
    upstreamSees([['Cookie', text]]),
    upstreamSees([['X-Forwarded-For', text], ...many('X-Forwarded-For', text)]),
    upstreamSees([['Sec-WebSocket-Protocol', text]]),
    RULES.queryFor(`?${text}`),
  ],
  'claims in headers': (text) => [
    RULES.forUpstream(factsOf(ROUTE, [], { claims: { sub: text, groups: text.split(',') } })),
    RULES.forUpstream(factsOf(ROUTE, [], { claims: { sub: { a: text }, groups: [text, ` ${text} `] } })),
  ],
  'Location of an answer': (text) => [
    answer('Location', text),
    answer('Location', `http://127.0.0.1:3000/${text}`),
    answer('Content-Location', `//${text}`),
  ],
  'Refresh of an answer': (text) => [
    answer('Refresh', text),
    answer('Refresh', `0${text}`),
    answer('Refresh', `0; url="${text}`),
    answer('Refresh', `0;url${text}`),
  ],
  'Set-Cookie of an answer': (text) => [
    answer('Set-Cookie', text),
    answer('Set-Cookie', `a=b; Domain=${text}`),
    answer('Set-Cookie', `a=b; Path=/v1${text}; ${text}`),
  ],
  'Connection of an answer': (text) =>
    RULES.forClient(
      [...[['Connection', text] as const], ...many('Connection', text), ...many('X-Any', text)]
        .flat()
        .map((one) => Buffer.from(one, 'latin1')),
      factsOf(ROUTE, []),
      '/',
    ),
};
