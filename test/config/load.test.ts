import test from 'ava';
import { loadConfig } from '../../src/config/load.ts';
import { edited } from './mistakes.ts';
import { FILE, load, loadGood, problemsOf } from './support.ts';

const failing = (code: string) => () => {
  throw Object.assign(new Error('secret words of the system'), { code });
};

const UNREADABLE: readonly [code: string, message: string][] = [
  ['ENOENT', 'the configuration file does not exist'],
  ['EACCES', 'the configuration file may not be read by this process'],
  ['EISDIR', 'the configuration file is a folder'],
  ['EIO', 'the configuration file cannot be read (EIO)'],
];

for (const [code, message] of UNREADABLE) {
  test(`a file that cannot be read (${code}) is one problem`, (t) => {
    const loaded = loadConfig('gateway.yaml', { variables: {}, readFile: failing(code), readFolder: failing(code) });
    t.deepEqual(!loaded.ok && loaded.problems, [
      { severity: 'error', name: 'unreadable-file', file: 'gateway.yaml', line: 1, column: 1, message },
    ]);
  });
}

test('a file of more than 4 MiB is refused unread', (t) => {
  t.is(problemsOf(`a: ${'x'.repeat(4 * 1024 * 1024)}`)[0]?.name, 'too-large');
});

test('an alias bomb is one problem, told at once', (t) => {
  const levels = Array.from({ length: 12 }, (_, level) => {
    const content =
      level === 0
        ? 'x'
        : Array(10)
            .fill(`*a${level - 1}`)
            .join(', ');
    return `a${level}: &a${level} [${content}]`;
  });
  const problems = problemsOf(levels.join('\n'));
  t.is(problems.length, 1);
  t.like(problems[0], { name: 'alias-bomb', message: 'aliases stand for more than 20000 values' });
});

test('brackets without end are one problem', (t) => {
  t.deepEqual(
    problemsOf('['.repeat(5000)).map(({ message }) => message),
    ['lists or maps are nested too deeply'],
  );
});

test('an alias that stands within what it names is refused', (t) => {
  const yaml = edited(['<       claims: { tenant: acme }', '>       claims: &self { tenant: *self }']);
  t.deepEqual(
    problemsOf(yaml).map(({ message }) => message),
    ['`*self` stands within what it names'],
  );
});

test('an alias stands for what its anchor names', (t) => {
  const yaml = edited([
    '<   auth:',
    '<     issuers: [main]',
    '>   auth: &auth',
    '>     issuers: [main]',
    '<     auth: public',
    '>     auth: *auth',
  ]);
  const [first, second] = loadGood(yaml).config.routes;
  t.deepEqual(second?.guard !== 'public' && second?.guard.issuers, first?.guard !== 'public' && first?.guard.issuers);
});

test('a value behind an alias that is wrong is told where the alias stands', (t) => {
  const yaml = edited([
    '<     audience: orders-api',
    '>     audience: &name orders-api',
    '<     upstream: orders',
    '>     upstream: *name',
  ]);
  t.like(problemsOf(yaml)[0], { name: 'unknown-upstream', line: 24, column: 15 });
});

test('a mistake behind an anchor is told once, however many aliases there are', (t) => {
  const yaml = edited([
    '<     audience: orders-api',
    '>     audience: &list [7]',
    '<     algorithms: [RS256, ES256]',
    '>     requiredClaims: *list',
  ]);
  t.deepEqual(
    problemsOf(yaml).map(({ line, column }) => [line, column]),
    [[7, 22]],
  );
});

test('a byte order mark and line ends of other systems do not move positions', (t) => {
  const yaml = `\ufeff${edited(['< publicUrl: https://api.example.com', '> publicurl: https://api.example.com']).replaceAll('\n', '\r\n')}`;
  const [problem, ...others] = problemsOf(yaml);
  t.like(problem, { line: 1, column: 1, excerpt: 'publicurl: https://api.example.com' });
  t.is(others.length, 0);
});

