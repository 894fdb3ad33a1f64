import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PassThrough } from 'node:stream';
import test, { type ExecutionContext } from 'ava';
import { probeIssuer } from '../../src/cli/init/probe.ts';
import { run } from '../support/cli.ts';
import { temporaryFolder } from '../support/files.ts';

const VALUES = [
  ...['--issuer', 'https://login.example.com', '--audience', 'orders-api'],
  ...['--upstream', 'http://127.0.0.1:3000'],
];

async function folder(t: ExecutionContext, files: Readonly<Record<string, string>> = {}) {
  const made = await temporaryFolder(files);
  t.teardown(made.remove);
  return made;
}

test('a first configuration passes every check', async (t) => {
  const { file } = await folder(t);
  const { code, stdout, stderr } = await run(['init', ...VALUES, '--output', file('gateway.yaml')]);
  t.is(stderr, '');
  t.is(code, 0);
  t.is(
    stdout,
    `${file('gateway.yaml')}: 1 route, 0 of them public; editors find the fields in gateway.schema.json beside it
Next: bearergate check --config ${file('gateway.yaml')}
      bearergate start --config ${file('gateway.yaml')}
`,
  );
  t.true(JSON.parse(await readFile(file('gateway.schema.json'), 'utf8')).title.startsWith('bearergate'));
  const checked = await run(['check', '--config', file('gateway.yaml')]);
  t.is(checked.code, 0);
  t.is(checked.stdout, `${file('gateway.yaml')}: ok (1 route, 1 issuer, 1 upstream)\n`);
});

test('a file that is there is kept, unless --force says otherwise', async (t) => {
  const { file } = await folder(t, { 'gateway.yaml': 'mine' });
  const argv = ['init', ...VALUES, '--output', file('gateway.yaml')];
  const { code, stderr } = await run(argv);
  t.is(code, 1);
  t.is(stderr, `bearergate: ${file('gateway.yaml')} exists; --force replaces it\n`);
  t.is(await readFile(file('gateway.yaml'), 'utf8'), 'mine');
  t.is((await run([...argv, '--force'])).code, 0);
  t.regex(await readFile(file('gateway.yaml'), 'utf8'), /^issuers:$/m);
});

test('what is not given is a usage mistake where nobody can be asked', async (t) => {
  const { code, stderr } = await run(['init', '--issuer', 'https://login.example.com']);
  t.is(code, 64);
  t.true(stderr.startsWith('bearergate: --audience is missing\nusage: '), stderr);
});

test('what is not given is asked for on a terminal, and an answer that is not valid is asked for again', async (t) => {
  const { file } = await folder(t);
  const output = new PassThrough({ encoding: 'utf8' });
  const input = new PassThrough();
  let shown = '';
  // Each question is answered when it is shown; a mistake is mended when its message is.
  const replies: [after: string, keys: string][] = [
    ['Which issuer signs the tokens?', 'login.example\r'],
    ['An issuer is an https:// address', `${'\x7f'.repeat('login.example'.length)}http://127.0.0.1:9\r`],
    ['Where is the API?', 'localhost:3000\r'],
  ];
  output.on('data', (text) => {
    shown += text;
    const [after, keys] = replies[0] ?? [];
    if (after === undefined || keys === undefined || !shown.includes(after)) return;
    replies.shift();
    shown = '';
    setImmediate(() => {
      for (const key of keys) input.write(key);
    });
  });
  const { code, stderr } = await run(
    ['init', '--audience', 'orders', '--output', file('gateway.yaml')],
    {},
    { input, output },
  );
  t.is(stderr, '');
  t.is(code, 0);
  t.deepEqual(replies, []);
  const text = await readFile(file('gateway.yaml'), 'utf8');
  t.true(text.includes('issuer: "http://127.0.0.1:9" #'));
  t.true(text.includes('url: "http://localhost:3000"'));
});

