import test from 'ava';
import type { Explanation } from '../../src/explain/explanation.ts';
import { renderExplanation } from '../../src/explain/render.ts';
import type { GatewayOptions } from '../../src/server.ts';
import { type Ask, ask as askIssuer } from '../../src/verify/ask.ts';
import { FakeClock } from '../support/clock.ts';
import { requestBytes, startBehind, type TestGateway } from '../support/gateway.ts';
import { accessClaims, makeKey, signToken } from '../support/keys.ts';

const SECRET = 'c2VjcmV0LW9mLXRoZS1sZWdhY3k=';

const ROUTES = [
  {
    id: 'orders-read',
    match: { host: 'api.example.com', path: '/orders/{id}', methods: ['GET'] },
    auth: { issuers: ['main'], scopes: ['orders:read'], claims: { tenant: 'acme' } },
    rewrite: { stripPrefix: '/orders', addPrefix: '/v1' },
    headers: { set: { 'X-User-Id': '{claims.sub}', 'X-Order': '{params.id}' } },
  },
  { id: 'orders-all', match: { path: '/orders/**' } },
  { id: 'orders-write', match: { host: 'api.example.com', path: '/orders/{id}', methods: ['PUT'] } },
  { id: 'by-cookie', match: { path: '/cookie' }, auth: { issuers: ['main'], tokenFrom: [{ cookie: 'session' }] } },
  { id: 'by-query', match: { path: '/query' }, auth: { issuers: ['main'], tokenFrom: [{ query: 'access_token' }] } },
  { id: 'passed-on', match: { path: '/passed' }, token: 'forward' },
  { id: 'public', match: { path: '/health' }, auth: 'public' },
];

// biome-ignore lint/suspicious/noTemplateCurlyInString: the gateway fills it in
const UPSTREAM = { headers: { set: { Authorization: 'Basic ${LEGACY}' } } };

async function startExplained(t: Parameters<typeof startBehind>[0], options: GatewayOptions = {}) {
  return startBehind(t, { routes: ROUTES, upstream: UPSTREAM, variables: { LEGACY: SECRET }, options });
}

async function ask(gateway: TestGateway, question: object): Promise<Explanation> {
  const answer = await fetch(`${gateway.adminUrl}/explain`, { method: 'POST', body: JSON.stringify(question) });
  if (answer.status !== 200) throw new Error(await answer.text());
  return (await answer.json()) as Explanation;
}

const resultsOf = ({ steps }: Explanation) => Object.fromEntries(steps.map(({ name, result }) => [name, result]));

test('a request that passes is told step by step, with the headers that really arrive', async (t) => {
  const { gateway, upstream } = await startExplained(t);
  const token = gateway.token({ scope: 'orders:read', tenant: 'acme' });
  const told = await ask(gateway, { method: 'GET', url: 'http://api.example.com/orders/7?x=1', token });
  t.is(told.decision, 'forwarded');
  t.deepEqual(
    told.steps.map(({ name }) => name),
    [
      ...['request', 'target', 'route', 'token', 'format', 'issuer', 'algorithm', 'key', 'signature', 'type', 'claims'],
      ...['audience', 'time', 'scope', 'claim rules'],
    ],
  );
  t.true(told.steps.every(({ result }) => result === 'pass'));
  t.is(told.route?.id, 'orders-read');
  t.deepEqual(told.route?.others, [
    { id: 'orders-write', lost: 'it takes PUT only' },
    { id: 'orders-all', lost: 'less specific: api.example.com is more exact than any host' },
  ]);
  t.true(told.token?.verified);
  t.like(told.token?.claims, { sub: 'user-1', tenant: 'acme' });
  t.is(told.upstream?.url, `${upstream.url}/v1/7?x=1`);

  await gateway.ask(requestBytes({ target: '/orders/7?x=1', headers: [['Authorization', `Bearer ${token}`]] }));
  const [arrived] = await upstream.waitForRequests(1);
  t.is(arrived?.target, '/v1/7?x=1');
  const shown = new Map(told.upstream?.headers.map(([name, value]) => [name.toLowerCase(), value]));
  for (const [name, value] of arrived?.headers ?? []) {
    const lower = name.toLowerCase();
    if (['connection', 'x-request-id', 'traceparent'].includes(lower)) continue;
    t.is(shown.get(lower), lower === 'authorization' ? '[secret]' : value, name);
  }
  t.is(shown.get('x-user-id'), 'user-1');
  t.false(JSON.stringify(told).includes(SECRET), 'the credentials of the upstream are not shown');
  t.false(JSON.stringify(told).includes(token), 'nor is the token');
});

