import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test from 'ava';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const page = readFileSync(`${ROOT}docs/decisions/attacks.md`, 'utf8');
const files = readdirSync(`${ROOT}test/attacks`).map((file) => file.replace(/\.test\.ts$/, ''));
const [, classes = '', checks = ''] =
  /## Classes([\s\S]*?)## Intermediary checks([\s\S]*?)## Decisions/.exec(page) ?? [];
const rowsOf = (table: string) =>
  table
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .slice(1)
    .map((line) => line.split(' | ').map((cell) => cell.replace(/^\| | \|$/g, '')));

test('every attack file stands in the table, and every row has its file', (t) => {
  const named = new Set(rowsOf(classes).map((cells) => cells.at(-1) as string));
  t.deepEqual(
    files.filter((file) => !named.has(file)),
    [],
    'files without a row',
  );
  t.deepEqual(
    [...named].filter((name) => !files.includes(name)),
    [],
    'rows without a file',
  );
});

test('every attack has a recording upstream, a positive control and a word on how it works', (t) => {
  for (const file of files) {
    const code = readFileSync(`${ROOT}test/attacks/${file}.test.ts`, 'utf8');
    t.regex(code, /startBehind|startSecure|startRecordingUpstream/, file);
    t.regex(code, /\b(?:200|101)\b/, file); // 101 where an upgrade passes
    t.regex(code, /^\/\/ /m, file);
  }
});

test('each of the 60 checks of an intermediary has a test that exists', (t) => {
  const rows = rowsOf(checks).map(([numbers = '', where = '']) => ({
    numbers: numbers.match(/^[\d, ]+/)?.[0] ?? '',
    where,
  }));
  const covered = new Set(rows.flatMap(({ numbers }) => numbers.split(',').map(Number)));
  t.deepEqual(
    Array.from({ length: 60 }, (_, index) => index + 1).filter((number) => !covered.has(number)),
    [],
  );
  for (const { where } of rows) t.true(existsSync(`${ROOT}${where}`), where);
});
