import { PARSERS } from './awkward.ts';

// Gives every parser every awkward text and reports the CPU time that each pair took, a line each: a process of its own, so
// that one which never ends can be ended from outside.

const LENGTH = 64 * 1024;

/** In ms of CPU: no second try would be quick. */
const HOPELESS = 2_000;

/** Alone, and as they are joined in what is read. */
const PIECES = [
  ' ',
  '\t',
  '"',
  "'",
  ',',
  ';',
  '=',
  '%',
  '.',
  '/',
  ':',
  '\\',
  '&',
  '+',
  '-',
  '0',
  'a',
  '\u00ff',
  '<',
  '[',
  '{',
];
const JOINED = [
  ...['a=b;', 'a=b&', ' ;', ' ,', 'a ,', ' =', '\t ', '"\\', '","', '%20', '%ff', '%41', '../', '//', 'a/', 'a.', '::'],
  ...[
    '[]',
    '{}',
    '</a>;',
    ';a=b',
    'for=',
    '127.0.0.1:1, ',
    'session=',
    'bearer, ',
    'access_token=',
    'bearergate',
    'your-',
  ],
  ...['ey.', '0;url=', 'http://localhost:3000/', 'Domain=', 'Path=/v1', '{"a":', '"a",', '\u00e9\u00c3'],
];

function* texts(): Generator<readonly [title: string, text: string]> {
  for (const piece of [...PIECES, ...JOINED]) {
    const text = piece.repeat(LENGTH / piece.length);
    // A pattern that begins or ends with it, and one that has it within.
    for (const [before, behind] of [
      ['', ''],
      ['', 'x'],
      ['a', 'x'],
    ])
      yield [`${before}${JSON.stringify(piece)}…${behind}`, before + text + behind];
  }
}

/** In ms of CPU, the least of some tries where the first is slow: the compiler and the collector take their time too. */
function cost(run: () => unknown): number {
  let least = Number.POSITIVE_INFINITY;
  for (let tries = 0; tries < 3 && least > 100 && !(tries > 0 && least > HOPELESS); tries += 1) {
    const before = process.cpuUsage();
    try {
      run();
    } catch {
      // A refusal by an exception costs no less.
    }
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, (user + system) / 1000);
  }
  return least;
}

/** What the test must find: quadratic time, as it was in the source once, and no end at all. */
const CONTROLS: typeof PARSERS = {
  quadratic: (text) => text.replace(/^[ \t]+|[ \t]+$/g, ''),
  endless: () => {
    for (;;);
  },
};

process.on('message', (name: string) => {
  const parser = (PARSERS[name] ?? CONTROLS[name]) as (text: string) => unknown;
  let slowest: { readonly title: string; readonly ms: number } = { title: '', ms: 0 };
  for (const [title, text] of texts()) {
    process.send?.({ title });
    const ms = cost(() => parser(text));
    if (ms > slowest.ms) slowest = { title, ms };
    if (ms > HOPELESS) break;
  }
  process.send?.({ slowest });
});
