import test from 'ava';
import { CODES, rowOf } from '../../src/errors/catalogue.ts';
import { type Help, helpFor } from '../../src/errors/help.ts';
import { RESOURCE_METADATA_PATH } from '../../src/errors/metadata.ts';
import { ERRORS_PATH, errorUrl } from '../../src/errors/problem.ts';
import type { Reply } from '../../src/errors/reply.ts';
import { headersOf } from '../support/replies.ts';

const HELP: Help = {
  address: 'http://localhost:8080',
  style: { publicUrl: 'https://api.example.com', format: 'problem', detail: 'client' },
  issuers: [
    { issuer: 'https://login.example.com', tokenEndpoint: undefined, audience: ['orders-api'] },
    { issuer: 'https://other.example.com', tokenEndpoint: undefined, audience: ['orders-api'] },
    { issuer: 'https://login.example.com', tokenEndpoint: undefined, audience: ['orders-api'] },
  ],
  guarded: [
    { prefix: '/orders', scopes: ['orders:read'] },
    { prefix: '/orders/admin', scopes: ['orders:admin', 'orders:read'] },
    { prefix: '/stock', scopes: ['stock:read'] },
  ],
};

function ask(path: string, { method = 'GET', accept = [] as string[], help = HELP } = {}) {
  return helpFor(path, { method, headerValues: (name) => (name === 'accept' ? accept : []) }, () => help);
}

/** The page at a path of the gateway's own: 200, with its exact length. */
function page(path: string, options?: Parameters<typeof ask>[1]): Reply {
  const answer = ask(path, options);
  if (!answer?.ok) throw new Error(`${path} gave no page`);
  const { status, body } = answer.value;
  if (status !== 200 || headersOf(answer.value)['content-length'] !== String(Buffer.byteLength(body)))
    throw new Error(`${path} gave no sound page`);
  return answer.value;
}

for (const code of CODES) {
  test(`the page of ${code} says what it means and what to do`, (t) => {
    const { title, status, causes, fix } = rowOf(code);
    const reply = page(`${ERRORS_PATH}/${code}`);
    t.is(headersOf(reply)['content-type'], 'application/json');
    const filled = fix.replace('{issuers}', 'https://login.example.com or https://other.example.com');
    t.like(JSON.parse(reply.body), { code, title, status, causes, fix: filled });

    const html = page(`${ERRORS_PATH}/${code}`, { accept: ['text/html,*/*;q=0.8'] });
    t.is(headersOf(html)['content-type'], 'text/html; charset=utf-8');
    t.true(html.body.includes(`<code>${code}</code>, HTTP status ${status}`));
    t.notRegex(html.body, /\{issuers\}|<token>|<script/);
  });

  test(`the link in the problem of ${code} leads to its page`, (t) => {
    const { pathname } = new URL(errorUrl(HELP.style, code));
    t.is((JSON.parse(page(pathname).body) as { code: string }).code, code);
  });
}

for (const path of [ERRORS_PATH, `${ERRORS_PATH}/`]) {
  test(`${path} lists every code`, (t) => {
    const { errors } = JSON.parse(page(path).body) as { errors: { code: string }[] };
    t.deepEqual(
      errors.map(({ code }) => code),
      CODES,
    );
    const html = page(path, { accept: ['text/html'] }).body;
    for (const code of CODES) t.true(html.includes(`<code>${code}</code>`), code);
  });
}

test('a page runs nothing and loads nothing', (t) => {
  const headers = headersOf(page(ERRORS_PATH, { accept: ['text/html'] }));
  t.is(headers['content-security-policy'], "default-src 'none'; style-src 'unsafe-inline'");
  t.is(headers['x-content-type-options'], 'nosniff');
});

test('markup in the name of an issuer is text on the page', (t) => {
  const help: Help = {
    ...HELP,
    issuers: [{ issuer: '<img src=x>&"', tokenEndpoint: undefined, audience: ['orders-api'] }],
  };
  const { body } = page(`${ERRORS_PATH}/token.expired`, { accept: ['text/html'], help });
  t.false(body.includes('<img'));
  t.true(body.includes('&lt;img src=x&gt;&amp;&quot;'));
});

