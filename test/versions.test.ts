import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { ROOT } from './support/documents.ts';

const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');
const manifest = JSON.parse(read('package.json'));
const headings = [...read('CHANGELOG.md').matchAll(/^## (.+)$/gm)].map(([, heading = '']) => heading);

test('the changelog has what is unreleased first, then every version, the latest first', (t) => {
  const [first, ...versions] = headings;
  t.is(first, 'Unreleased');
  t.true(versions.length > 0);
  for (const version of versions) t.regex(version, /^\d+\.\d+\.\d+$/);
  const ordered = [...versions].sort((one, other) => other.localeCompare(one, 'en', { numeric: true }));
  t.deepEqual(versions, ordered);
  t.is(new Set(versions).size, versions.length, 'a union merge has not made a heading twice');
});

test('the version of the package is the latest of the changelog', (t) => {
  t.is(manifest.version, headings[1]);
  t.is(JSON.parse(read('package-lock.json')).packages[''].version, manifest.version);
});

test('no field of the configuration is newer than the next minor version', (t) => {
  const [major = 0, minor = 0] = String(manifest.version).split('.').map(Number);
  const versions = new Set(
    [...read('docs/configuration.md').matchAll(/\| (\d+\.\d+) \| [^|]+\|$/gm)].map(([, at]) => at),
  );
  const known = Array.from({ length: minor + 2 }, (_, at) => `${major}.${at}`);
  t.deepEqual(
    [...versions].filter((version) => !known.includes(version ?? '')),
    [],
  );
  t.true(versions.size > 0);
});

test('the version policy names every page that lists something covered, and the supported versions of Node', (t) => {
  const policy = read('docs/versions.md');
  for (const page of ['configuration', 'errors', 'headers', 'metrics', 'log'])
    t.true(policy.includes(`(${page}.md)`), page);
  for (const path of Object.keys(manifest.exports).filter((path) => path !== './package.json'))
    t.true(policy.includes(`\`${path.replace('.', 'bearergate')}\``), path);
  const versions = /VERSIONS = \[([^\]]+)\]/.exec(read('release/check.ts'))?.[1] ?? '';
  const all = [...versions.matchAll(/'([\d.]+)'/g)].map(([, version = '']) => version);
  t.true(policy.includes(`${all.slice(0, -1).join(', ')} and ${all.at(-1)}`));
  t.is(manifest.engines.node, `>=${all[0]}`);
});
