import test, { type ExecutionContext } from 'ava';
import { systemClock } from '../../src/clock.ts';
import { CODES, type Code, rowOf } from '../../src/errors/catalogue.ts';
import { ask, type Question } from '../../src/verify/ask.ts';
import { parseChallenge } from '../support/challenge.ts';
import { type GatewayDescription, requestBytes, startBehind, type TestGateway } from '../support/gateway.ts';
import type { WireHeader } from '../support/http-bytes.ts';
import { accessClaims, makeKey, signToken } from '../support/keys.ts';
import { connectRaw, type RawResponse } from '../support/raw-client.ts';
import type { RecordingUpstream, UpstreamAnswer } from '../support/upstream.ts';

// Every row of the catalogue, reached by a request from outside, and the form of its answer.

const PUBLIC_URL = 'https://api.example.com/shop';
const STRANGER = makeKey('ES256', 'stranger');

type Description = Omit<GatewayDescription, 'upstreams'> & { readonly upstream?: object };

/** How one code is met: the gateway it takes, and who asks for it. */
interface Way {
  readonly gateway?: Description | (() => Description);
  readonly upstream?: UpstreamAnswer;
  readonly ask: (gateway: TestGateway, upstream: RecordingUpstream) => Promise<RawResponse>;
}

const withHeaders =
  (headers: (gateway: TestGateway) => readonly WireHeader[], parts: object = {}) =>
  (gateway: TestGateway) =>
    gateway.ask(requestBytes({ headers: headers(gateway), ...parts }));
const authorization = (value: string) => withHeaders(() => [['Authorization', value]]);
const claims = (over: object, header?: Record<string, unknown>) =>
  withHeaders((gateway) => [['Authorization', `Bearer ${gateway.token({ ...over }, header)}`]]);
const bearer = withHeaders((gateway) => [gateway.bearer()]);
const soon = () => Math.floor(Date.now() / 1000);

const INTROSPECTION = {
  issuer: 'https://old.example.com',
  audience: 'orders-api',
  introspection: { url: 'https://old.example.com/introspect', clientId: 'gw', clientSecret: 'only-for-this-test' },
};
const opaque = (answer: () => Response | Promise<Response>, over: object = {}): Description => ({
  issuers: { opaque: INTROSPECTION },
  defaults: { auth: { issuers: ['opaque'] } },
  options: {
    ask: async (url: string, question: Question) => (url.endsWith('/introspect') ? answer() : ask(url, question)),
    ...over,
  },
});

/**
 * A gateway whose wall clock fails once, behind an answer of its issuer: nothing from outside reaches a defect that is
 * not there.
 */
function withDefect(): Description {
  let armed = false;
  const now = () => {
    if (!armed) return Date.now();
    armed = false;
    throw new Error('a defect, with a secret in its words');
  };
  const answer = () => {
    armed = true;
    return Response.json({ active: true, aud: 'orders-api' });
  };
  return opaque(answer, { clock: { ...systemClock, now } });
}

