import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'ava';
import { DISK } from '../src/config/files.ts';
import { loadConfig } from '../src/config/load.ts';
import { documents, ROOT } from './support/documents.ts';

const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');

for (const [file, content] of Object.entries(documents())) {
  test(`${file} is what the sources say (else: npm run generate)`, (t) => {
    t.is(read(file), content);
  });
}

test('every field of the configuration page has an example, unless it is a map, and says what it does', (t) => {
  const rows = read('docs/configuration.md')
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.split(' | '));
  t.true(rows.length > 100);
  for (const [field = '', type, , , example, since, what] of rows) {
    if (type !== 'map' && field !== '| `routes`' && !what?.startsWith('Not available yet'))
      t.regex(example ?? '', /^`.+`$/, field);
    t.regex(since ?? '', /^\d+\.\d+$/, field);
    t.regex(what ?? '', /^\S.*\S \|$/, field);
  }
});

const configs = [
  'config/gateway.yaml',
  ...readdirSync(join(ROOT, 'config/examples')).map((name) => `config/examples/${name}`),
];

test('there are examples', (t) => {
  t.true(configs.length >= 3);
});

for (const file of configs) {
  test(`${file} loads without a problem or a warning`, (t) => {
    const loaded = loadConfig(join(ROOT, file), { variables: {}, ...DISK });
    t.deepEqual(loaded.ok ? loaded.warnings : loaded.problems, []);
    t.true(loaded.ok);
    t.regex(read(file), /yaml-language-server: \$schema=(?:\.\/|\.\.\/)gateway\.schema\.json/);
  });
}

const pages = [
  'README.md',
  'ARCHITECTURE.md',
  'CONTRIBUTING.md',
  'docs/library.md',
  'docs/versions.md',
  'docs/upgrading.md',
  ...['docs/decisions', 'docs/running'].flatMap((folder) =>
    readdirSync(join(ROOT, folder)).map((name) => `${folder}/${name}`),
  ),
];
const scripts = Object.keys(JSON.parse(read('package.json')).scripts);

for (const page of pages) {
  test(`every path, link and npm script named in ${page} exists`, (t) => {
    const text = read(page);
    const paths = [...text.matchAll(/`((?:src|config|test|docs|bench|k8s|\.ci)\/[\w./-]+)`/g)].map(
      ([, path = '']) => path,
    );
    const links = [...text.matchAll(/\]\((?!https?:)([^)#]+)[^)]*\)/g)].map(([, link = '']) =>
      join(dirname(page), link),
    );
    const named = [...text.matchAll(/npm run (?:-s )?([\w:]+)/g)].map(([, script = '']) => script);
    t.deepEqual(
      [...paths, ...links].filter((path) => !existsSync(join(ROOT, path))),
      [],
    );
    t.deepEqual(
      named.filter((script) => !scripts.includes(script)),
      [],
    );
  });
}

test('ARCHITECTURE.md names files that are in the folder of their row', (t) => {
  let folder = '';
  const absent: string[] = [];
  const rows = read('ARCHITECTURE.md').matchAll(/^\| ([^|]*) \| [^|]* \| ([^|]*) \|$/gm);
  for (const [, where = '', files = ''] of [...rows].slice(2)) {
    folder = /`(src\/[\w/]*\/)`/.exec(where)?.[1] ?? folder;
    for (const [, file = ''] of files.matchAll(/`([\w.-]+)`/g))
      if (!existsSync(join(ROOT, folder, file))) absent.push(folder + file);
  }
  t.is(folder, 'src/library/');
  t.deepEqual(absent, []);
});

test('the YAML in the README loads', (t) => {
  const blocks = [...read('README.md').matchAll(/```yaml\n(.*?)```/gs)].map(([, yaml = '']) => yaml);
  t.true(blocks.length > 0);
  for (const yaml of blocks) {
    const loaded = loadConfig('README.yaml', {
      variables: { LEGACY_API: 'http://127.0.0.1:3000' },
      readFile: () => yaml,
      readFolder: () => [],
    });
    t.deepEqual(loaded.ok ? [] : loaded.problems, []);
  }
});

test('what the README links to for users is in the package', (t) => {
  const { files } = JSON.parse(read('package.json')) as { files: string[] };
  // These two are about the sources, which the package does not have; so is the page on measuring.
  const ofSources = ['ARCHITECTURE.md', 'CONTRIBUTING.md', 'bench/README.md'];
  const links = [...read('README.md').matchAll(/\]\((?!https?:)([^)#]+)[^)]*\)/g)].map(([, link = '']) => link);
  const isPacked = (link: string) => files.some((file) => file === link || link.startsWith(`${file}/`));
  t.deepEqual(
    links.filter((link) => !ofSources.includes(link) && !isPacked(link)),
    [],
  );
  t.true(links.length > 10);
});
