import test from 'ava';
import type { Assembly, Part } from '../../src/assembly.ts';
import { World } from '../../src/server/world.ts';
import { Worlds } from '../../src/server/worlds.ts';

const noDefect = (error: unknown) => {
  throw error;
};

/** Parts by their names, and what became of each. */
function cast() {
  const ended: string[] = [];
  const parts = new Map<string, Part>();
  const partOf = (name: string): Part => {
    const known = parts.get(name) ?? { close: () => void ended.push(name) };
    parts.set(name, known);
    return known;
  };
  const world = (...names: string[]) =>
    new World({
      config: { listen: { trustedProxies: [] } },
      parts: new Set(names.map(partOf)),
    } as unknown as Assembly);
  return { ended, world, parts };
}

test('what the next world has in common with this one goes on, the rest ends', (t) => {
  const { ended, world } = cast();
  const worlds = new Worlds(world('kept', 'gone'), noDefect);
  const next = world('kept', 'new');
  worlds.change(next);
  t.is(worlds.current, next);
  t.deepEqual(ended, ['gone']);
});

test('a part goes on while a request waits in any world that has it', (t) => {
  const { ended, world } = cast();
  const [first, second, third] = [world('a', 'b'), world('b', 'c'), world('d')];
  const worlds = new Worlds(first, noDefect);
  first.enter();
  first.enter();
  worlds.change(second);
  worlds.change(third);
  t.deepEqual(ended, ['c'], 'of the second, what the first does not have');
  first.leave();
  t.deepEqual(ended, ['c']);
  first.leave();
  t.deepEqual(ended, ['c', 'a', 'b']);
});

test('at the end everything ends at once, what was on its way to its end included', async (t) => {
  const { ended, world, parts } = cast();
  let finish = (_: unknown) => {};
  const slow: Part = {
    close: () =>
      new Promise((_, reject) => {
        finish = reject;
      }),
    destroy: () => {
      ended.push('slow');
      finish(new Error('it was destroyed'));
    },
  };
  parts.set('slow', slow);
  const waited = world('waited');
  const worlds = new Worlds(world('slow'), noDefect);
  worlds.change(waited);
  waited.enter();
  worlds.change(world('last'));
  t.deepEqual(ended, []);
  await worlds.destroy();
  t.deepEqual(ended.toSorted(), ['last', 'slow', 'waited']);
});

test('a part that cannot close is a defect, and the others close', async (t) => {
  const { ended, world, parts } = cast();
  const defects: unknown[] = [];
  parts.set('late', { close: () => Promise.reject(new Error('late')) });
  parts.set('early', {
    close: () => {
      throw new Error('early');
    },
  });
  const worlds = new Worlds(world('late', 'early', 'good'), (error, where) => defects.push([String(error), where]));
  worlds.change(world('next'));
  await new Promise(setImmediate);
  t.deepEqual(ended, ['good']);
  t.deepEqual(defects.sort(), [
    ['Error: early', 'close'],
    ['Error: late', 'close'],
  ]);
});

test('at the end a part that fails keeps no other from its end, and is reported', async (t) => {
  const { ended, world, parts } = cast();
  parts.set('bad', { close: () => Promise.reject(new Error('bad')) });
  const worlds = new Worlds(world('bad', 'good', 'other'), noDefect);
  await t.throwsAsync(worlds.destroy(), { message: 'bad' });
  t.deepEqual(ended, ['good', 'other']);
});
