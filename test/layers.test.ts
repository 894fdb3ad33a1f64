import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';

const SRC = fileURLToPath(new URL('../src/', import.meta.url));

/** From the ground up. A file imports from its own stage or from an earlier line, never from a later one. */
const LEVELS: readonly (readonly string[])[] = [
  ['outcome', 'errors', 'clock', 'batch', 'bounded-file', 'package'],
  ['request'],
  ['token'],
  ['verify'],
  ['config'],
  ['route'],
  ['authorise'],
  ['forward'],
  ['assembly'],
  ['journey'],
  ['observe'],
  ['gateway'],
  ['explain'],
  ['server'],
  ['cli'],
  ['library'],
  ['main'],
];

/** Each package has one home. */
const HOMES: Readonly<Record<string, string>> = {
  jose: 'verify',
  'lru-cache': 'verify',
  undici: 'forward',
  'http-proxy': 'forward',
  '@clack/prompts': 'cli',
  yaml: 'config',
  zod: 'config',
  pino: 'observe',
  'prom-client': 'observe',
};

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
const stageOf = (file: string) => (file.split('/')[0] as string).replace(/\.ts$/, '');
const levelOf = (file: string) => LEVELS.findIndex((level) => level.includes(stageOf(file)));

interface Import {
  readonly from: string;
  readonly to: string;
  readonly typeOnly: boolean;
}

const imports: Import[] = files.flatMap((from) => {
  const text = readFileSync(join(SRC, from), 'utf8');
  return [...text.matchAll(/^(?:import|export) (type )?[^;]*?from '([^']+)';|\bimport\('([^']+)'\)/gms)].map(
    (found) => ({
      from,
      to: String(found[2] ?? found[3]),
      typeOnly: found[1] !== undefined,
    }),
  );
});

const inside = imports
  .filter(({ to }) => to.startsWith('.'))
  .map((found) => ({ ...found, to: relative(SRC, join(SRC, dirname(found.from), found.to)) }));

test('every file has its place in the order', (t) => {
  t.true(files.length > 50);
  t.true(inside.length > 100);
  for (const file of files) t.not(levelOf(file), -1, file);
});

test('imports go down, never up', (t) => {
  for (const { from, to } of inside) t.true(levelOf(to) <= levelOf(from), `${from} imports ${to}`);
});

test('no file imports itself by a way round', (t) => {
  const edges = new Map(files.map((file) => [file, inside.filter(({ from }) => from === file).map(({ to }) => to)]));
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    t.false(path.includes(file), `a cycle: ${[...path, file].join(' → ')}`);
    if (done.has(file) || path.includes(file)) return;
    for (const next of edges.get(file) ?? []) visit(next, [...path, file]);
    done.add(file);
  };
  for (const file of files) visit(file, []);
});

test('each package is used in its one home', (t) => {
  for (const { from, to, typeOnly } of imports) {
    if (to.startsWith('.') || to.startsWith('node:')) continue;
    // A part of a package is at home where the package is.
    const home = HOMES[to.split('/', to.startsWith('@') ? 2 : 1).join('/')];
    t.not(home, undefined, `${from} imports ${to}, which has no home`);
    if (!typeOnly) t.is(stageOf(from), String(home), `${from} imports ${to}`);
  }
});

test('observe is used by the server alone', (t) => {
  for (const { from, to } of inside) {
    if (stageOf(to) === 'observe')
      t.true(['observe', 'gateway', 'server'].includes(stageOf(from)), `${from} imports ${to}`);
  }
});

test('only main.ts touches process, and only the verifiers make a Verified', (t) => {
  for (const file of files) {
    const code = readFileSync(join(SRC, file), 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
    if (file !== 'main.ts') t.notRegex(code, /\bprocess\./, file);
    if (stageOf(file) !== 'verify') t.notRegex(code, /byVerifier/, file);
  }
});