test('an answer that no configuration can have is refused, and nothing is written', async (t) => {
  const { file } = await folder(t);
  const argv = VALUES.map((value) => (value.startsWith('https:') ? 'login.example.com' : value));
  const { code, stderr } = await run(['init', ...argv, '--output', file('gateway.yaml')]);
  t.is(code, 64);
  t.regex(stderr, /^bearergate: --issuer login\.example\.com: An issuer is an https:\/\/ address/);
  await t.throwsAsync(readFile(file('gateway.yaml')), { code: 'ENOENT' });
});

test('a value cannot become YAML of its own, or a reference', async (t) => {
  const { file } = await folder(t);
  const audience = `a" }\nroutes: [] # \${HOME}`;
  const values = [...VALUES.slice(0, 2), '--audience', audience, ...VALUES.slice(4)];
  t.is((await run(['init', ...values, '--output', file('gateway.yaml')])).code, 0);
  const { stdout } = await run(['routes', '--config', file('gateway.yaml'), '--format', 'json']);
  t.is(JSON.parse(stdout).routes.length, 1);
});

const SHOP = `
openapi: 3.0.3
info: { title: Shop, version: "1" }
servers: [{ url: "https://{host}/v1/", variables: { host: { default: shop.internal } } }]
security: [{ login: ["orders:read"] }]
components:
  securitySchemes:
    login: { type: openIdConnect, openIdConnectUrl: "https://login.shop.example/.well-known/openid-configuration" }
    key: { type: apiKey, in: header, name: X-Key }
paths:
  /orders:
    get: { operationId: listOrders, summary: "All orders\\n# injected: true" }
    post: { operationId: createOrder, security: [{ login: ["orders:write"] }] }
  /orders/{order-id}:
    get: { security: [{ login: ["orders:read"] }, { login: ["orders:admin"] }] }
    delete: { security: [{ login: [] , key: [] }] }
  /orders/{id}/report.{format}: { get: { operationId: report } }
  /status: { get: { operationId: "get status!", security: [] } }
  /maybe: { get: { operationId: maybe, security: [{}, { login: [] }] } }
  /trace: { trace: {} }
  /a//b: { get: {} }
  /other: { $ref: "other.yaml#/x" }
  /linked: { $ref: "#/paths/~1status" }
`;

test('paths, methods, security and scopes of an OpenAPI document become routes', async (t) => {
  const { file } = await folder(t, { 'shop.yaml': SHOP });
  const output = file('gateway.yaml');
  const made = await run(['init', '--from-openapi', file('shop.yaml'), '--audience', 'shop', '--output', output]);
  t.is(made.stderr, '');
  t.is(made.code, 0);
  t.is((await run(['check', '--config', output])).code, 0);
  const { stdout } = await run(['routes', '--config', output, '--format', 'json']);
  const routes = new Map(JSON.parse(stdout).routes.map((route: { id: string }) => [route.id, route]));
  const shown = [...routes.values()].map((route) => {
    const { id, match, auth } = route as {
      id: string;
      match: { path: string; methods: string[] };
      auth: { scopes?: object } | 'public';
    };
    return [id, `${match.methods.join()} ${match.path}`, auth === 'public' ? auth : (auth.scopes ?? 'token')];
  });
  t.deepEqual(Object.fromEntries(shown.map(([id, ...rest]) => [id, rest])), {
    listOrders: ['GET,HEAD /v1/orders', ['orders:read']],
    createOrder: ['POST /v1/orders', ['orders:write']],
    'v1-orders-order_id-get': ['GET,HEAD /v1/orders/{order_id}', { any: ['orders:read', 'orders:admin'] }],
    'v1-orders-order_id-delete': ['DELETE /v1/orders/{order_id}', 'token'],
    report: ['GET,HEAD /v1/orders/{id}/{format}', ['orders:read']],
    'get-status': ['GET,HEAD /v1/status', 'public'],
    maybe: ['GET,HEAD /v1/maybe', 'token'],
    'get-status-2': ['GET,HEAD /v1/linked', 'public'],
  });
  const text = await readFile(output, 'utf8');
  t.true(text.includes('issuer: "https://login.shop.example"'));
  t.true(text.includes('url: "https://shop.internal"'));
  t.true(text.includes('  # All orders # injected: true\n'));
  t.true(text.includes('the document asks for `key`, which the gateway does not check'));
  t.true(text.includes('the document lets callers without a token in too; here one is needed'));
  for (const path of ['TRACE /trace', '/a//b', '/other']) t.true(text.includes(`# Left out: ${path}: `), path);
});

