// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references of the configuration are what is tested
import test from 'ava';
import { renderJson, renderProblems } from '../../src/config/render.ts';
import { edited } from './mistakes.ts';
import { load, loadGood, problemsOf } from './support.ts';

const audience = (text: string) => edited(['<     audience: orders-api', `>     audience: ${text}`]);
const firstIssuer = (...from: Parameters<typeof load>) => loadGood(...from).config.issuers[0];

const TEXTS: readonly [title: string, yaml: string, expected: string][] = [
  ['a variable is put in', '"${STAGE}"', 'live'],
  ['a variable is put into a text', 'orders-${STAGE}-${STAGE}', 'orders-live-live'],
  ['a default stands in for an unset variable', '${NOTHING:-orders}', 'orders'],
  ['a default stands in for an empty variable', '${EMPTY:-orders}', 'orders'],
  ['a default gives way to a variable', '${STAGE:-orders}', 'live'],
  ['a default may be any text without braces', '"${NOTHING:-a:-b c}"', 'a:-b c'],
  ['a file is put in without its last line break', '${file:secrets/audience}', 'from-file'],
  ['an absolute file is put in', '${file:/run/secrets/audience}', 'absolute\nx'],
  ['a doubled dollar makes the text itself', '"$${STAGE}"', '${STAGE}'],
  ['a variable in a block text is put in', '|-\n      ${STAGE}', 'live'],
  ['a quoted number stays text', '"${NUMBER}"', '42'],
  ['a number with a tag for text stays text', '!!str ${NUMBER}', '42'],
  ['a number within a text stays text', '${NUMBER}x', '42x'],
];

const FILES = { '/etc/bearergate/secrets/audience': 'from-file\r\n', '/run/secrets/audience': 'absolute\nx\n' };
const VARIABLES = { STAGE: 'live', EMPTY: '', NUMBER: '42' };

for (const [title, yaml, expected] of TEXTS) {
  test(title, (t) => t.deepEqual(firstIssuer(audience(yaml), VARIABLES, FILES)?.audience, [expected]));
}

test('a plain reference is read as what its value looks like', (t) => {
  const yaml = edited([
    '<   port: 8080',
    `>   port: \${PORT}`,
    '< listen:',
    '> log:',
    `>   access: \${ACCESS}`,
    '> listen:',
  ]);
  const { config } = loadGood(yaml, { PORT: '9000', ACCESS: 'false' });
  t.is(config.listen.port, 9000);
  t.false(config.log.access);
});

test('a quoted number is not a number, and the hint says how it becomes one', (t) => {
  const yaml = edited(['<   port: 8080', `>   port: "\${PORT}"`]);
  const [problem] = problemsOf(yaml, { PORT: '9000' });
  t.like(problem, { name: 'wrong-type', hint: `without quotes, \${…} is read as what its value looks like` });
});

test('keys and comments are left as they stand', (t) => {
  const yaml = edited(['<       claims: { tenant: acme }', `>       claims: { "\${X}": acme } # \${Y}`]);
  const guard = loadGood(yaml).config.routes[0]?.guard;
  t.deepEqual(guard === 'public' ? [] : guard?.claims.map(([path]) => path), [`\${X}`]);
});

test('every unset variable of a text is told at its own place', (t) => {
  const problems = problemsOf(audience(`"\${ONE}-\${TWO}"`));
  t.deepEqual(
    problems.map(({ line, column, name }) => [line, column, name]),
    [
      [7, 16, 'unset-variable'],
      [7, 23, 'unset-variable'],
    ],
  );
});

test('names that every object has are no variables', (t) => {
  t.is(problemsOf(audience(`\${constructor}`))[0]?.name, 'unset-variable');
});

test('a secret may have braces, which refer to nothing', (t) => {
  const yaml = edited(['<       set: { X-User: "{claims.sub}" }', `>       set: { X-Key: "\${KEY} {claims.sub}" }`]);
  const set = loadGood(yaml, { KEY: '{claims.iss}}' }).config.routes[0]?.headers.set;
  t.deepEqual(set?.[0]?.[1].parts, ['{claims.iss}} ', { kind: 'claim', path: 'sub' }]);
});

test('the paths of secrets are told, and so is every file that was read', (t) => {
  const loaded = loadGood(audience(`\${file:secrets/audience}`), {}, FILES);
  t.deepEqual(loaded.config.secrets, [['issuers', 'main', 'audience']]);
  t.deepEqual(loaded.files, ['/etc/bearergate/gateway.yaml', '/etc/bearergate/secrets/audience']);
});

