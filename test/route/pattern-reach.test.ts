import test from 'ava';
import { readPattern } from '../../src/config/pattern.ts';
import { takesPath } from '../../src/route/ranking.ts';
import { canonicalTarget } from '../../src/route/target.ts';

// Two readers of a path have to agree: a pattern that is accepted is one that some request has, once its target is
// canonical. All octets are tried, plain and as escapes, alone and beside what makes them special.

const octets = Array.from({ length: 256 }, (_, code) => code);
const escaped = octets.map((code) => `%${code.toString(16).toUpperCase().padStart(2, '0')}`);
const pieces = [
  ...octets.map((code) => String.fromCharCode(code)),
  ...escaped,
  ...escaped.map((text) => text.toLowerCase()),
  ...escaped.map((text) => `%25${text.slice(1)}`),
  ...escaped.map((text) => `%C3${text}`),
  ...[
    '.',
    '..',
    '...',
    '..;',
    '.;x',
    ';',
    '%3B',
    '..%3Bx',
    'a%2F..',
    '%2F..%2F',
    '%2F',
    'a;x',
    '..%2F;x',
    '%2A',
    '**x',
  ],
];

/** Whether requests for this path lead to a route that has it as its pattern, where the route allows all there is to allow. */
function isReached(text: string): boolean {
  const pattern = readPattern(text);
  // The one delimiter that a pattern cannot have plain: requests have it plain, and its escape is refused.
  const target = canonicalTarget(text.replaceAll('%2A', '*'));
  if (typeof pattern === 'string' || !target.ok) return false;
  return takesPath({ host: undefined, path: pattern, methods: undefined }, target.value.path);
}

for (const around of ['/', '/a', '/a/']) {
  test(`a pattern is accepted only where a request can have it, with ${around} in front`, (t) => {
    const accepted = pieces
      .map((piece) => `${around}${piece}/z`)
      .filter((text) => typeof readPattern(text) !== 'string');
    t.true(accepted.length > 60, 'some patterns are accepted');
    t.deepEqual(
      accepted.filter((text) => !isReached(text)),
      [],
    );
  });
}