test('nothing that explains reaches the upstream', async (t) => {
  const { gateway, upstream } = await startExplained(t);
  await ask(gateway, { method: 'GET', url: '/health' });
  await ask(gateway, { method: 'GET', url: '/orders/1', token: gateway.token() });
  t.is(upstream.connections.length, 0);
});

const STRANGER = makeKey('ES256', 'stranger');

test('each refusal names its step, what came before has passed and what comes behind was not reached', async (t) => {
  // It stands still: two that are told one after the other how long it takes until a token is valid are told the same.
  const clock = new FakeClock(Date.now());
  const { gateway } = await startExplained(t, { clock });
  const iss = gateway.keyServer.issuer;
  const now = Math.floor(clock.now() / 1000);
  const good = { scope: 'orders:read', tenant: 'acme' };
  const cases: readonly (readonly [step: string, code: string, token: string | undefined])[] = [
    ['token', 'token.missing', undefined],
    ['token', 'token.scheme', 'Basic ZGVtbzpkZW1v'],
    ['token', 'token.request', 'Bearer Bearer x'],
    ['format', 'token.malformed', gateway.token(good).slice(0, -21)],
    ['issuer', 'token.issuer', gateway.token({ ...good, iss: `${iss}/` })],
    ['issuer', 'token.claims', gateway.token({ ...good, iss: undefined as never })],
    ['algorithm', 'token.algorithm', signToken(makeKey('ES256', 'x'), accessClaims({ iss }), { alg: 'XX256' })],
    ['key', 'token.key-unknown', signToken(STRANGER, accessClaims({ iss, ...good }))],
    ['signature', 'token.signature', signToken(STRANGER, accessClaims({ iss, ...good }), { kid: gateway.key.kid })],
    ['type', 'token.type', gateway.token({ ...good, nonce: 'n' }, { typ: 'JWT' })],
    ['claims', 'token.claims', gateway.token({ ...good, sub: undefined })],
    ['audience', 'token.audience', gateway.token({ ...good, aud: 'other' })],
    ['time', 'token.expired', gateway.token({ ...good, exp: now - 7200 })],
    ['time', 'token.not-yet-valid', gateway.token({ ...good, nbf: now + 7200 })],
    ['scope', 'authorise.scope', gateway.token({ ...good, scope: 'orders:list' })],
    ['claim rules', 'authorise.claim', gateway.token({ ...good, tenant: 'globex' })],
  ];
  for (const [step, code, token] of cases) {
    const told = await ask(gateway, { method: 'GET', url: 'https://api.example.com/orders/7', token });
    const title = `${step} ${code}`;
    t.is(told.decision, 'refused', title);
    t.is(told.code, code as never, title);
    const at = told.steps.findIndex(({ name }) => name === step);
    t.is(told.steps[at]?.result, 'fail', title);
    t.is(told.steps[at]?.detail, told.cause, title);
    t.true(
      told.steps.slice(0, at).every(({ result }) => result === 'pass'),
      title,
    );
    t.true(
      told.steps.slice(at + 1).every(({ result }) => result === 'not reached'),
      title,
    );
    const proved = told.steps.findIndex(({ name }) => name === 'signature');
    t.is(told.token?.verified ?? false, proved !== -1 && at > proved, title);
    t.truthy(told.fix, title);
    t.is(told.upstream, undefined, title);
    // The refusal is the gateway's own.
    const headers =
      token === undefined ? [] : [['Authorization', /^[A-Z][a-z]+ /.test(token) ? token : `Bearer ${token}`] as const];
    const answer = JSON.parse((await gateway.ask(requestBytes({ target: '/orders/7', headers }))).body);
    t.is(answer.code, code, title);
    t.is(answer.detail, told.cause, title);
    t.is(answer.fix, told.fix, title);
  }
});

