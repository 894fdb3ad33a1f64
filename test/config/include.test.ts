import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { DISK } from '../../src/config/files.ts';
import { expand } from '../../src/config/glob.ts';
import { loadConfig } from '../../src/config/load.ts';
import { temporaryFolder } from '../support/files.ts';
import { edited } from './mistakes.ts';
import { FILE, load, loadGood, problemsOf } from './support.ts';

const including = (...items: string[]) =>
  edited(['< publicUrl: https://api.example.com', `> include: [${items.join(', ')}]`]);

const route = (id: string, path: string, rest = '') =>
  `routes:\n  - id: ${id}\n    match: { path: ${path} }\n    upstream: orders\n${rest}`;

const within = (files: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(files).map(([name, text]) => [`/etc/bearergate/${name}`, text]));

const told = (...from: Parameters<typeof load>) =>
  problemsOf(...from).map(({ file, line, column, message, hint }) => [
    `${file.replace('/etc/bearergate/', '')}:${line}:${column}`,
    message,
    ...(hint === undefined ? [] : [hint]),
  ]);

test('routes, upstreams and issuers of included files join those of the file that includes them', (t) => {
  const files = within({
    'routes/b.yaml': route('b', '/b'),
    'routes/a.yaml': `${route('a', '/a')}upstreams:\n  a: { url: "http://a.internal" }\nissuers:\n  a: { issuer: "https://a.example.com", audience: a }\n`,
    'routes/notes.txt': 'not: yaml: at all',
    'more.yaml': `routes:\n  - id: more\n    match: { path: /more }\n    upstream: a\n    auth: { issuers: [a, main] }\n`,
  });
  const { config, warnings } = loadGood(including('more.yaml', 'routes/*.yaml'), {}, files);
  t.deepEqual(warnings, []);
  t.deepEqual(
    config.routes.map(({ id }) => id),
    ['orders-read', 'health', 'more', 'a', 'b'],
  );
  t.deepEqual(
    config.upstreams.map(({ name }) => name),
    ['orders', 'a'],
  );
  t.deepEqual(
    config.issuers.map(({ name }) => name),
    ['main', 'a'],
  );
  t.true(config.routes.every(({ guard }) => guard === 'public' || guard.issuers.length > 0));
});

test('every file that was read is told, the first one first, with the folders that were looked through', (t) => {
  const files = within({
    'routes/a.yaml': route('a', `"\${file:path}"`),
    'routes/path': '/a',
    'routes/b.yaml': '# later',
  });
  const loaded = load(including('routes/*.yaml'), {}, files);
  t.deepEqual(
    loaded.files.map((file) => file.replace('/etc/bearergate/', '')),
    ['gateway.yaml', 'routes/a.yaml', 'routes/path', 'routes/b.yaml'],
  );
  t.deepEqual(loaded.folders, ['/etc/bearergate/routes']);
});

test('values of an included file keep their positions, and their secrets stay secret', (t) => {
  const files = within({
    'routes/a.yaml': `${route('a', '/a', '    retries: many\n')}  - id: b\n    match: { path: /b }\n    upstream: "\${TARGET}"\n`,
  });
  t.deepEqual(told(including('routes/a.yaml'), { TARGET: 'hunter2' }, files), [
    ['routes/a.yaml:5:14', 'expected a number, got text'],
    ['routes/a.yaml:8:15', `there is no upstream \`\${TARGET}\``],
  ]);
});

test('problems come in the order of the files, then of their lines', (t) => {
  const files = within({ 'a.yaml': route('a', 'a'), 'b.yaml': route('b', 'b') });
  const yaml = including('b.yaml', 'a.yaml').replace('/health', 'health');
  t.deepEqual(
    told(yaml, {}, files).map(([place]) => place),
    ['gateway.yaml:29:20', 'b.yaml:3:20', 'a.yaml:3:20'],
  );
});

test('a name that is taken names both places', (t) => {
  const files = within({
    'routes/a.yaml': `${route('health', '/a')}upstreams:\n  orders: { url: "http://a.internal" }\nissuers:\n  main: { issuer: "https://a.example.com", audience: a }\n`,
    'routes/b.yaml': route('b', '/a'),
  });
  t.deepEqual(told(including('routes/*.yaml'), {}, files), [
    ['routes/a.yaml:2:9', 'the id `health` is taken by the route in line 28 of ../gateway.yaml'],
    ['routes/a.yaml:6:3', 'the upstream `orders` is described already, in line 11 of ../gateway.yaml'],
    ['routes/a.yaml:8:3', 'the issuer `main` is described already, in line 6 of ../gateway.yaml'],
    [
      'routes/b.yaml:3:20',
      '`b` takes the same requests as `health` in line 2 of a.yaml, and neither is more specific',
      'make their hosts, paths or methods differ',
    ],
  ]);
});

