import test from 'ava';
import { readOpenApi } from '../../src/config/openapi.ts';
import { load } from './support.ts';

// "Billion laughs": aliases of aliases, so that a few lines of YAML stand for more values than memory has. Whoever may send
// a document for review, or write one file of a configuration, would end the program that reads it.

/** `levels` lists of ten aliases each; the last one stands for 10^levels values. */
const laughs = (levels: number) =>
  [
    'a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]',
    ...Array.from(
      { length: levels - 1 },
      (_, level) => `a${level + 1}: &a${level + 1} [${Array(10).fill(`*a${level}`)}]`,
    ),
  ].join('\n');

const API = 'openapi: 3.0.0\npaths: { /a: { get: { security: [] } } }\n';

const DOCUMENTS: Readonly<Record<string, string>> = {
  'aliases of aliases': laughs(9),
  'aliases in the place of paths': `${laughs(9)}\npaths: *a8`,
  'aliases in the place of what guards an operation': `${laughs(9)}\nsecurity: *a8`,
  'an alias within what it names': 'x: &x { y: *x }',
  'an alias that merges what it names': 'x: &x { <<: *x }',
  'aliases as keys': `${laughs(9)}\n? *a8\n: 1`,
};

/** Runs it, and fails where that takes more than any honest document does. */
function bounded<T>(work: () => T): T {
  const before = process.cpuUsage();
  const result = work();
  const { user, system } = process.cpuUsage(before);
  if (user + system > 20_000_000) throw new Error(`it took ${(user + system) / 1e6} s of CPU`);
  return result;
}

for (const [what, yaml] of Object.entries(DOCUMENTS)) {
  test(`an OpenAPI document with ${what} is refused or read, in bounded time`, (t) => {
    const read = bounded(() => readOpenApi(`${API}${yaml}\n`));
    if (typeof read === 'string') t.regex(read, /YAML|OpenAPI/);
    else t.true(read.routes.length <= 1);
  });

  test(`a configuration with ${what} is refused, in bounded time`, (t) => {
    const loaded = bounded(() => load(`${yaml}\n`));
    t.false(loaded.ok);
    if (!loaded.ok) t.true(loaded.problems.length < 100, 'and told of in a few words');
  });
}

test('a few aliases are read in both', (t) => {
  const shared = `openapi: 3.0.0\nx: &open { security: [] }\npaths: { /a: { get: *open }, /b: { get: *open } }\n`;
  const read = readOpenApi(shared);
  t.is(typeof read === 'string' ? read : read.routes.length, 2);
});
