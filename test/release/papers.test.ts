import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Spec, Validation } from '@cyclonedx/cyclonedx-library';
import test from 'ava';
import { build } from '../../build.mjs';
import { PAPERS, writePapers } from '../../release/papers.ts';
import { ROOT } from '../support/documents.ts';
import { temporaryFolder } from '../support/files.ts';

interface Component {
  readonly group?: string;
  readonly name: string;
  readonly version: string;
  readonly properties?: readonly { readonly name: string; readonly value: string }[];
}

const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
};
const EXACT = /^\d+\.\d+\.\d+$/;

/** The packages whose code a bundle holds, by the comment that the bundler writes over each file. */
function packagesIn(bundle: string): string[] {
  const found = bundle.matchAll(/^\s*\/\/ node_modules\/((?:@[^/\s]+\/)?[^/\s]+)\//gm);
  return [...new Set([...found].map(([, name = '']) => name))].sort();
}

test('the notices and the bill of materials list what the program contains and what it loads', async (t) => {
  const folder = await temporaryFolder({});
  t.teardown(folder.remove);
  const dist = folder.file('dist');
  writePapers(dist, await build(dist));
  const programs = readdirSync(dist).filter((file) => file.endsWith('.js'));
  const bundled = packagesIn(programs.map((file) => readFileSync(join(dist, file), 'utf8')).join('\n'));
  t.true(bundled.length > 0, 'the bundle names its files');

  const text = readFileSync(join(dist, PAPERS.bom), 'utf8');
  const { components } = JSON.parse(text) as { components: readonly Component[] };
  const nameOf = ({ group, name }: Component) => (group === undefined ? name : `${group}/${name}`);
  const copiedIn = components.filter(({ properties = [] }) => properties.some(({ value }) => value === 'true'));
  t.deepEqual(copiedIn.map(nameOf).sort(), bundled);
  for (const [name, version] of Object.entries(manifest.dependencies))
    t.is(components.find((component) => nameOf(component) === name)?.version, version, name);
  t.is(await new Validation.JsonStrictValidator(Spec.Version.v1dot6).validate(text), null);

  const notices = readFileSync(join(dist, PAPERS.notices), 'utf8');
  const headings = [...notices.matchAll(/^-{80}\n\n(\S+) \S+ \(\S+\)\n\n\S/gm)].map(([, name]) => name);
  t.deepEqual(headings, bundled);

  // What a package of ours brings with it has its version from the lock file.
  for (const name of bundled.filter((one) => one in manifest.devDependencies))
    t.regex(manifest.devDependencies[name] ?? '', EXACT, `${name} is copied in, so its version is exact`);
  for (const name of bundled) t.false(name in manifest.dependencies, `${name} is not installed twice`);
});

test('the packages that do the work are dependencies with exact versions, and are loaded from node_modules', async (t) => {
  const named = ['http-proxy', 'jose', 'lru-cache', 'pino', 'yaml'];
  t.deepEqual(Object.keys(manifest.dependencies).sort(), named);
  for (const name of named) t.regex(manifest.dependencies[name] ?? '', EXACT, name);
  const folder = await temporaryFolder({});
  t.teardown(folder.remove);
  await build(folder.file('dist'));
  const program = readFileSync(folder.file('dist/main.js'), 'utf8');
  for (const name of named) t.true(program.includes(`("${name}`), `${name} is required by its name`);
});
