import { Readable } from 'node:stream';
import test from 'ava';
import { RequestBody } from '../../src/forward/body.ts';

function makeBody(limit = 100) {
  const told: string[] = [];
  const source = Readable.from([Buffer.from('hello '), Buffer.from('world')], { objectMode: false });
  const body = new RequestBody(
    source,
    limit,
    () => told.push('wanted'),
    () => told.push('too large'),
    () => false,
  );
  return { body, source, told };
}

test('nothing of a body is taken before it is wanted', async (t) => {
  const { body, source, told } = makeBody();
  await new Promise((resolve) => setImmediate(resolve));
  t.false(body.begun);
  t.false(source.readableDidRead);
  t.deepEqual(told, []);
  t.is((await body.toArray()).join(''), 'hello world');
  t.true(body.begun);
  t.deepEqual(told, ['wanted']);
});

test('a body that was given up before it was wanted asks nobody for it any more', async (t) => {
  const { body, source, told } = makeBody();
  body.destroy();
  body.read(0);
  await new Promise((resolve) => setImmediate(resolve));
  t.deepEqual(told, []);
  t.false(source.readableDidRead);
});

test('a body that is larger than it may be is told once and goes no further', async (t) => {
  const { body, told } = makeBody(6);
  const got: string[] = [];
  body.on('data', (chunk) => got.push(String(chunk)));
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
  t.deepEqual(told, ['wanted', 'too large']);
  t.deepEqual(got, ['hello ']);
});
