import { readdirSync, readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import test from 'ava';
import { ROOT } from '../support/documents.ts';
import { type LanguageServer, startLanguageServer } from '../support/language-server.ts';

// What people see in an editor with the YAML extension, which is this very server with the schema of the modeline.

let server: LanguageServer;
test.before(async () => {
  server = await startLanguageServer();
});
test.after.always(() => server?.stop());

const MODELINE = '# yaml-language-server: $schema=./gateway.schema.json\n';
let documents = 0;
/** A document beside the schema, as `config/gateway.yaml` is. */
const newUri = () => pathToFileURL(`${ROOT}config/edited-${documents++}.yaml`).href;

const EXAMPLES = readdirSync(`${ROOT}config/examples`).map((name) => `config/examples/${name}`);

for (const file of ['config/gateway.yaml', ...EXAMPLES]) {
  test(`an editor finds nothing to underline in ${file}`, async (t) => {
    const text = readFileSync(`${ROOT}${file}`, 'utf8');
    t.regex(text, /^# yaml-language-server: \$schema=\S+$/m);
    t.deepEqual(await server.open(pathToFileURL(`${ROOT}${file}`).href, text), []);
  });
}

for (const [mistake, text, line, message] of [
  ['a key that there is not', 'listen:\n  prot: 8080\n', 2, /prot is not allowed/],
  ['a word where a number belongs', 'listen:\n  port: many\n', 2, /expected a number/],
  ['a duration without a unit', 'drain:\n  delay: 5 s\n', 2, /expected a duration with its unit/],
  ['a value that is none of those there are', 'log:\n  level: loud\n', 2, /"info", "warn"/],
  ['a word where a list belongs', 'routes:\n  - id: a\n    match: { path: /a, methods: GET }\n', 3, /array|type/i],
  [
    'a header that there cannot be',
    'routes:\n  - id: a\n    headers: { set: { "a b": x } }\n    match: { path: /a }\n',
    3,
    /is no header name/,
  ],
  ['a route without a path', 'routes:\n  - id: a\n    match: {}\n', 3, /path/],
] as const) {
  test(`an editor underlines ${mistake}`, async (t) => {
    const found = await server.open(newUri(), MODELINE + text);
    const here = found.filter(({ range }) => range.start.line === line);
    t.true(
      here.some((one) => message.test(one.message)),
      JSON.stringify(found),
    );
  });
}

test('an editor completes keys, and tells what a key is for', async (t) => {
  const uri = newUri();
  const lines = [MODELINE.trimEnd(), 'listen:', '  ', 'upstreams:', '  orders:', '    url: http://orders:3000', '    '];
  await server.open(uri, lines.join('\n'));
  const inListen = await server.complete(uri, { line: 2, character: 2 });
  for (const key of ['host', 'port', 'trustedProxies', 'limits']) t.true(inListen.includes(key), inListen.join());
  const inUpstream = await server.complete(uri, { line: 6, character: 4 });
  for (const key of ['timeouts', 'tls', 'health']) t.true(inUpstream.includes(key), inUpstream.join());
  t.regex(await server.hover(uri, { line: 1, character: 2 }), /Where clients connect/);
  t.regex(await server.hover(uri, { line: 5, character: 5 }), /Scheme, host and port of the service/);
});

test('an editor completes values of which there are only some', async (t) => {
  const uri = newUri();
  await server.open(uri, `${MODELINE}log:\n  level: \nupstreams:\n  a:\n    balance: \n`);
  t.true((await server.complete(uri, { line: 2, character: 9 })).includes('warn'));
  t.true((await server.complete(uri, { line: 5, character: 13 })).includes('round-robin'));
});