test('a path that leads to no file and a glob that matches none are errors at their place', (t) => {
  t.deepEqual(told(including('routes/a.yaml', `"\${NAME}"`, 'routes/*.yaml'), { NAME: 'b.yaml' }), [
    ['gateway.yaml:1:11', '`routes/a.yaml` does not exist'],
    ['gateway.yaml:1:26', `\`\${NAME}\` does not exist`],
    ['gateway.yaml:1:37', 'no file matches `routes/*.yaml`', 'where that is as it should be: `{ optional: … }`'],
  ]);
});

test('what is optional may be absent, is watched for, and is no less strict once it is there', (t) => {
  const yaml = including('{ optional: "routes/*.yaml" }', '{ optional: local.yaml }');
  const { files, folders, warnings } = loadGood(yaml);
  t.deepEqual(warnings, []);
  t.deepEqual(files, ['/etc/bearergate/gateway.yaml', '/etc/bearergate/local.yaml']);
  t.deepEqual(folders, ['/etc/bearergate/routes']);
  const there = within({ 'routes/a.yaml': route('a', '/a'), 'local.yaml': route('b', '/b') });
  t.deepEqual(
    loadGood(yaml, {}, there).config.routes.map(({ id }) => id),
    ['orders-read', 'health', 'a', 'b'],
  );
  const flawed = within({ 'routes/a.yaml': route('a', 'a'), 'local.yaml': 'listen: {}' });
  t.deepEqual(
    told(yaml, {}, flawed).map(([place]) => place),
    ['routes/a.yaml:3:20', 'local.yaml:1:1'],
  );
});

test('an optional path is a text, and nothing stands beside it', (t) => {
  for (const item of ['{ optional: "" }', '{ optional: [a.yaml] }', '{ path: a.yaml }', '{}', '[a.yaml]', '7'])
    t.true(problemsOf(including(item)).length > 0, item);
});

test('tests that stand beside what they test are not included by a glob, and are where they are named', (t) => {
  const files = within({
    'routes/a.yaml': route('a', '/a'),
    'routes/a.test.yaml': 'tests: []',
    'routes/b.test.yml': 'tests: []',
    'routes/test.yaml': route('test', '/test'),
  });
  const { config } = loadGood(including('"routes/*"'), {}, files);
  t.deepEqual(
    config.routes.map(({ id }) => id),
    ['orders-read', 'health', 'a', 'test'],
  );
  const onlyTests = within({ 'routes/a.test.yaml': 'tests: []' });
  t.is(problemsOf(including('"routes/*.yaml"'), {}, onlyTests)[0]?.name, 'nothing-included');
  t.is(problemsOf(including('routes/a.test.yaml'), {}, files)[0]?.name, 'unknown-key');
});

test('more files than anybody means are one error', (t) => {
  const files = within(
    Object.fromEntries(
      Array.from({ length: 1001 }, (_, index) => [`routes/${index}.yaml`, route(`r${index}`, `/${index}`)]),
    ),
  );
  t.deepEqual(told(including('routes/*.yaml'), {}, files), [
    ['gateway.yaml:1:11', 'more than 1000 files would be included'],
  ]);
});

test('a folder that cannot be read is an error, optional or not: routes may be in it', (t) => {
  const readFolder = () => {
    throw Object.assign(new Error('no'), { code: 'EACCES' });
  };
  for (const item of ['routes/*.yaml', '{ optional: "routes/*.yaml" }']) {
    const readFile = (path: string) => (path === FILE ? including(item) : '');
    const loaded = loadConfig(FILE, { variables: {}, readFile, readFolder });
    t.like(loaded, { ok: false, problems: [{ message: '`routes` may not be read by this process' }] });
  }
});

test('a step of a glob takes any characters of one name', (t) => {
  const names = ['a.yaml', 'ab.yaml', 'b.yaml', 'aXbXc.yaml', '.a.yaml', 'a.yaml.bak'];
  const taken = (glob: string) => expand(glob, () => names).join();
  t.is(taken('*.yaml'), 'a.yaml,aXbXc.yaml,ab.yaml,b.yaml');
  t.is(taken('?.yaml'), 'a.yaml,b.yaml');
  t.is(taken('a*b*c*'), 'aXbXc.yaml');
  t.is(taken('a*'), 'a.yaml,a.yaml.bak,aXbXc.yaml,ab.yaml');
  t.is(taken('.*'), '.a.yaml');
  t.is(taken('**?'), taken('?*'));
  // With a pattern that tries every way to split a name this would not end.
  t.deepEqual(
    expand(`${'*a'.repeat(100)}*b`, () => ['a'.repeat(250)]),
    [],
  );
});

