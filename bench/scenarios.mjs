import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { forged } from './issuer.mjs';

const GUARDED = '/orders/4711';
const PUBLIC = '/catalogue/4711';

/** Enough for every token of a scenario that remembers them. */
const ROOMY = 100_000;
/**
 * Far fewer than there are tokens. They are sent in turn, so a least-recently-used cache has always just forgotten the
 * one that comes: each request pays for its signature, as with a token never seen, and a run can be of any length.
 */
const TINY = 100;

/**
 * What is measured, in the order of the table. Each has a process of its own, so that none runs on code that another
 * one warmed up. `tokens` is a file with one token a line; `expect` is what the gateway's own counters have to say of
 * a run, so that a mistake in the set-up can't pass for a figure.
 */
export function scenariosFor(files) {
  return [
    { name: 'undici', tokens: files.one, path: GUARDED, status: 200 },
    { name: 'bearergate public', cacheEntries: ROOMY, path: PUBLIC, status: 200, expect: 'none' },
    { name: 'bearergate cached', cacheEntries: ROOMY, tokens: files.one, path: GUARDED, status: 200, expect: 'hit' },
    {
      name: 'bearergate many tokens',
      cacheEntries: ROOMY,
      tokens: files.many,
      path: GUARDED,
      status: 200,
      expect: 'hit',
    },
    { name: 'bearergate uncached', cacheEntries: TINY, tokens: files.many, path: GUARDED, status: 200, expect: 'miss' },
    {
      name: 'bearergate refused',
      cacheEntries: TINY,
      tokens: files.forged,
      path: GUARDED,
      status: 401,
      expect: 'miss',
    },
  ];
}

/** Writes the tokens that the scenarios send, and answers where. */
export function writeTokens(folder, tokens) {
  const write = (name, list) => {
    const file = join(folder, name);
    writeFileSync(file, `${list.join('\n')}\n`, { mode: 0o600 });
    return file;
  };
  return {
    one: write('one.txt', tokens.slice(0, 1)),
    many: write('many.txt', tokens),
    forged: write('forged.txt', tokens.map(forged)),
  };
}