const WAYS: Readonly<Record<Code, Way>> = {
  'token.missing': { ask: (gateway) => gateway.ask(requestBytes()) },
  'token.ambiguous': { ask: withHeaders((gateway) => [gateway.bearer(), gateway.bearer()]) },
  'token.request': { ask: authorization('Bearer "a.b.c"') },
  'token.malformed': { ask: authorization('Bearer a.b') },
  'token.scheme': { ask: authorization('Basic ZGVtbzpkZW1v') },
  'token.too-large': { ask: authorization(`Bearer ${'a'.repeat(8193)}`) },
  'token.algorithm': { ask: claims({}, { alg: 'HS256' }) },
  'token.key-unknown': {
    ask: withHeaders(({ keyServer }) => [
      ['Authorization', `Bearer ${signToken(STRANGER, accessClaims({ iss: keyServer.issuer }))}`],
    ]),
  },
  'token.signature': {
    ask: withHeaders(({ keyServer, key }) => [
      ['Authorization', `Bearer ${signToken(STRANGER, accessClaims({ iss: keyServer.issuer }), { kid: key.kid })}`],
    ]),
  },
  'token.issuer': { ask: claims({ iss: 'https://other.example.com' }) },
  'token.audience': { ask: claims({ aud: 'somebody "else"\\' }) },
  'token.expired': { ask: claims({ exp: soon() - 8040 }) },
  'token.not-yet-valid': { ask: claims({ nbf: soon() + 600 }) },
  'token.too-old': { gateway: { issuer: { maxTokenAge: '1m' } }, ask: claims({ iat: soon() - 3600 }) },
  'token.type': { ask: claims({ nonce: 'n' }, { typ: 'JWT' }) },
  'token.claims': { ask: claims({ sub: undefined }) },
  'token.inactive': { gateway: opaque(() => Response.json({ active: false })), ask: authorization('Bearer opaque') },
  'authorise.scope': {
    gateway: { routes: [{ id: 'all', match: { path: '/**' }, auth: { scopes: ['orders:write', 'b'] } }] },
    ask: claims({ scope: 'orders:read' }),
  },
  'authorise.claim': {
    gateway: { routes: [{ id: 'all', match: { path: '/**' }, auth: { claims: { tenant: 'acme' } } }] },
    ask: claims({ tenant: 'globex' }),
  },
  'route.target': { ask: (gateway) => gateway.ask(requestBytes({ target: '/a/../b' })) },
  'route.not-found': {
    gateway: { routes: [{ id: 'one', match: { path: '/one' } }] },
    ask: (gateway) => gateway.ask(requestBytes({ target: '/two' })),
  },
  'route.method': {
    gateway: { routes: [{ id: 'one', match: { path: '/', methods: ['PUT'] } }] },
    ask: (gateway) => gateway.ask(requestBytes()),
  },
  'route.upgrade': {
    ask: withHeaders((gateway) => [gateway.bearer(), ['Connection', 'Upgrade'], ['Upgrade', 'websocket']]),
  },
  'route.origin': {
    gateway: { defaults: { auth: { issuers: ['main'], tokenFrom: [{ cookie: 'session' }] } } },
    ask: withHeaders(
      (gateway) => [
        ['Cookie', `session=${gateway.token()}`],
        ['Origin', 'https://evil.example'],
      ],
      { method: 'POST' },
    ),
  },
  'request.invalid': { ask: (gateway) => gateway.ask(requestBytes({ host: undefined })) },
  'request.expectation': { ask: withHeaders(() => [['Expect', 'a miracle']]) },
  'request.too-large': {
    gateway: { routes: [{ id: 'all', match: { path: '/**' }, auth: 'public', maxBody: '1KiB' }] },
    ask: withHeaders(() => [['Content-Length', '2000']], { method: 'POST' }),
  },
  'request.headers-too-large': {
    gateway: { listen: { limits: { headers: '1KiB' } } },
    ask: withHeaders(() => [['X-Long', 'a'.repeat(3000)]]),
  },
  'request.timeout': {
    gateway: { listen: { limits: { headersTimeout: '200ms', requestTimeout: '200ms' } } },
    ask: (gateway) => gateway.ask('GET / HTTP/1.1\r\nHost: api'),
  },
  'verify.keys-unavailable': { gateway: { issuer: { keys: { url: 'http://127.0.0.1:1/jwks' } } }, ask: bearer },
  'verify.introspection-unavailable': {
    gateway: opaque(() => new Response('', { status: 500 })),
    ask: authorization('Bearer opaque'),
  },
  'forward.unreachable': { gateway: { upstream: { url: 'http://127.0.0.1:1' } }, ask: bearer },
  'forward.invalid-response': { upstream: () => 'HELLO\r\n\r\n', ask: bearer },
  'forward.timeout': {
    gateway: { upstream: { timeouts: { response: '200ms' } } },
    upstream: () => undefined,
    ask: bearer,
  },
  'forward.saturated': {
    gateway: { upstream: { connections: 1, queue: 0 } },
    upstream: () => undefined,
    async ask(gateway, upstream) {
      const first = await connectRaw(gateway.port);
      first.write(requestBytes({ headers: [gateway.bearer()] }));
      await upstream.waitForRequests(1);
      const answer = await gateway.ask(requestBytes({ headers: [gateway.bearer()] }));
      first.destroy();
      return answer;
    },
  },
  'gateway.saturated': {
    gateway: { listen: { limits: { maxConnections: 1 } } },
    async ask(gateway) {
      const held = await connectRaw(gateway.port);
      held.write('OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n');
      await held.read();
      const answer = await gateway.ask(requestBytes({ headers: [gateway.bearer()] }));
      held.destroy();
      return answer;
    },
  },
  'gateway.draining': {
    upstream: () => undefined,
    async ask(gateway) {
      // A request that has begun to arrive, and one under way that keeps the gateway from ending.
      const [late, busy] = [await connectRaw(gateway.port), await connectRaw(gateway.port)];
      busy.write(requestBytes({ headers: [gateway.bearer()] }));
      late.write('OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n');
      await late.read();
      const [line = '', rest = ''] = requestBytes().split(/(?<=\r\n)(.*)/s);
      late.write(line);
      await gateway.ask('OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n');
      const drained = gateway.server.drain('SIGTERM', 0);
      await gateway.waitForLine(({ msg }) => String(msg).startsWith('no new requests'));
      late.write(rest);
      const { responses } = await late.read({ until: 2 });
      busy.destroy();
      await drained;
      return responses[1] as RawResponse;
    },
  },
  'gateway.internal': {
    gateway: withDefect,
    ask: authorization('Bearer opaque'),
  },
};