for (const name of ['token.nothing', 'constructor', '__proto__', 'token.missing/', 'token.missing/x', '%3Cscript%3E']) {
  test(`there is no page for the code ${name}`, (t) => {
    const answer = ask(`${ERRORS_PATH}/${name}`);
    t.deepEqual(answer, {
      ok: false,
      fault: { code: 'route.not-found', detail: 'There is no error code of this name.' },
    });
  });
}

for (const path of [
  '/',
  '/orders',
  '/.well-known',
  '/.well-known/acme-challenge/x',
  '/.well-known/bearergatekeeper',
  `${RESOURCE_METADATA_PATH}s`,
]) {
  test(`${path} is left to the routes`, (t) => {
    t.is(
      helpFor(path, { method: 'GET', headerValues: () => [] }, () => t.fail() as never),
      undefined,
    );
  });
}

for (const path of ['/.well-known/bearergate', '/.well-known/bearergate/x', `${ERRORS_PATH}x`]) {
  test(`${path} is the gateway's own and leads nowhere`, (t) => {
    t.like(ask(path), { ok: false, fault: { code: 'route.not-found' } });
  });
}

for (const path of [ERRORS_PATH, `${ERRORS_PATH}/token.missing`, RESOURCE_METADATA_PATH]) {
  test(`${path} is for reading`, (t) => {
    t.true(ask(path, { method: 'HEAD' })?.ok);
    const others = path === RESOURCE_METADATA_PATH ? [] : ['OPTIONS'];
    for (const method of ['POST', 'PUT', 'DELETE', ...others])
      t.deepEqual(ask(path, { method }), { ok: false, fault: { code: 'route.method', allow: ['GET', 'HEAD'] } });
  });
}

const ISSUERS = ['https://login.example.com', 'https://other.example.com'];
const METADATA: readonly (readonly [path: string, resource: string, scopes: readonly string[] | undefined])[] = [
  ['', 'https://api.example.com', ['orders:read', 'orders:admin', 'stock:read']],
  ['/', 'https://api.example.com', ['orders:read', 'orders:admin', 'stock:read']],
  ['/orders', 'https://api.example.com/orders', ['orders:read', 'orders:admin']],
  ['/orders/17', 'https://api.example.com/orders/17', ['orders:read']],
  ['/stock', 'https://api.example.com/stock', ['stock:read']],
  ['/ordersx', 'https://api.example.com/ordersx', undefined],
];

for (const [path, resource, scopes] of METADATA) {
  test(`RFC 9728 metadata of the resource ${path || '(none)'} names its issuers and scopes`, (t) => {
    const reply = page(`${RESOURCE_METADATA_PATH}${path}`);
    t.like(headersOf(reply), { 'content-type': 'application/json', 'access-control-allow-origin': '*' });
    t.deepEqual(JSON.parse(reply.body), {
      resource,
      authorization_servers: ISSUERS,
      bearer_methods_supported: ['header'],
      ...(scopes === undefined ? {} : { scopes_supported: scopes }),
    });
  });
}

test('metadata has no member without a value (RFC 9728 §3.2)', (t) => {
  const help: Help = { ...HELP, issuers: [], guarded: [] };
  t.deepEqual(JSON.parse(page(RESOURCE_METADATA_PATH, { help }).body), {
    resource: 'https://api.example.com',
    bearer_methods_supported: ['header'],
  });
});

test('the resource of metadata below a path is the address that the path came from', (t) => {
  const help: Help = { ...HELP, style: { ...HELP.style, publicUrl: 'https://example.com/api' } };
  t.like(JSON.parse(page(`${RESOURCE_METADATA_PATH}/api`, { help }).body), { resource: 'https://example.com/api' });
});

test('without a publicUrl the metadata is left to the routes: an upstream may publish its own', (t) => {
  const help: Help = { ...HELP, style: { ...HELP.style, publicUrl: undefined } };
  for (const path of [RESOURCE_METADATA_PATH, `${RESOURCE_METADATA_PATH}/orders`])
    for (const method of ['GET', 'OPTIONS', 'POST']) t.is(ask(path, { method, help }), undefined);
});

