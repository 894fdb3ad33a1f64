import { sign } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import test, { type ExecutionContext } from 'ava';
import type { Outcome } from '../../../src/outcome.ts';
import { RawToken } from '../../../src/token/raw-token.ts';
import { ask } from '../../../src/verify/ask.ts';
import { TokenCache } from '../../../src/verify/cache.ts';
import { CachedVerifier } from '../../../src/verify/cached.ts';
import { IntrospectionVerifier } from '../../../src/verify/kinds/introspection.ts';
import type { IntrospectionSettings, OpaqueIssuerSettings } from '../../../src/verify/settings.ts';
import type { IssuerVerifier, Verified } from '../../../src/verify/verifier.ts';
import { FakeClock } from '../../support/clock.ts';
import { type CountingVerifier, inlineVerifier, type issuerSettings } from '../../support/issuers.ts';
import { accessClaims, compactToken, makeKey, signToken } from '../../support/keys.ts';
import { closeNow, listenOnLoopback } from '../../support/listen.ts';

const ISS = 'https://legacy-login.example.com';
const TOKEN = 'opaque-Token_1~2+3/4==';
const KEY = makeKey('ES256', 'k1');
const MiB = 1024 * 1024;

/** A question that reached the endpoint. */
interface Asked {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly authorization: string | undefined;
  readonly type: string | undefined;
  readonly form: URLSearchParams;
}

type Answer = (response: ServerResponse, asked: Asked) => void;

/** An endpoint that says what the test tells it to, and writes down what it was asked. */
async function endpoint(t: ExecutionContext) {
  const asked: Asked[] = [];
  let answer: Answer = (response) => response.end('{"active":false}');
  const server = createServer(async (request: IncomingMessage, response) => {
    const { method, url, headers } = request;
    const form = new URLSearchParams(Buffer.concat(await request.toArray()).toString());
    asked.push({ method, url, authorization: headers.authorization, type: headers['content-type'], form });
    answer(response, asked.at(-1) as Asked);
  });
  const { url } = await listenOnLoopback(server);
  t.teardown(() => closeNow(server));
  return {
    url: `${url}/introspect`,
    asked,
    act: (next: Answer) => {
      answer = next;
    },
    say: (document: unknown) => {
      answer = (response) => response.end(typeof document === 'string' ? document : JSON.stringify(document));
    },
    close: () => closeNow(server),
  };
}

async function world(
  t: ExecutionContext,
  over: Partial<OpaqueIssuerSettings> = {},
  how: Partial<IntrospectionSettings> = {},
) {
  const clock = new FakeClock();
  const server = await endpoint(t);
  const introspection: IntrospectionSettings = {
    url: server.url,
    clientId: 'gw',
    clientSecret: 'gateway-secret',
    auth: 'basic',
    allowHttp: false,
    cacheFor: 60_000,
    timeout: 10_000,
    ...how,
  };
  const settings: OpaqueIssuerSettings = {
    name: 'opaque',
    issuer: ISS,
    audience: ['orders-api'],
    clockTolerance: 30_000,
    maxTokenAge: undefined,
    requiredClaims: [],
    ...over,
    introspection,
  };
  const cache = new TokenCache({ maxEntries: 100, maxAge: 300_000, rejectedFor: 10_000 });
  const opaque = new IntrospectionVerifier(settings, ask);
  const another = (more: Partial<OpaqueIssuerSettings>) => new IntrospectionVerifier({ ...settings, ...more }, ask);
  const by = (...issuers: IssuerVerifier[]) => new CachedVerifier(issuers, cache, clock.now);
  const verifier = by(opaque);
  const verify = (token: string = TOKEN, through = verifier) => through.verify(new RawToken(token), clock.now());
  const seconds = (offset = 0) => Math.floor(clock.now() / 1000) + offset;
  const active = (more: Record<string, unknown> = {}) => ({ active: true, aud: 'orders-api', sub: 'user-1', ...more });
  return { clock, server, cache, opaque, another, by, verify, seconds, active };
}

function told(outcome: Outcome<Verified>): string {
  return outcome.ok ? 'accepted' : outcome.fault.code;
}

