import test from 'ava';
import { AnswerNames } from '../../src/forward/answer-names.ts';

const nameOf = (names: AnswerNames, text: string) => {
  const { name, lower } = names.of(Buffer.from(text, 'latin1'));
  return [name, lower];
};

test('a name is told as it came and in lower case, the first time and again', (t) => {
  const names = new AnswerNames();
  for (let time = 0; time < 2; time += 1) {
    t.deepEqual(nameOf(names, 'Content-Type'), ['Content-Type', 'content-type']);
    t.deepEqual(nameOf(names, 'X'), ['X', 'x']);
    t.deepEqual(nameOf(names, 'x'), ['x', 'x']);
  }
});

test('names of one length with the same ends are not taken for each other', (t) => {
  const names = new AnswerNames();
  for (const text of ['X-Aaa-Z', 'X-Bbb-Z', 'X-aaa-Z', 'X-Aaa-Z'])
    t.deepEqual(nameOf(names, text), [text, text.toLowerCase()]);
});

test('bytes that change afterwards change nothing: a parser uses its memory again', (t) => {
  const names = new AnswerNames();
  const bytes = Buffer.from('Location');
  t.is(names.of(bytes).lower, 'location');
  bytes.write('Lacation');
  t.is(names.of(bytes).lower, 'lacation');
  t.is(nameOf(names, 'Location')[1], 'location');
});

test('more names than it remembers, and long ones, are told as well', (t) => {
  const names = new AnswerNames();
  for (let length = 1; length < 600; length += 1) {
    const text = `A${'b'.repeat(length)}`;
    t.deepEqual(nameOf(names, text), [text, text.toLowerCase()]);
    t.deepEqual(nameOf(names, text.toUpperCase()), [text.toUpperCase(), text.toLowerCase()]);
  }
});

test('names that every answer has stay remembered during and after a flood of others', (t) => {
  const names = new AnswerNames();
  const usual = ['Date', 'Content-Type', 'Content-Length'].map((text) => Buffer.from(text));
  const known = usual.map((bytes) => names.of(bytes));
  for (let index = 0; index < 10_000; index += 1) {
    names.of(Buffer.from(`X-${index}-${'a'.repeat(index % 50)}`));
    // The same object, and not another one made for the same name.
    if (index % 20 === 0)
      for (const [at, bytes] of usual.entries()) t.is(names.of(bytes), known[at] as (typeof known)[0]);
  }
});
