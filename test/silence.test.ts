import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';

// What goes wrong must reach somebody. A place that passes over an error says why in a comment, on its line, just above it or
// within it; every other place reports the error, or turns it into a value that its caller has to look at.

const SRC = fileURLToPath(new URL('../src/', import.meta.url));
const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));

interface Place {
  readonly line: number;
  readonly text: string;
}

/** Places of a source that pass over an error without a word. */
function silentPlaces(source: string): Place[] {
  const lines = source.split('\n');
  const isExplained = (at: number) =>
    [lines[at - 1], lines[at], lines[at + 1]].some((line) => /\/\/|\*\//.test(line ?? ''));
  return lines.flatMap((text, at) => {
    const found =
      isSilentCatch(lines, at) ||
      // A rejection or an error event for which nothing is done.
      /\.catch\(\(\) =>|\.catch\(\(\w+\) => (?:\{\}|undefined)\)|\.catch\(NOTHING\)/.test(text) ||
      /on(?:ce)?\('error', (?:\(\w*\) => \{\}|NOTHING)/.test(text) ||
      // A promise that nobody waits for: out of it a rejection ends the process.
      (/(?:^|[^:|]) ?\bvoid (?:this\.|[a-z#])[\w.#?]*\(/.test(text) &&
        !/void [\w.#]*\.(?:add|on|push|delete|after|set)\(/.test(text));
    return found && !isExplained(at) ? [{ line: at + 1, text: text.trim() }] : [];
  });
}

/** A `catch` that does not look at the error, and neither gives its caller a value nor throws. */
function isSilentCatch(lines: readonly string[], at: number): boolean {
  const text = lines[at] ?? '';
  if (!/\bcatch \{/.test(text)) return false;
  const indent = /^\s*/.exec(text)?.[0] ?? '';
  const end = lines.findIndex((line, index) => index > at && line.startsWith(`${indent}}`));
  const body = lines.slice(at + 1, end).join('\n');
  return !/\b(?:return|throw)\b|\/\//.test(body);
}

for (const [title, source, count] of [
  ['an empty catch', 'try {\n  a();\n} catch {\n}\n', 1],
  ['a catch that goes on', 'try {\n  a();\n} catch {\n  b();\n}\n', 1],
  ['a catch that says why', 'try {\n  a();\n} catch {\n  // It has gone.\n}\n', 0],
  ['a catch that returns a value', 'try {\n  a();\n} catch {\n  return undefined;\n}\n', 0],
  ['a catch that looks at the error', 'try {\n  a();\n} catch (error) {\n  b(error);\n}\n', 0],
  ['a rejection', '\na().catch(() => {});\n\n', 1],
  ['a rejection that says why', '\n// It has gone.\na().catch(() => {});\n\n', 0],
  ['an error event', "\nsocket.on('error', () => {});\n\n", 1],
  ['an error event by name', "\nsocket.on('error', NOTHING);\n\n", 1],
  ['a promise that nobody waits for', '\n  void this.#run();\n\n', 1],
  ['such a promise in a listener', '\n  on(() => void this.refresh());\n\n', 1],
  ['such a promise that says why', '\n  void this.#run(); // never rejects\n\n', 0],
  ['a type', '\n  run(): void;\n  each: (a: A) => void;\n\n', 0],
] as const)
  test(`${title} is ${count === 0 ? 'not ' : ''}found`, (t) => {
    t.is(silentPlaces(source).length, count);
  });

for (const file of files)
  test(`${file} passes over no error without a reason`, (t) => {
    t.deepEqual(silentPlaces(readFileSync(join(SRC, file), 'utf8')), []);
  });