test('an included file has routes, upstreams and issuers, and nothing else', (t) => {
  const files = within({
    'a.yaml': 'listen: { port: 1 }\nroute: []\ninclude: [b.yaml]\ndefaults: {}\n',
    'b.yaml': '- id: b\n',
    'c.yaml': 'routes: { id: c }\nupstreams: [c]\n',
    'd.yaml': 'routes: [\n',
    'e.yaml': '# nothing\n',
  });
  const hint = 'it belongs into gateway.yaml; an included file has routes, upstreams and issuers';
  t.deepEqual(told(including('a.yaml', 'b.yaml', 'c.yaml', 'd.yaml', 'e.yaml'), {}, files), [
    ['a.yaml:1:1', '`listen` cannot stand in an included file', hint],
    ['a.yaml:2:1', 'unknown key `route`', 'did you mean `routes`?'],
    ['a.yaml:3:1', '`include` cannot stand in an included file', hint],
    ['a.yaml:4:1', '`defaults` cannot stand in an included file', hint],
    ['b.yaml:1:1', 'expected a map with routes, upstreams or issuers, got a list'],
    ['c.yaml:1:9', 'expected a list, got a map'],
    ['c.yaml:2:12', 'expected a map, got a list'],
    ['d.yaml:1:9', 'this `[` is never closed', 'if it spans lines, they stand deeper than its key'],
    ['e.yaml:1:1', 'this file is included, and says nothing'],
  ]);
});

test('nothing is concluded from names that a file may hold which could not be read', (t) => {
  const yaml = including('gone.yaml').replaceAll('upstream: orders', 'upstream: elsewhere');
  t.deepEqual(
    told(yaml).map(([, message]) => message),
    ['`gone.yaml` does not exist'],
  );
  const noRoutes = yaml.slice(0, yaml.indexOf('routes:'));
  t.deepEqual(
    told(noRoutes).map(([, message]) => message),
    ['`gone.yaml` does not exist'],
  );
});

test('a file cannot include itself, but a glob beside it does not mean it', (t) => {
  t.deepEqual(told(including('./gateway.yaml')), [['gateway.yaml:1:11', 'a file cannot include itself']]);
  t.deepEqual(told(including('"*.yaml"'), {}, within({ 'a.yaml': route('a', '/a') })), []);
});

test('a file that is named twice is read once', (t) => {
  const { config } = loadGood(including('a.yaml', '"*.yaml"', './a.yaml'), {}, within({ 'a.yaml': route('a', '/a') }));
  t.is(config.routes.filter(({ id }) => id === 'a').length, 1);
});

test('** is refused with what to write in its place', (t) => {
  const [problem] = problemsOf(including('routes/**'));
  t.like(problem, { name: 'bad-include', line: 1, column: 11 });
});

test('an alias bomb in an included file is one problem', (t) => {
  const levels = Array.from({ length: 12 }, (_, level) => {
    const content =
      level === 0
        ? 'x'
        : Array(10)
            .fill(`*a${level - 1}`)
            .join(', ');
    return `a${level}: &a${level} [${content}]`;
  });
  t.deepEqual(
    told(including('a.yaml'), {}, within({ 'a.yaml': levels.join('\n') })).map(([, message]) => message),
    ['aliases stand for more than 20000 values'],
  );
});

test('files named by an issuer are looked for beside the file that describes it', (t) => {
  const files = within({
    'issuers/a.yaml': 'issuers:\n  a:\n    issuer: a\n    audience: a\n    keys: { file: jwks.json }\n',
  });
  const { config } = loadGood(including('issuers/a.yaml'), {}, files);
  const issuer = config.issuers.find(({ name }) => name === 'a');
  t.deepEqual(issuer && 'keys' in issuer && issuer.keys.source, {
    kind: 'file',
    path: '/etc/bearergate/issuers/jwks.json',
  });
});

test('a ConfigMap is read through its links, once, and what an editor leaves beside it is not', async (t) => {
  const folder = await temporaryFolder({
    'gateway.yaml': including('routes/*.yaml', '{ optional: "*/.hidden/*.yaml" }'),
  });
  t.teardown(folder.remove);
  await mkdir(folder.file('routes/..2026_11_24'), { recursive: true });
  await folder.write('routes/..2026_11_24/a.yaml', route('a', '/a'));
  await symlink('..2026_11_24', folder.file('routes/..data'));
  await symlink(join('..data', 'a.yaml'), folder.file('routes/a.yaml'));
  await folder.write('routes/.#a.yaml', 'someone@host');
  const loaded = loadConfig(folder.file('gateway.yaml'), { variables: {}, ...DISK });
  t.true(loaded.ok);
  t.deepEqual(
    loaded.files.map((file) => file.slice(folder.path.length + 1)),
    ['gateway.yaml', 'routes/a.yaml'],
  );
});
