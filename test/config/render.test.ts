import test from 'ava';
import type { Problem } from '../../src/config/problem.ts';
import { renderJson, renderProblems } from '../../src/config/render.ts';

const PROBLEM: Problem = {
  severity: 'error',
  name: 'unknown-key',
  file: 'gateway.yaml',
  line: 12,
  column: 5,
  message: 'unknown key `colour`',
  hint: 'did you mean `color`?',
  excerpt: '    colour: red',
};

test('a problem is told with its line, a caret and a hint', (t) => {
  t.is(
    renderProblems([PROBLEM], { color: false }),
    [
      'gateway.yaml:12:5: error: unknown key `colour`',
      '  12 |     colour: red',
      '     |     ^',
      '  hint: did you mean `color`?',
      '',
      '1 error',
      '',
    ].join('\n'),
  );
});

test('nothing is told of nothing', (t) => t.is(renderProblems([], { color: true }), ''));

test('JSON has the documented members and no others', (t) => {
  const { excerpt: _, ...documented } = PROBLEM;
  t.deepEqual(JSON.parse(renderJson([PROBLEM])), { problems: [documented] });
  t.deepEqual(Object.keys(JSON.parse(renderJson([PROBLEM])).problems[0]), [
    'severity',
    'name',
    'file',
    'line',
    'column',
    'message',
    'hint',
  ]);
  t.is(renderJson([]), '{"problems":[]}\n');
});

test('colours go around the text and change nothing in it', (t) => {
  const colored = renderProblems([PROBLEM], { color: true });
  t.true(colored.includes('\u001b[31merror:\u001b[0m'));
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
  t.is(colored.replace(/\u001b\[\d+m/g, ''), renderProblems([PROBLEM], { color: false }));
});

test('controls of the file do not reach the terminal', (t) => {
  const evil = { ...PROBLEM, message: 'unknown key `\u001b[2J\u0007`', excerpt: '    \u001b]0;evil\u0007\u202e: red' };
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
  t.notRegex(renderProblems([evil], { color: false }), /[\u0000-\u0009\u000b-\u001f\u202e]/);
});

test('a tab before the place keeps the caret beneath it', (t) => {
  const text = renderProblems([{ ...PROBLEM, excerpt: 'a:\t\tx', column: 5 }], { color: false });
  t.true(text.includes('\n     |   \t\t^\n'));
});

test('a long line is shown around the place', (t) => {
  const excerpt = `${'a'.repeat(500)}X${'b'.repeat(500)}`;
  const [, source = '', caret = ''] = renderProblems([{ ...PROBLEM, excerpt, column: 501 }], { color: false }).split(
    '\n',
  );
  t.true(source.length < 140);
  t.is(source.indexOf('X'), caret.indexOf('^'));
});

test('errors and warnings are counted apart', (t) => {
  const warning: Problem = { ...PROBLEM, severity: 'warning' };
  t.true(renderProblems([PROBLEM, PROBLEM, warning], { color: false }).endsWith('\n2 errors, 1 warning\n'));
});
