import test from 'ava';
import { mistakes, rendered } from './mistakes.ts';

// Each section of mistakes.txt: how the file differs from base.yaml, and everything that is said about it.

test('there are enough mistakes to speak of, each once', (t) => {
  const titles = mistakes().map(({ title }) => title);
  t.true(titles.length >= 120);
  t.is(new Set(titles).size, titles.length);
});

for (const { title, edit, output } of mistakes()) {
  test(title, (t) => t.is(rendered(edit).trimEnd(), output));
}

test('base.yaml itself is right', (t) => t.is(rendered([]), ''));