test('no and off are text, as YAML 1.2 has them', (t) => {
  const guard = loadGood(edited(['<       claims: { tenant: acme }', '>       claims: { tenant: no }'])).config
    .routes[0]?.guard;
  t.deepEqual(guard !== 'public' && guard?.claims, [['tenant', { kind: 'equals', value: 'no' }]]);
});

test('an entry that cannot be read keeps its name, so that others may refer to it', (t) => {
  const problems = problemsOf(edited(['<     url: http://orders.internal:3000', '>     url: 7']));
  t.deepEqual(
    problems.map(({ name }) => name),
    ['wrong-type'],
  );
});

test('a section that cannot be read is not taken for one without names', (t) => {
  const problems = problemsOf(
    edited([
      '< upstreams:',
      '> upstreams: 7',
      '<   orders:',
      '<     url: http://orders.internal:3000',
      '<     timeouts: { response: 30s }',
    ]),
  );
  t.deepEqual(
    problems.map(({ name, line }) => [name, line]),
    [['wrong-type', 9]],
  );
});

test('nothing is concluded from what an unset variable leaves out', (t) => {
  const yaml = edited([
    '<     auth: public',
    `>     auth: \${AUTH}`,
    '<     issuers: [main]',
    `>     issuers: [ "\${MAIN}" ]`,
  ]);
  t.deepEqual(
    problemsOf(yaml).map(({ name }) => name),
    ['unset-variable', 'unset-variable'],
  );
});

test('names that every object has refer to nothing', (t) => {
  const yaml = edited([
    '<     upstream: orders',
    '>     upstream: constructor',
    '<     issuers: [main]',
    '>     issuers: [toString]',
  ]);
  t.deepEqual(
    problemsOf(yaml).map(({ name }) => name),
    ['unknown-issuer', 'unknown-upstream'],
  );
});

test('the file of a configuration is the one that was asked for', (t) => t.is(loadGood(edited([])).config.file, FILE));

/** A generator of the same numbers in every run (mulberry32). */
function seeded(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const SCRAPS = [
  '{',
  '}',
  '[',
  ']',
  ':',
  ': ',
  '- ',
  '\n',
  '\t',
  '"',
  "'",
  '&a ',
  '*a',
  '!',
  '|',
  '>',
  '#',
  '? ',
  '$',
  `\${X}`,
  `\${`,
  '%',
  '@',
  '0',
  'null',
  '\u0000',
  '<<: ',
  '__proto__: ',
  '---\n',
  '  ',
];

function mutate(text: string, random: (below: number) => number): string {
  const at = random(text.length + 1);
  const length = random(12);
  switch (random(4)) {
    case 0:
      return text.slice(0, at) + text.slice(at + length);
    case 1:
      return text.slice(0, at) + (SCRAPS[random(SCRAPS.length)] ?? '') + text.slice(at);
    case 2:
      return text.slice(0, at) + text.slice(at, at + length) + text.slice(at);
    default: {
      const lines = text.split('\n');
      const [line = ''] = lines.splice(random(lines.length), 1);
      lines.splice(random(lines.length + 1), 0, line);
      return lines.join('\n');
    }
  }
}

// In ten tests, one after another: a file that reports nothing for long beside busy neighbours is taken for one that hangs, and tests
// that run at once report together.
for (const part of Array(10).keys()) {
  test.serial(
    `five hundred spoiled files never make it throw, and each is good or has an error in its lines: ${part}`,
    (t) => {
      const random = seeded(20260722 + part);
      const base = edited([]);
      for (let round = 0; round < 500; round++) {
        let text = base;
        for (let times = 1 + random(3); times > 0; times--) text = mutate(text, random);
        const loaded = load(text, { X: 'value' });
        if (loaded.ok) continue;
        const lines = text.split('\n');
        const sound = loaded.problems.every(
          ({ line, column }) => line <= lines.length && column <= (lines[line - 1] ?? '').length + 1,
        );
        if (!sound || !loaded.problems.some(({ severity }) => severity === 'error'))
          t.fail(JSON.stringify({ text, loaded }));
      }
      t.pass();
    },
  );
}