test.serial('the token is asked about by POST, in a form, and the client says who it is by Basic', async (t) => {
  const { server, verify, active } = await world(t);
  server.say(active({ scope: 'orders:read orders:write', iss: ISS }));
  const outcome = await verify();
  t.true(outcome.ok);
  if (outcome.ok) {
    t.deepEqual(outcome.value.scopes, ['orders:read', 'orders:write']);
    t.like(outcome.value.claims, { sub: 'user-1', active: true });
    t.is(outcome.value.issuer.name, 'opaque');
  }
  const [asked] = server.asked;
  t.like(asked, { method: 'POST', url: '/introspect' });
  t.regex(asked?.type ?? '', /^application\/x-www-form-urlencoded/);
  t.deepEqual(
    [...(asked?.form ?? [])],
    [
      ['token', TOKEN],
      ['token_type_hint', 'access_token'],
    ],
  );
  t.is(asked?.authorization, `Basic ${Buffer.from('gw:gateway-secret').toString('base64')}`);
});

test.serial('by `post` the client stands in the form and nowhere else', async (t) => {
  const { server, verify, active } = await world(t, {}, { auth: 'post' });
  server.say(active());
  t.is(told(await verify()), 'accepted');
  const [asked] = server.asked;
  t.is(asked?.authorization, undefined);
  t.is(asked?.form.get('client_id'), 'gw');
  t.is(asked?.form.get('client_secret'), 'gateway-secret');
});

for (const auth of ['basic', 'post'] as const) {
  test.serial(
    `a client with every kind of character says who it is as RFC 6749 2.3.1 encodes it, by ${auth}`,
    async (t) => {
      const [clientId, clientSecret] = ['https://gw:8080/ä', 'p:a%s s&w=o+r/d€'];
      const { server, verify, active } = await world(t, {}, { auth, clientId, clientSecret });
      server.say(active());
      t.is(told(await verify()), 'accepted');
      const [asked] = server.asked;
      const decode = (text = '') => new URLSearchParams(`x=${text}`).get('x');
      const seen =
        auth === 'post'
          ? [asked?.form.get('client_id'), asked?.form.get('client_secret')]
          : Buffer.from(asked?.authorization?.slice('Basic '.length) ?? '', 'base64')
              .toString()
              .split(':')
              .map(decode);
      t.deepEqual(seen, [clientId, clientSecret]);
    },
  );
}

/** Every member of RFC 7662 §2.2 but `active` and `aud`, and the two more that are looked at. */
const ALL_NULL = Object.fromEntries(
  ['scope', 'scp', 'client_id', 'username', 'token_type', 'exp', 'iat', 'nbf', 'sub', 'iss', 'jti'].map((name) => [
    name,
    null,
  ]),
);

