import test from 'ava';
import { BOUND, NameMemory } from '../../src/request/name-memory.ts';

test('a name is known once its meaning was set', (t) => {
  const memory = new NameMemory<string>();
  t.is(memory.get('Accept'), undefined);
  memory.set('Accept', 'keep');
  t.is(memory.get('Accept'), 'keep');
  t.is(memory.get('accept'), undefined);
});

test('10,000 invented names stay within the bound', (t) => {
  const memory = new NameMemory<string>();
  for (let index = 0; index < 10_000; index += 1) {
    memory.set(`x-${index}`, 'keep');
    t.true(memory.size <= 2 * BOUND.names);
  }
  memory.set(`x-${'y'.repeat(BOUND.length)}`, 'keep');
  t.is(memory.get(`x-${'y'.repeat(BOUND.length)}`), undefined);
});

test('names that every request has stay known during a flood of others, and after it', (t) => {
  const memory = new NameMemory<string>();
  const honest = ['Host', 'Accept', 'User-Agent', 'Authorization'];
  for (const name of honest) memory.set(name, 'known');
  let forgotten = 0;
  for (let index = 0; index < 10_000; index += 1) {
    memory.set(`x-${index}`, 'keep');
    // A request among 100 of the flood.
    if (index % 100 === 0) forgotten += honest.filter((name) => memory.get(name) === undefined).length;
  }
  t.is(forgotten, 0);
  t.is(memory.get('x-1'), undefined, 'the flood is forgotten');
});

test('what a flood leaves behind makes room for names that come later', (t) => {
  const memory = new NameMemory<string>();
  for (let index = 0; index < 10_000; index += 1) memory.set(`x-${index}`, 'keep');
  memory.set('Accept', 'known');
  t.is(memory.get('Accept'), 'known');
});
