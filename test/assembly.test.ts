import test from 'ava';
import { destroyAll, type Part, startAll } from '../src/assembly.ts';

test('a part that cannot start keeps no other from starting, and each failure is reported', async (t) => {
  const started: string[] = [];
  const part = (name: string, start: () => void | Promise<void>): Part => ({
    start: () => {
      started.push(name);
      return start();
    },
    close: () => {},
  });
  const defects: unknown[] = [];
  await startAll(
    [
      part('throws', () => {
        throw new Error('one');
      }),
      part('rejects', () => Promise.reject(new Error('other'))),
      part('good', () => {}),
      { close: () => {} },
    ],
    (error) => defects.push((error as Error).message),
  );
  t.deepEqual(started, ['throws', 'rejects', 'good']);
  t.deepEqual(defects.sort(), ['one', 'other']);
});

test('a part that cannot end keeps no other from its end', async (t) => {
  const ended: string[] = [];
  const parts: Part[] = [
    { close: () => Promise.reject(new Error('bad')) },
    { close: () => t.fail('it has a shorter way'), destroy: () => void ended.push('destroyed') },
    { close: () => void ended.push('closed') },
  ];
  await t.throwsAsync(destroyAll(parts), { message: 'bad' });
  t.deepEqual(ended, ['destroyed', 'closed']);
});