for (const [title, question, step, code] of [
  ['a bad target', { method: 'GET', url: '/orders/../admin' }, 'target', 'route.target'],
  ['an unknown path', { method: 'GET', url: '/nothing' }, 'route', 'route.not-found'],
  ['another method', { method: 'POST', url: '/nothing/x' }, 'route', 'route.not-found'],
  ['TRACE', { method: 'TRACE', url: '/health' }, 'method', 'route.method'],
  ['a Host that is none', { method: 'GET', url: '/health', headers: { Host: 'a b' } }, 'request', 'request.invalid'],
  ['two Host', { method: 'GET', url: '/health', headers: { Host: ['a', 'b'] } }, 'request', 'request.invalid'],
] as const) {
  test(`what fails before the token is looked at is told: ${title}`, async (t) => {
    const { gateway } = await startExplained(t);
    const told = await ask(gateway, question);
    t.is(told.code, code);
    t.is(resultsOf(told)[step], 'fail');
    t.is(told.token, undefined);
  });
}

test('the token is put where the route looks for it, and told where it was found', async (t) => {
  const { gateway } = await startExplained(t);
  const token = gateway.token();
  const places = [
    ['/cookie', 'the cookie session'],
    ['/query?a=1', 'the query parameter access_token'],
    ['/passed', 'the Authorization header'],
  ] as const;
  for (const [url, place] of places) {
    const told = await ask(gateway, { method: 'GET', url, token });
    t.is(told.decision, 'forwarded', url);
    t.is(told.token?.place, place);
    t.false(JSON.stringify(told).includes(token), url);
  }
});

test('a token from a cookie is held against the origin of the page before anything of it is looked at', async (t) => {
  const { gateway } = await startExplained(t);
  const about = { method: 'POST', url: 'http://api.example.com/cookie', token: gateway.token() };
  const results = ({ steps }: Explanation) => steps.map(({ name, result }) => `${name}: ${result}`);
  const refused = await ask(gateway, { ...about, headers: { Origin: 'https://evil.example' } });
  t.is(refused.code, 'route.origin');
  t.deepEqual(results(refused).slice(3, 6), ['token: pass', 'origin: fail', 'format: not reached']);
  t.is(refused.token?.verified, false);
  const own = await ask(gateway, { ...about, headers: { Origin: 'http://api.example.com' } });
  t.is(own.decision, 'forwarded');
  t.deepEqual(results(own).slice(3, 6), ['token: pass', 'origin: pass', 'format: pass']);
  const read = await ask(gateway, { ...about, method: 'GET', headers: { Origin: 'https://evil.example' } });
  t.is(read.decision, 'forwarded');
  t.false(results(read).some((step) => step.startsWith('origin')));
});

test('the pages of the gateway itself, and a public route, are told too', async (t) => {
  const { gateway } = await startExplained(t);
  t.is((await ask(gateway, { method: 'GET', url: '/.well-known/bearergate/errors' })).decision, 'answered');
  t.is((await ask(gateway, { method: 'OPTIONS', url: '*' })).decision, 'answered');
  const open = await ask(gateway, { method: 'GET', url: '/health', token: 'whatever' });
  t.is(open.decision, 'forwarded');
  t.regex(open.cause, /public/);
});