/** What an endpoint may say of a token, and what comes of it. */
const ANSWERS: readonly (readonly [
  title: string,
  document: (seconds: number) => unknown,
  code: string,
  over?: Partial<OpaqueIssuerSettings>,
])[] = [
  ['active alone and our audience', () => ({ active: true, aud: 'orders-api' }), 'accepted'],
  ['active false', () => ({ active: false, aud: 'orders-api' }), 'token.inactive'],
  ['no active', () => ({ aud: 'orders-api' }), 'verify.introspection-unavailable'],
  ['active "true"', () => ({ active: 'true', aud: 'orders-api' }), 'verify.introspection-unavailable'],
  ['active "false"', () => ({ active: 'false' }), 'verify.introspection-unavailable'],
  ['active 1', () => ({ active: 1, aud: 'orders-api' }), 'verify.introspection-unavailable'],
  ['active 0', () => ({ active: 0 }), 'verify.introspection-unavailable'],
  ['active null', () => ({ active: null }), 'verify.introspection-unavailable'],
  ['active in a list', () => ({ active: [true], aud: 'orders-api' }), 'verify.introspection-unavailable'],
  [
    'active of a prototype',
    () => '{"__proto__":{"active":true,"aud":"orders-api"}}',
    'verify.introspection-unavailable',
  ],
  ['a list', () => [{ active: true, aud: 'orders-api' }], 'verify.introspection-unavailable'],
  ['true', () => 'true', 'verify.introspection-unavailable'],
  ['null', () => 'null', 'verify.introspection-unavailable'],
  ['nothing', () => '', 'verify.introspection-unavailable'],
  ['HTML', () => '<!doctype html><title>Log in</title>', 'verify.introspection-unavailable'],
  ['half an answer', () => '{"active":true,"aud":"orders-api"', 'verify.introspection-unavailable'],
  ['our iss', () => ({ active: true, aud: 'orders-api', iss: ISS }), 'accepted'],
  ['another iss', () => ({ active: true, aud: 'orders-api', iss: `${ISS}/` }), 'token.issuer'],
  ['an iss that is a list', () => ({ active: true, aud: 'orders-api', iss: [ISS] }), 'token.issuer'],
  ['null for whatever the token has not', () => ({ active: true, aud: 'orders-api', ...ALL_NULL }), 'accepted'],
  ['an aud that is null', () => ({ active: true, aud: null }), 'token.audience'],
  [
    'null for a claim that is required',
    () => ({ active: true, aud: 'orders-api', sub: null }),
    'token.claims',
    { requiredClaims: ['sub'] },
  ],
  [
    'null for the date that a maximum age needs',
    () => ({ active: true, aud: 'orders-api', iat: null }),
    'token.claims',
    { maxTokenAge: 60_000 },
  ],
  ['no aud', () => ({ active: true }), 'token.audience'],
  ['another aud', () => ({ active: true, aud: 'stock-api' }), 'token.audience'],
  ['an aud that begins like ours', () => ({ active: true, aud: 'orders-api2' }), 'token.audience'],
  ['an empty list as aud', () => ({ active: true, aud: [] }), 'token.audience'],
  ['our aud among others', () => ({ active: true, aud: ['stock-api', 'orders-api'] }), 'accepted'],
  ['an aud that is a number', () => ({ active: true, aud: 7 }), 'token.claims'],
  ['the type Bearer', () => ({ active: true, aud: 'orders-api', token_type: 'Bearer' }), 'accepted'],
  ['the type access_token', () => ({ active: true, aud: 'orders-api', token_type: 'access_token' }), 'accepted'],
  ['the type DPoP', () => ({ active: true, aud: 'orders-api', token_type: 'DPoP' }), 'token.type'],
  ['a binding', () => ({ active: true, aud: 'orders-api', cnf: { jkt: 'a' } }), 'token.type'],
  [
    'a binding of a bearer token',
    () => ({ active: true, aud: 'orders-api', token_type: 'Bearer', cnf: {} }),
    'token.type',
  ],
  ['a binding that is null', () => ({ active: true, aud: 'orders-api', cnf: null }), 'accepted'],
  ['the type refresh_token', () => ({ active: true, aud: 'orders-api', token_type: 'refresh_token' }), 'token.type'],
  ['a type that is no text', () => ({ active: true, aud: 'orders-api', token_type: ['Bearer'] }), 'token.type'],
  ['exp in the past', (now) => ({ active: true, aud: 'orders-api', exp: now - 30 }), 'token.expired'],
  ['exp within the tolerance', (now) => ({ active: true, aud: 'orders-api', exp: now - 29 }), 'accepted'],
  ['exp in milliseconds', (now) => ({ active: true, aud: 'orders-api', exp: now * 1000 }), 'token.claims'],
  ['exp as text', (now) => ({ active: true, aud: 'orders-api', exp: String(now + 60) }), 'token.claims'],
  ['exp beyond numbers', () => '{"active":true,"aud":"orders-api","exp":1e999}', 'token.claims'],
  ['nbf in the future', (now) => ({ active: true, aud: 'orders-api', nbf: now + 31 }), 'token.not-yet-valid'],
  ['iat in the future', (now) => ({ active: true, aud: 'orders-api', iat: now + 31 }), 'token.not-yet-valid'],
  [
    'an iat too long ago',
    (now) => ({ active: true, aud: 'orders-api', iat: now - 91 }),
    'token.too-old',
    { maxTokenAge: 60_000 },
  ],
  ['no iat where age counts', () => ({ active: true, aud: 'orders-api' }), 'token.claims', { maxTokenAge: 60_000 }],
  [
    'no sub where it is required',
    () => ({ active: true, aud: 'orders-api' }),
    'token.claims',
    { requiredClaims: ['sub'] },
  ],
  ['a sub that is a number', () => ({ active: true, aud: 'orders-api', sub: 7 }), 'token.claims'],
  ['a scope that is a list', () => ({ active: true, aud: 'orders-api', scope: ['orders:read'] }), 'accepted'],
  [
    'a scope that is a list of more than texts',
    () => ({ active: true, aud: 'orders-api', scope: ['a', 7] }),
    'token.claims',
  ],
];