for (const code of CODES) {
  for (const method of code === 'request.timeout' ? ['GET'] : ['GET', 'HEAD']) {
    test(`${code} is reached from outside, and its answer is well-formed (${method})`, async (t) => {
      const { gateway: description, upstream: answering, ask } = WAYS[code];
      const own = typeof description === 'function' ? description() : description;
      const { gateway, upstream } = await startBehind(t, { publicUrl: PUBLIC_URL, ...own }, answering);
      const answer = await ask(method === 'HEAD' ? asHead(gateway) : gateway, upstream);
      // A method that has no body of an answer has none, whatever was refused.
      const isHead = method === 'HEAD' && answer.body === '';
      checkHeaders(t, code, answer);
      if (!isHead) checkProblem(t, code, answer);
      await gateway.waitForLine((line) => line.code === code && line.status === rowOf(code).status);
    });
  }
}

/** The same gateway, asked with HEAD. */
function asHead(gateway: TestGateway): TestGateway {
  const swap = (bytes: string | Buffer) => bytes.toString('latin1').replace(/^GET /, 'HEAD ');
  return { ...gateway, ask: (bytes, options) => gateway.ask(swap(bytes), options) };
}

function checkHeaders(t: ExecutionContext, code: Code, answer: RawResponse): void {
  const { status, challenge } = rowOf(code);
  t.is(answer.status, status);
  t.is(answer.header('cache-control'), 'no-store');
  t.regex(answer.header('x-request-id') ?? '', /^[0-9A-Z]{26}$/);
  t.is(answer.header('content-type'), 'application/problem+json');
  t.regex(answer.header('content-length') ?? '', /^[1-9]\d*$/);
  const names = answer.headers.map(([name]) => name.toLowerCase());
  t.is(new Set(names).size, names.length, 'no header is there twice');
  t.is(answer.header('retry-after') !== undefined, status === 503);
  t.is(answer.header('allow') !== undefined, status === 405);
  const field = answer.header('www-authenticate');
  t.is(field !== undefined, challenge !== 'none');
  if (field === undefined) return;
  const { scheme, parameters } = parseChallenge(field);
  t.is(scheme, 'Bearer');
  t.is(parameters.error, challenge === 'bare' ? undefined : challenge);
  t.is(parameters.error_description !== undefined, challenge !== 'bare');
  t.is(parameters.scope, code === 'authorise.scope' ? 'orders:write b' : undefined);
  const { pathname, origin } = new URL(String(parameters.resource_metadata));
  t.is(origin, 'https://api.example.com');
  t.regex(pathname, /^\/\.well-known\/oauth-protected-resource\/shop(?:\/|$)/);
}

function checkProblem(t: ExecutionContext, code: Code, answer: RawResponse): void {
  t.is(answer.header('content-length'), String(Buffer.byteLength(answer.body, 'latin1')));
  const problem = JSON.parse(answer.body) as Record<string, unknown>;
  t.is(problem.type, `${PUBLIC_URL}/.well-known/bearergate/errors/${code}`);
  t.is(problem.code, code);
  t.is(problem.status, rowOf(code).status);
  t.is(problem.title, rowOf(code).title);
  t.is(problem.instance, `urn:request:${answer.header('x-request-id')}`);
  t.true(typeof problem.fix === 'string' && problem.fix !== '' && !problem.fix.includes('{issuers}'));
  for (const member of Object.values(problem)) t.false(member === null || member === '');
  t.notRegex(answer.body, /\.[jt]s:\d+|node:internal|secret/, 'nothing of the inside');
}