test('the scopes of metadata are those of the routes below its resource', (t) => {
  const guarded = [...HELP.guarded, { prefix: '', scopes: ['all'] }, { prefix: '/orders', scopes: ['orders:write'] }];
  const scopesAt = (path: string, publicUrl = 'https://api.example.com') => {
    const help: Help = { ...HELP, guarded, style: { ...HELP.style, publicUrl } };
    return (JSON.parse(page(`${RESOURCE_METADATA_PATH}${path}`, { help }).body) as { scopes_supported?: string[] })
      .scopes_supported;
  };
  t.deepEqual(scopesAt(''), ['orders:read', 'orders:admin', 'stock:read', 'all', 'orders:write']);
  t.deepEqual(scopesAt('/orders'), ['orders:read', 'orders:admin', 'orders:write']);
  t.deepEqual(scopesAt('/orders/admin'), ['orders:admin', 'orders:read']);
  t.deepEqual(scopesAt('/orders/5'), ['orders:read', 'orders:write']);
  t.deepEqual(scopesAt('/elsewhere'), ['all']);
  t.deepEqual(scopesAt('/api/stock', 'https://example.com/api'), ['stock:read']);
});

test('a page of any origin may ask for the metadata, with headers of its own (MCP clients do)', (t) => {
  const answer = ask(`${RESOURCE_METADATA_PATH}/orders`, { method: 'OPTIONS' });
  t.true(answer?.ok);
  if (!answer?.ok) return;
  t.is(answer.value.status, 204);
  t.like(headersOf(answer.value), {
    'access-control-allow-origin': '*',
    'access-control-allow-methods': 'GET, HEAD',
    'access-control-allow-headers': '*',
  });
});

/** The lines to paste on the page of a code, as JSON gives them. */
function commandsOf(code: string, help: Help): string[] {
  const { steps } = JSON.parse(page(`${ERRORS_PATH}/${code}`, { help }).body) as { steps: { command?: string }[] };
  return steps.flatMap(({ command }) => command ?? []);
}

test('the lines to paste name the token endpoint of the issuer and the address of this gateway', (t) => {
  const tokenEndpoint = 'https://login.example.com/oauth/token';
  const help: Help = {
    ...HELP,
    issuers: [{ issuer: 'https://login.example.com', tokenEndpoint, audience: ['orders-api'] }],
  };
  const expired = commandsOf('token.expired', help).join('\n');
  t.true(expired.includes(`curl -s '${tokenEndpoint}'`), expired);
  t.true(expired.includes(`"Authorization: Bearer $TOKEN" 'https://api.example.com/the/path'`), expired);
  t.true(commandsOf('token.audience', help).join().includes(`'audience=orders-api'`));
  t.true(commandsOf('authorise.scope', help).join().includes('scope="$SCOPES"'));
  t.true(commandsOf('verify.keys-unavailable', help).join().includes('/.well-known/openid-configuration'));
  const unknown = { ...HELP, style: { ...HELP.style, publicUrl: undefined } };
  const lines = commandsOf('token.expired', unknown).join('\n');
  t.true(lines.includes(`'https://login.example.com/.well-known/openid-configuration'`), lines);
  t.true(lines.includes(`'http://localhost:8080/the/path'`), lines);
});

for (const tokenEndpoint of [
  "https://login.example.com/'; rm -rf ~; '",
  'https://login.example.com/$(id)`id`',
  'javascript:alert(1)',
  'https://a:b@login.example.com/token',
  'not an address',
]) {
  test(`a token endpoint of ${tokenEndpoint} leaves nothing for a shell to run`, (t) => {
    const help: Help = { ...HELP, issuers: [{ issuer: 'https://x.example.com', tokenEndpoint, audience: ["a'b"] }] };
    for (const line of commandsOf('token.audience', help)) {
      // What stands within single quotes is text to a shell; the rest has to be ours.
      const bare = line.replace(/'[^']*'/g, "''");
      t.notRegex(bare, /rm -rf|\$\(id\)|`|alert/, line);
    }
  });
}

test('every page says what one sees, and has steps', (t) => {
  for (const code of CODES) {
    const { symptom, steps } = JSON.parse(page(`${ERRORS_PATH}/${code}`).body) as { symptom: string; steps: unknown[] };
    t.true(symptom.includes(String(rowOf(code).status)) && symptom.includes(code));
    t.true(steps.length >= 2, code);
  }
});