for (const [title, document, code, over] of ANSWERS) {
  test.serial(`an answer with ${title}: ${code}`, async (t) => {
    const { server, verify, seconds, cache } = await world(t, over);
    server.say(document(seconds()));
    const outcome = await verify();
    t.is(told(outcome), code);
    t.is(server.asked.length, 1);
    if (code === 'verify.introspection-unavailable') {
      t.like(outcome, { ok: false, fault: { retryAfter: 5 } });
      t.is(cache.size, 0);
      server.say({ active: true, aud: 'orders-api' });
      t.is(told(await verify()), 'accepted', 'an outage is not remembered');
    }
  });
}

/** How an endpoint can fail, and what is said of it in the log. */
const FAILURES: readonly (readonly [how: string, cause: RegExp, act: Answer])[] = [
  [
    'refuses our password',
    /answered 401$/,
    (response) => void response.writeHead(401).end('{"error":"invalid_client"}'),
  ],
  [
    'answers 403 with an active token',
    /answered 403$/,
    (response) => void response.writeHead(403).end('{"active":true}'),
  ],
  [
    'answers 201',
    /answered 201$/,
    (response) => void response.writeHead(201).end('{"active":true,"aud":"orders-api"}'),
  ],
  ['answers 500', /answered 500$/, (response) => void response.writeHead(500).end('oh')],
  ['redirects', /answered 307$/, (response) => void response.writeHead(307, { location: '/elsewhere' }).end()],
  ['hangs before its answer', /did not answer within 1000 ms$/, () => {}],
  [
    'hangs in the middle of its answer',
    /did not answer within 1000 ms$/,
    (response) => void response.write('{"active":true,'),
  ],
  ['resets the connection', /could not be fetched: /, (response) => void response.socket?.resetAndDestroy()],
  [
    'answers 64 MiB',
    /answered more than 524288 bytes$/,
    (response) => void response.end(`{"active":true,"aud":"orders-api","padding":"${'x'.repeat(64 * MiB)}"}`),
  ],
  [
    'answers text that is no UTF-8',
    /could not be fetched|did not answer JSON/,
    (response) => void response.end(Buffer.from('{"active":true,"aud":"orders-api","sub":"\xe4"}', 'latin1')),
  ],
];

for (const [how, cause, act] of FAILURES) {
  test.serial(
    `an endpoint that ${how} is an outage and neither a yes nor a no; the cause does not tell the token or the secret`,
    async (t) => {
      const timeout = how.startsWith('hangs') ? 1_000 : 10_000;
      const { server, verify, active } = await world(t, {}, { timeout });
      server.act(act);
      const outcome = await verify();
      t.is(told(outcome), 'verify.introspection-unavailable');
      if (outcome.ok) return;
      const { cause: reason, ...public_ } = outcome.fault;
      t.regex((reason as Error).message, cause);
      t.regex((reason as Error).message, /^http:\/\/127\.0\.0\.1:\d+\/introspect /);
      t.deepEqual(public_, {
        code: 'verify.introspection-unavailable',
        detail: `${ISS} could not be asked about the token.`,
        retryAfter: 5,
      });
      t.is(server.asked.length, 1, 'one question, and nobody else is asked');
      server.say(active());
      t.is(told(await verify()), 'accepted');
    },
  );
}

test.serial('an endpoint that is not there is an outage', async (t) => {
  const { server, verify } = await world(t);
  await server.close();
  const outcome = await verify();
  t.like(outcome, { ok: false, fault: { code: 'verify.introspection-unavailable', retryAfter: 5 } });
});

test.serial('the same token 100 times at once is asked about once, and then remembered', async (t) => {
  const { server, verify, active } = await world(t);
  server.say(active());
  const outcomes = await Promise.all(Array.from({ length: 100 }, () => verify()));
  t.deepEqual([...new Set(outcomes.map(told))], ['accepted']);
  t.is(server.asked.length, 1);
  t.false(verify() instanceof Promise);
});