test('a file that could not be read is watched for, too', (t) => {
  t.deepEqual(load(audience(`\${file:/run/none}`)).files, ['/etc/bearergate/gateway.yaml', '/run/none']);
});

test('a secret file of a size that no secret has is refused', (t) => {
  const [problem] = problemsOf(audience(`\${file:big}`), {}, { '/etc/bearergate/big': 'x'.repeat(70_000) });
  t.is(problem?.message, '`big` is larger than 64 KiB');
});

// Whatever value is wrong, and in whatever way, nothing that is said may hold it.
const CANARIES = [
  'canary',
  '{canary}',
  '/canary/*',
  '/canary/{a}/{a}',
  'http://canary:pw@host/',
  '99canary',
  'canary x',
  '{claims.canary',
];

test('a value that came from elsewhere is never in what is said', (t) => {
  const base = edited([]);
  const spots = [...base.matchAll(/(?<=: |\[|, )(?![[{\n])("[^"]*"|[^\s,[\]{}]+(?: ?\{id\}[^\s]*)?)/g)];
  t.true(spots.length > 15);
  for (const canary of CANARIES) {
    for (const { index, 0: text } of spots) {
      const yaml = `${base.slice(0, index)}"\${CANARY}"${base.slice(index + text.length)}`;
      const problems = problemsOf(yaml, { CANARY: canary });
      const said = `${renderProblems(problems, { color: false })}${renderJson(problems)}`;
      t.false(said.includes('canary'), `${text}: ${said}`);
    }
  }
});

// Mistakes that rules find between values, each with `canary` among the values.
const BETWEEN: readonly (readonly string[])[] = [
  ['<     upstream: orders', '>     upstream: ${CANARY}'],
  ['<     issuers: [main]', '>     issuers: ["${CANARY}"]'],
  ['<   - id: orders-read', '>   - id: ${CANARY}', '<   - id: health', '>   - id: ${CANARY}'],
  [
    '<   - id: orders-read',
    '>   - id: ${CANARY}',
    '<     match: { path: /health }',
    '>     match: { path: "/orders/{a}/**", methods: [GET] }',
  ],
  ['<       set: { X-User: "{claims.sub}" }', '>       set: { X-User: "{params.${CANARY}}" }'],
  ['<     auth: public', '>     auth: public', '>     headers: { set: { X-User: "{claims.${CANARY}}" } }'],
  ['<     auth: public', '>     auth: public', '>     acknowledge: ["${CANARY}"]'],
  ['<     rewrite: { stripPrefix: /orders }', '>     rewrite: { stripPrefix: "/${CANARY}" }'],
  ['<     match: { path: /health }', '>     match: { path: "/.well-known/bearergate/${CANARY}" }'],
];

for (const [index, edit] of BETWEEN.entries()) {
  test(`a rule that a value breaks does not tell the value (${index + 1})`, (t) => {
    const problems = problemsOf(edited(edit), { CANARY: 'canary' });
    t.true(problems.length > 0);
    t.false(renderProblems(problems, { color: false }).includes('canary'));
  });
}

const LEGACY = `
issuers:
  opaque:
    issuer: https://login.example.com
    audience: orders-api
    introspection:
      url: https://login.example.com/introspect
      clientId: gw
      clientSecret: VALUE
upstreams:
  api:
    url: http://127.0.0.1:1
    headers: { set: { Authorization: HEADER } }
routes:
  - { id: all, match: { path: "/**" }, auth: { issuers: [opaque] }, upstream: api, headers: { set: { X-Stage: STAGE } } }
`;
const legacy = (value: string, header = 'Basic abc', stage = 'live') =>
  LEGACY.replace('VALUE', () => value)
    .replace('HEADER', () => `"${header}"`)
    .replace('X-Stage: STAGE', () => `X-Stage: "${stage}"`);
const mistakesOf = (...from: Parameters<typeof load>) =>
  problemsOf(...from).filter(({ severity }) => severity === 'error');

const EMPTY: readonly (readonly [title: string, content: string])[] = [
  ['no bytes', ''],
  ['a line break', '\n'],
  ['a line break of Windows', '\r\n'],
  ['several line breaks', '\n\n'],
  ['blanks', ' \t\n'],
  ['a byte order mark', '\ufeff'],
  ['a byte order mark and a line break', '\ufeff\r\n'],
];

for (const [title, content] of EMPTY) {
  test(`a secret file of ${title} is a mistake wherever it is used`, (t) => {
    const files = { '/run/secrets/x': content };
    for (const text of [
      legacy('${file:/run/secrets/x}'),
      legacy('"${file:/run/secrets/x}"'),
      legacy('s3cret', 'Basic ${file:/run/secrets/x}'),
      legacy('s3cret', 'Basic abc', '${file:/run/secrets/x}'),
      audience('"orders${file:/run/secrets/x}"'),
    ]) {
      const problems = mistakesOf(text, {}, files);
      t.deepEqual(
        problems.map(({ name, message }) => [name, message]),
        [['empty-secret', '`/run/secrets/x` is empty']],
      );
    }
  });

  test(`a variable of ${title} is a mistake where a secret belongs, and nowhere else`, (t) => {
    const variables = { X: content };
    for (const text of [
      legacy('${X}'),
      legacy('"${X}"'),
      legacy('s3cret', 'Basic ${X}'),
      legacy('s3cret', 'Basic abc', '${X}'),
    ]) {
      const [problem, ...others] = mistakesOf(text, variables);
      t.like(problem, { name: 'empty-secret', message: '`X` is empty, where a secret belongs' });
      t.deepEqual(others, []);
    }
    t.false(mistakesOf(audience('"orders${X}"'), variables).some(({ name }) => name === 'empty-secret'));
  });
}

test('nothing is meant where it is written', (t) => {
  t.true(load(legacy('s3cret', 'Basic abc', '${STAGE:-}'), {}).ok);
  t.is(mistakesOf(legacy('"${X:-}"'), {}).length, 1, 'but no secret is nothing');
  t.is(mistakesOf(legacy('""'), {}).length, 1);
});

for (const value of ['', ' ', 'Basic', 'Basic ', 'bearer  ', 'Basic ${X:-}']) {
  test(`credentials for an upstream of which nothing but "${value}" is there are a mistake`, (t) => {
    t.like(mistakesOf(legacy('s3cret', value))[0], { name: 'empty-secret', message: 'the credentials are empty' });
    t.true(load(legacy('s3cret', 'Basic abc', value), {}).ok, 'in another header they are none');
  });
}

const BINARY: readonly (readonly [title: string, bytes: Buffer])[] = [
  ['random bytes', Buffer.from('ff00fe8081c0c1f5', 'hex')],
  ['text in Latin-1', Buffer.from('gehe\xefm', 'latin1')],
  ['text in UTF-16', Buffer.from('\ufeffsecret-secret-secret-secret-secret', 'utf16le')],
  ['a byte of zero', Buffer.from('secret-secret\0secret-secret-secret')],
];

for (const [title, bytes] of BINARY) {
  test(`a secret of ${title} is refused, since it would be another one`, (t) => {
    const text = bytes.toString('utf8');
    for (const document of [legacy('"${file:/run/secrets/x}"'), legacy('s3cret', 'Basic ${file:/run/secrets/x}')]) {
      const [problem] = mistakesOf(document, {}, { '/run/secrets/x': text });
      t.like(problem, { name: 'not-text' });
      t.regex(problem?.message ?? '', /`\/run\/secrets\/x` is not UTF-8 text/);
      t.false(JSON.stringify(problem).includes(text));
    }
    t.like(mistakesOf(legacy('"${X}"'), { X: text })[0], { name: 'not-text' });
  });
}

test('a value of the file itself that is not UTF-8 is a mistake too', (t) => {
  t.like(mistakesOf(legacy('"gehe\ufffdm"'))[0], { name: 'not-text', message: 'this holds bytes that are not UTF-8' });
});

const secretOf = (...from: Parameters<typeof load>) => {
  const [issuer] = loadGood(...from).config.issuers;
  return issuer && 'introspection' in issuer ? issuer.introspection.clientSecret : undefined;
};

test('a byte order mark in front of a secret is not a part of it', (t) => {
  t.is(secretOf(legacy('${file:/s}'), {}, { '/s': '\ufeffs3cret\r\n' }), 's3cret');
});

test('a secret is text whatever it looks like', (t) => {
  for (const value of ['0012345', '1e5', 'true', 'null', '~', '0x10']) {
    t.is(secretOf(legacy('${X}'), { X: value }), value);
    t.is(secretOf(legacy('${file:/s}'), {}, { '/s': `${value}\n` }), value);
  }
});
