import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { localAdminUrl } from '../../src/config/admin-address.ts';
import { CODES, rowOf } from '../../src/errors/catalogue.ts';
import { type Help, helpFor } from '../../src/errors/help.ts';
import { RESOURCE_METADATA_PATH } from '../../src/errors/metadata.ts';
import { ERRORS_PATH, errorUrl } from '../../src/errors/problem.ts';
import type { Reply } from '../../src/errors/reply.ts';
import { temporaryFolder } from '../support/files.ts';
import { headersOf } from '../support/replies.ts';

const HELP: Help = {
  adminUrl: undefined,
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

/** A folder in which `curl` and `bearergate` write down what they are called with, and no more. */
async function startShell(t: ExecutionContext) {
  const record = '#!/bin/sh\nfor word in "$0" "$@"; do printf "%s\\0" "$word" >> called; done\n';
  const folder = await temporaryFolder({ curl: record, bearergate: record });
  t.teardown(folder.remove);
  for (const name of ['curl', 'bearergate']) chmodSync(folder.file(name), 0o755);
  return {
    run(command: string) {
      const env = { PATH: `${folder.path}:/usr/bin:/bin`, TOKEN: 'a.e30.b' };
      execFileSync('sh', ['-c', command], { cwd: folder.path, env, stdio: 'pipe' });
    },
    /** The words of all calls so far, in one line. */
    called: () => (existsSync(folder.file('called')) ? readFileSync(folder.file('called'), 'utf8').split('\0') : []),
    isHurt: () => existsSync(folder.file('hurt')),
  };
}

/** What would create the file `hurt`, were it read as a part of a command. `URL.href` leaves all of it as it is. */
const ATTACKS = ["';touch$IFS./hurt;'", "'$(touch$IFS./hurt)'", '$(touch$IFS./hurt)', "'&&touch$IFS./hurt&&'"];

test('the shell of these tests is hurt by a line that is not quoted', async (t) => {
  for (const attack of ATTACKS) {
    const shell = await startShell(t);
    const careless = attack.startsWith('$') ? `curl -s "https://x/${attack}"` : `curl -s 'https://x/${attack}'`;
    try {
      shell.run(careless);
    } catch {
      // Of some the rest is not a command.
    }
    t.true(shell.isHurt(), attack);
  }
});

for (const [at, attack] of ATTACKS.entries()) {
  test(`an address that holds ${attack} is one word to a shell, on the page of every code`, async (t) => {
    const shell = await startShell(t);
    const tokenEndpoint = `https://login.example.com/token/${attack}`;
    const issuer = `https://login.example.com/${attack}`;
    const publicUrl = `https://api.example.com/${attack}`;
    const audience = [`orders ${attack}\n"$TOKEN"`];
    const withEndpoint: Help = {
      ...HELP,
      style: { ...HELP.style, publicUrl },
      issuers: [{ issuer, tokenEndpoint, audience }],
    };
    const without: Help = { ...withEndpoint, issuers: [{ issuer, tokenEndpoint: undefined, audience }] };
    t.is(new URL(tokenEndpoint).href, tokenEndpoint, 'it comes to the page as it is');
    const lines = [withEndpoint, without].flatMap((help) => CODES.flatMap((code) => commandsOf(code, help)));
    t.true(lines.some((line) => line.includes('touch')));
    for (const line of new Set(lines)) shell.run(line);
    t.false(shell.isHurt());
    const called = shell.called();
    for (const word of [tokenEndpoint, `${issuer}/.well-known/openid-configuration`, `audience=${audience[0]}`])
      t.true(called.includes(word), `${at}: ${word}`);
    t.true(called.some((word) => word.startsWith(publicUrl)));
  });
}

for (const tokenEndpoint of ['javascript:alert(1)', 'https://a:b@login.example.com/token', 'not an address']) {
  test(`a token endpoint of ${tokenEndpoint} is not in a line to paste`, (t) => {
    const help: Help = { ...HELP, issuers: [{ issuer: 'https://x.example.com', tokenEndpoint, audience: ['a'] }] };
    const lines = commandsOf('token.audience', help).join('\n');
    t.notRegex(lines, /alert|a:b|not an/);
    t.true(lines.includes("curl -s 'https://x.example.com/.well-known/openid-configuration'"));
  });
}

test('operators ask the admin port where it is, if that can be published', (t) => {
  for (const [host, port, expected] of [
    ['127.0.0.1', 9090, "curl -s 'http://127.0.0.1:9090/readyz'"],
    ['0.0.0.0', 9191, "curl -s 'http://127.0.0.1:9191/readyz'"],
    ['::', 9191, "curl -s 'http://127.0.0.1:9191/readyz'"],
    ['::1', 9191, "curl -s 'http://[::1]:9191/readyz'"],
    ['localhost', 8000, "curl -s 'http://localhost:8000/readyz'"],
    ['10.1.2.3', 9191, 'bearergate health'],
    ['127.evil.example', 9191, 'bearergate health'],
    ['127.0.0.1', 0, 'bearergate health'],
  ] as const) {
    const lines = commandsOf('verify.keys-unavailable', { ...HELP, adminUrl: localAdminUrl({ host, port }) });
    t.true(lines.includes(expected), `${host}:${port} ${lines.join('\n')}`);
  }
});

test('every page says what one sees, and has steps', (t) => {
  for (const code of CODES) {
    const { symptom, steps } = JSON.parse(page(`${ERRORS_PATH}/${code}`).body) as { symptom: string; steps: unknown[] };
    t.true(symptom.includes(String(rowOf(code).status)) && symptom.includes(code));
    t.true(steps.length >= 2, code);
  }
});