test.serial('100 tokens at once are 100 questions, of which none is mixed up and no listener leaks', async (t) => {
  const { server, verify } = await world(t);
  const warnings: Error[] = [];
  const hear = (warning: Error) => void warnings.push(warning);
  process.on('warning', hear);
  server.act((response, { form }) => {
    const token = form.get('token') ?? '';
    response.end(JSON.stringify({ active: !token.endsWith('7'), aud: 'orders-api', sub: token }));
  });
  const outcomes = await Promise.all(Array.from({ length: 100 }, (_, at) => verify(`token-${at}`)));
  for (const [at, outcome] of outcomes.entries()) {
    t.is(told(outcome), at % 10 === 7 ? 'token.inactive' : 'accepted');
    if (outcome.ok) t.is(outcome.value.claims.sub, `token-${at}`);
  }
  await new Promise((resolve) => setImmediate(resolve));
  process.off('warning', hear);
  t.deepEqual(
    warnings.filter(({ name }) => name === 'MaxListenersExceededWarning'),
    [],
  );
});

test.serial('an answer is used for `cacheFor`, and then asked for again', async (t) => {
  const { server, clock, verify, active } = await world(t);
  server.say(active());
  t.is(told(await verify()), 'accepted');
  clock.jump(59_999);
  t.false(verify() instanceof Promise);
  clock.jump(1);
  server.say({ active: false });
  t.is(told(await verify()), 'token.inactive');
  t.is(server.asked.length, 2);
});

test.serial('an answer is never used beyond `exp`, not even within the tolerance of clocks', async (t) => {
  const { server, clock, verify, active, seconds } = await world(t);
  server.say(active({ exp: seconds(10) }));
  t.is(told(await verify()), 'accepted');
  clock.jump(9_999);
  t.false(verify() instanceof Promise);
  clock.jump(1);
  server.say({ active: false });
  t.is(told(await verify()), 'token.inactive');
  t.is(server.asked.length, 2);
});

test.serial('a token that has expired, but for the tolerance, is asked about each time', async (t) => {
  const { server, verify, active, seconds, cache } = await world(t);
  server.say(active({ exp: seconds(-5) }));
  for (let count = 1; count <= 3; count += 1) {
    t.is(told(await verify()), 'accepted');
    t.is(server.asked.length, count);
  }
  t.is(cache.size, 0);
});

test.serial('an answer is not used once the clock has gone back behind it', async (t) => {
  const { server, clock, verify, active } = await world(t);
  server.say(active());
  t.is(told(await verify()), 'accepted');
  clock.jump(-1);
  server.say({ active: false });
  t.is(told(await verify()), 'token.inactive', 'else a clock that is set back would stretch `cacheFor`');
  t.is(server.asked.length, 2);
});

test.serial('a remembered answer becomes too old by `maxTokenAge` without being asked for again', async (t) => {
  const { server, clock, verify, active, seconds } = await world(t, { maxTokenAge: 60_000, clockTolerance: 0 });
  server.say(active({ iat: seconds(-30) }));
  t.is(told(await verify()), 'accepted');
  clock.jump(30_000);
  t.is(told(await verify()), 'accepted');
  clock.jump(1_000);
  t.is(told(await verify()), 'token.too-old');
  t.is(server.asked.length, 1);
});

test.serial('with `cacheFor: 0s` every request is a question', async (t) => {
  const { server, verify, active } = await world(t, {}, { cacheFor: 0 });
  server.say(active());
  t.is(told(await verify()), 'accepted');
  t.is(told(await verify()), 'accepted');
  t.is(server.asked.length, 2);
});

test.serial('in an outage, what is remembered goes on for `cacheFor` and no longer', async (t) => {
  const { server, clock, verify, active } = await world(t);
  server.say(active());
  t.is(told(await verify()), 'accepted');
  await server.close();
  clock.jump(59_999);
  t.is(told(await verify()), 'accepted');
  clock.jump(1);
  t.is(told(await verify()), 'verify.introspection-unavailable');
});

for (const [code, answer] of [
  ['token.inactive', { active: false }],
  ['token.audience', { active: true, aud: 'x' }],
  ['token.issuer', { active: true, aud: 'orders-api', iss: 'https://x.example.com' }],
  ['token.type', { active: true, aud: 'orders-api', token_type: 'DPoP' }],
] as const) {
  test.serial(`a refusal for ${code} is remembered: the issuer is not asked again`, async (t) => {
    const { server, verify, cache } = await world(t);
    server.say(answer);
    t.is(told(await verify()), code);
    t.is(told(await verify()), code);
    t.is(server.asked.length, 1);
    t.is(cache.counts.refusedHit, 1);
  });
}