test('a document that says nothing of security makes nothing public', async (t) => {
  const { file } = await folder(t, { 'api.json': '{"openapi":"3.1.0","paths":{"/a":{"get":{},"put":{}}}}' });
  const { stdout } = await run(['init', '--from-openapi', file('api.json'), ...VALUES, '--output', '-']);
  t.true(stdout.includes('methods: [GET, PUT]'));
  t.notRegex(stdout, /^ +auth: public/m);
  t.true(stdout.includes('# the document says nothing of who may call this'));
});

for (const [title, text, says] of [
  ['Swagger 2', 'swagger: "2.0"', 'is Swagger 2.0; OpenAPI 3 is needed'],
  ['another document', 'a: 1', 'is no OpenAPI 3 document'],
  ['no document', '[', 'is neither YAML nor JSON'],
  ['a document without paths', 'openapi: 3.0.0', 'has no operation that a route can take'],
] as const) {
  test(`${title} is refused by name`, async (t) => {
    const { file } = await folder(t, { 'api.yaml': text });
    const { code, stderr } = await run(['init', '--from-openapi', file('api.yaml'), ...VALUES, '--output', '-']);
    t.is(code, 1);
    t.true(stderr.includes(says), stderr);
  });
}

test('a document that is not there is told', async (t) => {
  const { code, stderr } = await run(['init', '--from-openapi', '/no/such.yaml', ...VALUES]);
  t.is(code, 1);
  t.is(stderr, 'bearergate: /no/such.yaml does not exist\n');
});

test('a file that is there is reported before anything is asked', async (t) => {
  const { file } = await folder(t, { 'gateway.yaml': 'mine' });
  const output = new PassThrough({ encoding: 'utf8' });
  const { code, stderr } = await run(
    ['init', '--output', file('gateway.yaml')],
    {},
    { input: new PassThrough(), output },
  );
  t.is(code, 1);
  t.is(stderr, `bearergate: ${file('gateway.yaml')} exists; --force replaces it\n`);
  t.is(output.read(), null, 'no question was shown');
});

test('Ctrl-C in the middle of the questions writes nothing, and says so', async (t) => {
  const { file } = await folder(t);
  const [input, output] = [new PassThrough(), new PassThrough({ encoding: 'utf8' })];
  output.on('data', (text: string) => {
    if (text.includes('Which audience')) setImmediate(() => input.write('\u0003'));
  });
  const argv = ['init', '--issuer', 'https://login.example.com', '--output', file('gateway.yaml')];
  const { code, stdout, stderr } = await run(argv, {}, { input, output });
  t.is(code, 1);
  t.is(stdout, '');
  t.is(stderr, 'bearergate: cancelled; nothing was written\n');
  t.false(existsSync(file('gateway.yaml')) || existsSync(file('gateway.schema.json')));
});

test('what an issuer answers cannot give commands to the terminal', async (t) => {
  let issuer = '';
  const server = createServer((_, response) =>
    response.end(JSON.stringify({ issuer, jwks_uri: `${issuer}/jwks\u001b[2J\u009b31m` })),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const remark = await probeIssuer(issuer);
  t.true(remark.includes('/jwks'), remark);
  t.notRegex(remark, /\p{C}/u);
});
