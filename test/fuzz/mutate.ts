import type { Random } from './random.ts';

/** Changes a text of Latin-1 bytes in a few places. `words` are texts that mean something where it is read. */
export function mutate(random: Random, text: string, words: readonly string[], most = 4): string {
  let mutated = text;
  for (let left = 1 + random.below(most); left > 0; left -= 1) mutated = random.pick(CHANGES)(random, mutated, words);
  return mutated;
}

type Change = (random: Random, text: string, words: readonly string[]) => string;

const CHANGES: readonly Change[] = [
  (random, text, words) => splice(text, random.below(text.length + 1), 0, random.pick(words)),
  (random, text, words) => splice(text, atLine(random, text), 0, random.pick(words)),
  (random, text, words) => splice(text, random.below(text.length + 1), random.below(4), random.pick(words)),
  (random, text) => splice(text, random.below(text.length + 1), 1, String.fromCharCode(random.below(256))),
  (random, text) => splice(text, random.below(text.length + 1), 0, String.fromCharCode(random.below(256))),
  (random, text) => splice(text, random.below(text.length + 1), 1 + random.below(8), ''),
  (random, text) => {
    const from = random.below(text.length + 1);
    return splice(text, random.below(text.length + 1), 0, text.slice(from, from + random.below(40)));
  },
  (random, text) => {
    const lines = text.split('\r\n');
    const line = random.pick(lines);
    lines.splice(random.below(lines.length), 0, random.chance(0.5) ? line : swapCase(line));
    return lines.join('\r\n');
  },
];

function splice(text: string, at: number, length: number, word: string): string {
  return text.slice(0, at) + word + text.slice(at + length);
}

function atLine(random: Random, text: string): number {
  const ends = [...text.matchAll(/\r\n/g)].map(({ index }) => index + 2);
  return ends.length > 0 ? random.pick(ends) : 0;
}

function swapCase(line: string): string {
  return line === line.toLowerCase() ? line.toUpperCase() : line.toLowerCase();
}