test.serial(
  'a refusal or a yes of one route is no answer for one whose issuer is stricter, nor the other way',
  async (t) => {
    const { server, by, opaque, another, verify, active } = await world(t);
    const stock = by(another({ name: 'stock', audience: ['stock-api'] }));
    const strict = by(another({ name: 'strict', requiredClaims: ['tenant'] }));
    const orders = by(opaque);
    server.say(active());
    for (let round = 0; round < 2; round += 1) {
      t.is(told(await verify(TOKEN, stock)), 'token.audience');
      t.is(told(await verify(TOKEN, orders)), 'accepted');
      t.is(told(await verify(TOKEN, strict)), 'token.claims');
      t.is(told(await verify(TOKEN, orders)), 'accepted');
    }
  },
);

// Routes with an issuer of JWTs beside the one of opaque tokens.

const HOME = 'https://login.example.com';

/** A verifier of JWTs, and what it was asked to prove. */
async function mixed(t: ExecutionContext, over: Parameters<typeof issuerSettings>[0] = {}) {
  const all = await world(t);
  const jwt: CountingVerifier = await inlineVerifier([KEY], all.clock, over);
  all.server.say(all.active());
  const claims = (more: Record<string, unknown> = {}) => accessClaims({ iss: HOME, ...more }, all.clock.now());
  return { ...all, jwt, claims, routes: [all.by(jwt, all.opaque), all.by(all.opaque, jwt)] };
}

test.serial(
  'a JWT is proved by its keys and an opaque token is asked about, in whatever order the issuers stand',
  async (t) => {
    const { routes, verify, server, jwt, claims } = await mixed(t);
    for (const [count, route] of routes.entries()) {
      t.is(told(await verify(signToken(KEY, claims()), route)), 'accepted');
      t.is(server.asked.length, count);
      t.is(told(await verify(`opaque-${count}`, route)), 'accepted');
      t.is(server.asked.length, count + 1);
      t.is(jwt.proofs, count + 1);
    }
  },
);

/** Headers that mean the same, as JSON can be written. All but the first do not begin with `eyJ`. */
const SPELLINGS = [
  '{"alg":"ES256","typ":"at+jwt","kid":"k1"}',
  '{ "alg":"ES256","typ":"at+jwt","kid":"k1"}',
  '{\n  "alg": "ES256",\n  "typ": "at+jwt",\n  "kid": "k1"\n}',
  '{\r\n"alg":"ES256","typ":"at+jwt","kid":"k1"}',
  '{\t"alg":"ES256","typ":"at+jwt","kid":"k1"}',
  ' {"alg":"ES256","typ":"at+jwt","kid":"k1"}',
  '\n\n\t {"alg":"ES256","typ":"at+jwt","kid":"k1"}',
];

for (const header of SPELLINGS) {
  test.serial(
    `a JWT is known by its header, however that is spelled, and is not shown to the other issuer: ${JSON.stringify(header)}`,
    async (t) => {
      const { routes, verify, server, claims } = await mixed(t);
      const token = compactToken(header, JSON.stringify(claims()), (input) =>
        sign('sha256', input, { key: KEY.privateKey, dsaEncoding: 'ieee-p1363' }),
      );
      for (const route of routes) t.is(told(await verify(token, route)), 'accepted');
      t.is(server.asked.length, 0);
    },
  );
}

const BROKEN: readonly (readonly [title: string, spoil: (token: string) => string])[] = [
  ['cut in its signature', (token) => token.slice(0, -1)],
  ['with its signature cut off', (token) => token.slice(0, token.lastIndexOf('.') + 1)],
  ['cut in its payload', (token) => token.slice(0, token.lastIndexOf('.') - 5)],
  ['with a dot behind it', (token) => `${token}.`],
  ['with another part behind it', (token) => `${token}.x`],
  ['with four parts behind it', (token) => `${token}.a.b.c.d`],
  ['with padding', (token) => `${token}==`],
  ['with a payload that is no JSON', (token) => token.replace(/\..*\./, '.AAAA.')],
  ['of three parts that begin with ey', () => 'eyX.Y.Z'],
  ['of an empty header', () => 'e30.e30.AA'],
];