test('an opaque token is asked about, and its checks are those of its kind', async (t) => {
  const asked: string[] = [];
  const introspect: Ask = async (url, question) => {
    if (!url.endsWith('/introspect')) return askIssuer(url, question);
    const token = new URLSearchParams(question.body).get('token') ?? '';
    asked.push(token);
    return Response.json(
      token === 'good-one' ? { active: true, aud: 'orders-api', sub: 'u', scope: 'a' } : { active: false },
    );
  };
  const { gateway } = await startBehind(t, {
    options: { ask: introspect },
    issuers: {
      opaque: {
        issuer: 'https://old.example.com',
        audience: 'orders-api',
        // biome-ignore lint/suspicious/noTemplateCurlyInString: the gateway fills it in
        introspection: { url: 'https://old.example.com/introspect', clientId: 'gw', clientSecret: '${GW}' },
      },
    },
    variables: { GW: 'hidden-secret' },
    routes: [{ id: 'all', match: { path: '/**' }, auth: { issuers: ['opaque'] } }],
  });
  const good = await ask(gateway, { method: 'GET', url: '/x', token: 'good-one' });
  t.is(good.decision, 'forwarded');
  t.is(resultsOf(good).introspection, 'pass');
  t.true(good.token?.verified);
  const bad = await ask(gateway, { method: 'GET', url: '/x', token: 'revoked-1' });
  t.is(bad.code, 'token.inactive');
  t.is(resultsOf(bad).introspection, 'fail');
  t.false(bad.token?.verified);
  t.deepEqual(asked, ['good-one', 'revoked-1']);
});

for (const [title, body, status] of [
  ['no JSON', '{', 400],
  ['a list', '[]', 400],
  ['no method', '{"url":"/"}', 400],
  ['a method that is none', '{"method":"G T","url":"/"}', 400],
  ['an address that is none', '{"method":"GET","url":"ftp://x"}', 400],
  ['a member nobody knows', '{"method":"GET","url":"/","tokn":"x"}', 400],
  ['a header with a line break', '{"method":"GET","url":"/","headers":{"A":"b\\r\\nC: d"}}', 400],
  ['too much', JSON.stringify({ method: 'GET', url: `/${'a'.repeat(70_000)}` }), 413],
] as const) {
  test(`a question is refused in one line: ${title}`, async (t) => {
    const { gateway } = await startExplained(t);
    const answer = await fetch(`${gateway.adminUrl}/explain`, { method: 'POST', body });
    t.is(answer.status, status);
    t.truthy(((await answer.json()) as { error: string }).error);
  });
}

test('/explain answers no web page, and is asked by POST', async (t) => {
  const { gateway } = await startExplained(t);
  const body = JSON.stringify({ method: 'GET', url: '/health' });
  const post = (headers: Record<string, string>) =>
    fetch(`${gateway.adminUrl}/explain`, { method: 'POST', body, headers });
  t.is((await post({})).status, 200);
  t.is((await post({ origin: 'http://evil.example.com' })).status, 403);
  t.is((await post({ origin: 'null' })).status, 403);
  const get = await fetch(`${gateway.adminUrl}/explain`);
  t.is(get.status, 405);
  t.is(get.headers.get('allow'), 'POST');
});

test('the text form marks what is proved, and nothing in a token moves the cursor', async (t) => {
  const { gateway } = await startExplained(t);
  const claims = { scope: 'orders:read', tenant: 'acme', sub: '\u001b[2Jevil\u009b31m\u202e' };
  const url = 'https://api.example.com/orders/7';
  const passed = renderExplanation(await ask(gateway, { method: 'GET', url, token: gateway.token(claims) }), {
    color: false,
  });
  t.regex(passed, /The token says \(verified\):/);
  t.regex(passed, /Forwarded\. The token of /);
  t.regex(passed, /The upstream legacy would get:\n {4}GET http/);
  const forged = signToken(STRANGER, accessClaims({ iss: gateway.keyServer.issuer, ...claims }), {
    kid: gateway.key.kid,
  });
  const refused = renderExplanation(await ask(gateway, { method: 'GET', url, token: forged }), { color: false });
  t.regex(refused, /NOT VERIFIED/);
  t.regex(refused, /✗ signature/);
  t.regex(refused, /· scope {9}not reached/);
  t.regex(refused, /Refused: 401 token\.signature\. /);
  t.regex(refused, /^Fix: /m);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  for (const text of [passed, refused]) t.notRegex(text.replaceAll('\n', ''), /[\u0000-\u001f\u007f-\u009f\u202e]/);
  const colored = renderExplanation(await ask(gateway, { method: 'GET', url }), { color: true });
  t.true(colored.includes('\u001b[1;31mRefused: 401 token.missing.'));
});