for (const [title, spoil] of BROKEN) {
  test.serial(`a broken JWT is token.malformed or names no issuer, and is sent nowhere: ${title}`, async (t) => {
    const { routes, verify, server, jwt, claims, by, opaque } = await mixed(t);
    const token = spoil(signToken(KEY, claims()));
    for (const route of [...routes, by(opaque)]) {
      const code = told(await verify(token, route));
      t.is(code, title === 'of an empty header' ? 'token.claims' : 'token.malformed');
    }
    t.is(server.asked.length, 0);
    t.is(jwt.proofs, 0);
  });
}

for (const [title, token] of [
  ['one word', 'SlAV32hkKG'],
  ['one word that begins like a JWT', 'eyJhbGciOiJFUzI1NiJ9'],
  ['a UUID', '8d8a1e4c-5c0e-4d0e-9d8c-2f6c5f1d7a11'],
  ['a word with a dot', 'ya29.a0AfH6SMBx'],
  ['three parts that are no JWT', 'ya29.abc.def'],
  ['PASETO', 'v4.local.AAAAAAAAAAAAAAAA'],
  ['five parts: encrypted', `${Buffer.from('{"alg":"dir","enc":"A256GCM"}').toString('base64url')}..AAAA.BBBB.CCCC`],
] as const) {
  test.serial(`a token that is no JWT is asked about and touches no key: ${title}`, async (t) => {
    const { routes, verify, server, jwt } = await mixed(t);
    for (const route of routes) t.is(told(await verify(token, route)), 'accepted');
    t.is(server.asked.length, 1, 'once: the issuer is the same on both routes');
    t.is(server.asked[0]?.form.get('token'), token);
    t.is(jwt.proofs, 0);
  });
}

test.serial('a JWT whose iss is the one that is asked is asked about; of anybody else it is not', async (t) => {
  const { routes, verify, server, claims, by, opaque } = await mixed(t);
  const own = signToken(KEY, claims({ iss: ISS }));
  for (const route of [...routes, by(opaque)]) t.is(told(await verify(own, route)), 'accepted');
  t.is(server.asked.length, 1);
  for (const iss of ['https://x.example.com', `${ISS}/`, ISS.toUpperCase()])
    t.is(told(await verify(signToken(KEY, claims({ iss })), routes[0])), 'token.issuer');
  t.is(told(await verify(signToken(KEY, claims()), by(opaque))), 'token.issuer');
  t.is(told(await verify(signToken(KEY, claims({ iss: undefined })), by(opaque))), 'token.claims');
  t.is(told(await verify(signToken(KEY, claims({ iss: [ISS] })), by(opaque))), 'token.claims');
  t.is(server.asked.length, 1);
});

test.serial(
  'where both kinds have one iss, its JWTs are judged by keys, whatever another route has asked before',
  async (t) => {
    const { server, verify, active, claims, by, opaque, jwt, routes } = await mixed(t, {
      issuer: ISS,
      requiredClaims: ['tenant'],
    });
    const asking = by(opaque);
    const token = signToken(KEY, claims({ iss: ISS }));
    t.is(told(await verify(token, asking)), 'accepted');
    for (const route of routes)
      t.is(told(await verify(token, route)), 'token.claims', 'the yes of the other is none here');
    t.is(told(await verify(token, asking)), 'accepted');

    const good = signToken(KEY, claims({ iss: ISS, tenant: 'acme' }));
    server.say({ active: false });
    t.is(told(await verify(good, asking)), 'token.inactive');
    for (const route of routes) t.is(told(await verify(good, route)), 'accepted', 'nor is its no one');
    t.true(jwt.proofs >= 2);

    server.say(active());
    for (const route of [asking, ...routes]) t.is(told(await verify('opaque', route)), 'accepted');
  },
);

test.serial('closing ends the questions that are under way', async (t) => {
  const { server, verify, opaque } = await world(t);
  const arrived = new Promise<void>((resolve) => server.act(() => resolve()));
  const waiting = verify();
  await arrived;
  opaque.close();
  t.is(told(await waiting), 'verify.introspection-unavailable');
});