/** Each character percent-encoded, in small letters. */
const encoded = (text: string) => [...text].map((letter) => `%${letter.charCodeAt(0).toString(16)}`).join('');

test('a token that goes on is shown in none of its spellings, and where it goes is', async (t) => {
  const { gateway, upstream } = await startBehind(t, {
    routes: [
      { id: 'header', match: { path: '/header' }, token: 'forward' },
      ...[{ query: 'access_token' }, { cookie: 'session' }, { header: 'X-Access-Token' }].map((place, at) => ({
        ...{ id: `place-${at}`, match: { path: `/place-${at}` }, token: 'forward' },
        auth: { issuers: ['main'], tokenFrom: [place] },
      })),
    ],
  });
  const token = gateway.token();
  const [head = '', ...rest] = token;
  const questions: readonly (readonly [question: object, shown: string])[] = [
    [{ url: '/header', token }, 'Bearer [token]'],
    [{ url: '/header', headers: { Authorization: `Bearer ${token}`, 'X-Copy': `a ${token} b` } }, 'a [token] b'],
    [{ url: '/place-0?a=1', token }, '?a=1&access_token=[token]'],
    [{ url: `/place-0?access_token=${encoded(token)}&a=1` }, '?access_token=[token]&a=1'],
    [{ url: `/place-0?access_token=${encoded(head)}${rest.join('')}` }, 'access_token=[token]'],
    [{ url: `/place-0?access_token=${encoded(token).toUpperCase()}&copy=${encoded(encoded(token))}` }, '[token]'],
    [{ url: '/place-1', token }, 'session=[token]'],
    [{ url: '/place-2', token }, '[token]'],
    [{ url: '/header', token, headers: { 'X-Copy': encoded(token), Referer: `https://a/?t=${token}` } }, '?t=[token]'],
  ];
  for (const [question, shown] of questions) {
    const title = JSON.stringify(question).slice(0, 60);
    const told = await ask(gateway, { method: 'GET', ...question });
    t.is(told.decision, 'forwarded', title);
    const text = JSON.stringify(told);
    for (const spelling of [token, encoded(token), encodeURIComponent(token), token.split('.')[2] as string])
      t.false(text.toLowerCase().includes(spelling.toLowerCase()), title);
    t.true(JSON.stringify(told.upstream).includes(shown), `${title}: ${JSON.stringify(told.upstream)}`);
    const rendered = renderExplanation(told, { color: false });
    t.false(rendered.includes(token.split('.')[2] as string), title);
  }
  // Control: the upstream does get it, so there was something to mask.
  await gateway.ask(requestBytes({ target: '/header', headers: [['Authorization', `Bearer ${token}`]] }));
  const [arrived] = await upstream.waitForRequests(1);
  t.deepEqual(arrived?.values('authorization'), [`Bearer ${token}`]);
});

test('the credentials of a client on a public route are not shown', async (t) => {
  const { gateway, upstream } = await startBehind(t, {
    routes: [{ id: 'public', match: { path: '/login' }, auth: 'public' }],
  });
  const Authorization = 'Basic dXNlcjpodW50ZXIy';
  const told = await ask(gateway, { method: 'GET', url: '/login', headers: { Authorization } });
  t.false(JSON.stringify(told).includes('dXNlcjpodW50ZXIy'));
  t.true(JSON.stringify(told.upstream).includes('Basic [credentials]'));
  await gateway.ask(requestBytes({ target: '/login', headers: [['Authorization', Authorization]] }));
  const [arrived] = await upstream.waitForRequests(1);
  t.deepEqual(arrived?.values('authorization'), [Authorization], 'control: they go on');
});
