import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import test from 'ava';
import {
  BatchedOutput,
  type LostLines,
  mayMix,
  type WriteBytes,
  type WriteBytesNow,
} from '../../src/observe/output.ts';
import { temporaryFolder } from '../support/files.ts';
import { until } from '../support/until.ts';

/** Something to write to that takes what it is given when it is told to. */
function startSink() {
  const asked: { readonly text: string; readonly done: Parameters<WriteBytes>[3] }[] = [];
  const write: WriteBytes = (bytes, offset, length, done) => {
    asked.push({ text: bytes.toString('utf8', offset, offset + length), done });
  };
  return { write, asked };
}

/** Something to write to that takes everything, so many bytes at a time. */
function startReader(most = Number.POSITIVE_INFINITY) {
  const taken: Buffer[] = [];
  const write: WriteBytes = (bytes, offset, length, done) => {
    const part = bytes.subarray(offset, offset + Math.min(length, most));
    taken.push(Buffer.from(part));
    setImmediate(() => done(null, part.length));
  };
  return { write, text: () => Buffer.concat(taken).toString(), writes: () => taken.length };
}

const line = (length: number, letter = 'x') => `${letter.repeat(length - 1)}\n`;

test('lines arrive whole and in order, however little is taken at a time, and the longest ones too', async (t) => {
  for (const most of [1000, 300_000, Number.POSITIVE_INFINITY]) {
    const { write, text } = startReader(most);
    const output = new BatchedOutput({ write });
    const lines = Array.from({ length: 2000 }, (_, at) => `${at} ${'ü漢'.repeat(at % 50)}\n`);
    lines[1000] = line(600_000);
    for (const [at, one] of lines.entries()) {
      output.write(one);
      if (at % 100 === 0) await new Promise(setImmediate);
    }
    await output.end();
    t.is(text(), lines.join(''), String(most));
    t.is(output.dropped, 0);
  }
});

test('few lines leave in one write, after a moment', async (t) => {
  const { write, text, writes } = startReader();
  const output = new BatchedOutput({ write });
  for (const letter of 'abc') output.write(line(100, letter));
  t.is(writes(), 0);
  await until(() => writes() > 0, 'they leave');
  t.is(text(), line(100, 'a') + line(100, 'b') + line(100, 'c'));
  t.is(writes(), 1);
  await output.end();
});

test('while nobody reads, lines wait up to a bound; what is beyond is counted, and the rest still comes', (t) => {
  const { write, asked } = startSink();
  const output = new BatchedOutput({ write });
  const total = 20_000;
  for (let at = 0; at < total; at += 1) output.write(line(1024), 'access');
  t.is(asked.length, 1);
  t.true(output.dropped > total / 2, String(output.dropped));
  let lines = 0;
  for (let at = 0; at < asked.length; at += 1) {
    const { text, done } = asked[at] as (typeof asked)[number];
    lines += text.split('\n').length - 1;
    done(null, Buffer.byteLength(text));
  }
  t.true(lines > 2000);
  void output.end();
  const last = asked.at(-1)?.text ?? '';
  if (!last.endsWith('\n')) t.fail('a torn line');
  // Only what stays below a batch is still to come.
  t.true(total - output.dropped - lines < 70, `${total} ${output.dropped} ${lines}`);
});

test('a reader that is slow is tried again, one that has gone costs its lines and nothing else', async (t) => {
  const { write, asked } = startSink();
  const output = new BatchedOutput({ write });
  output.write(line(300_000, 'a'));
  asked[0]?.done(Object.assign(new Error('busy'), { code: 'EAGAIN' }), 0);
  await until(() => asked.length === 2, 'it is tried again');
  t.is(asked[1]?.text, line(300_000, 'a'));
  t.is(output.dropped, 0);
  output.write(line(300_000, 'b'));
  asked[1]?.done(Object.assign(new Error('gone'), { code: 'EPIPE' }), 0);
  t.is(output.dropped, 1);
  t.is(asked[2]?.text, line(300_000, 'b'));
  const ended = output.end();
  asked[2]?.done(null, 300_000);
  await ended;
  t.is(output.dropped, 1);
});

test('an end does not wait for a reader that takes nothing', async (t) => {
  const { write, asked } = startSink();
  const output = new BatchedOutput({ write });
  output.write(line(100));
  await output.end();
  t.is(asked.length, 1);
});

test('that lines were lost is told once they get through again, and not before', (t) => {
  const { write, asked } = startSink();
  const output = new BatchedOutput({ write });
  const told: number[] = [];
  output.resumed = ({ all }) => {
    told.push(all);
    output.write(line(100, 'w'));
  };
  for (let at = 0; at < 10_000; at += 1) output.write(line(1024));
  const { dropped } = output;
  t.true(dropped > 0);
  const take = (at: number) => asked[at]?.done(null, Buffer.byteLength(asked[at].text));
  take(0);
  t.deepEqual(told, [], 'most of it still waits');
  for (let at = 1; at < asked.length; at += 1) take(at);
  t.deepEqual(told, [dropped]);
  t.is(output.dropped, dropped);
  output.write(line(300_000, 'c'));
  asked.at(-1)?.done(Object.assign(new Error('full'), { code: 'ENOSPC' }), 0);
  t.deepEqual(told, [dropped], 'what is lost gets through to nobody');
  output.write(line(300_000, 'd'));
  take(asked.length - 1);
  t.deepEqual(told, [dropped, output.dropped - dropped]);
  void output.end();
});

for (const isShared of [false, true]) {
  test(`a flood of access lines costs no event, nor the reverse${isShared ? ', on a shared pipe' : ''}`, (t) => {
    const { write, asked } = startSink();
    const output = new BatchedOutput({ write, isShared });
    const lost: LostLines[] = [];
    output.resumed = (counts) => lost.push(counts);
    let written = '';
    let taken = 0;
    const takeAll = () => {
      for (; taken < asked.length; taken += 1) {
        const { text, done } = asked[taken] as (typeof asked)[number];
        written += text;
        done(null, Buffer.byteLength(text));
      }
    };
    for (let at = 0; at < 10_000 && output.dropped < 1000; at += 1) output.write(line(2000), 'access');
    for (let at = 0; at < 100; at += 1) output.write(line(100, 'e'), 'event');
    t.is(output.droppedEvents, 0, 'the reserve is theirs');
    for (let at = 0; at < 10_000 && output.droppedEvents < 10; at += 1) output.write(line(1000, 'f'), 'event');
    t.deepEqual([output.dropped, output.droppedEvents], [1010, 10], 'and has a bound');
    output.write(line(2000), 'access');
    t.is(output.dropped, 1011);
    takeAll();
    void output.end();
    takeAll();
    t.is(written.split(line(100, 'e')).length - 1, 100);
    t.deepEqual(lost, [{ all: 1011, events: 10 }]);
  });
}

test('a chunk that a reader refuses counts what was in it, by kind', (t) => {
  const { write, asked } = startSink();
  const output = new BatchedOutput({ write });
  output.write(line(100), 'access');
  output.write(line(100), 'event');
  output.write(line(300_000), 'access'); // in a chunk of its own
  asked[0]?.done(Object.assign(new Error('gone'), { code: 'EPIPE' }), 0);
  t.deepEqual([output.dropped, output.droppedEvents], [2, 1]);
  void output.end();
});

/** What writes at once takes: each number so many bytes, each text an error of that code. */
function startNow(steps: readonly (number | string)[]) {
  const taken: string[] = [];
  let step = 0;
  const writeNow: WriteBytesNow = (bytes, offset, length) => {
    const now = steps[Math.min(step++, steps.length - 1)] as number | string;
    if (typeof now === 'string') throw Object.assign(new Error(now), { code: now });
    const end = offset + Math.min(now, length);
    taken.push(bytes.toString('utf8', offset, end));
    return end - offset;
  };
  return { writeNow, text: () => taken.join('') };
}

for (const [what, steps, complete] of [
  ['a reader that takes a little at a time', [7000], true],
  ['one that is busy for a moment', ['EAGAIN', 30_000, 'EAGAIN', 1e6], true],
  ['one that takes nothing', ['EAGAIN'], false],
  ['one that has gone', ['EPIPE'], false],
] as const) {
  test(`before the end of a process everything is written at once, to ${what}`, (t) => {
    const { write, asked } = startSink();
    const { writeNow, text } = startNow(steps);
    const output = new BatchedOutput({ write, writeNow });
    output.write(line(300_000, 'a'));
    asked[0]?.done(Object.assign(new Error('busy'), { code: 'EAGAIN' }), 0);
    output.write(line(100_000, 'b'));
    output.write(line(10, 'c'));
    const told: boolean[] = [];
    output.endNow((all) => told.push(all));
    t.deepEqual(told, [complete]);
    if (complete) t.is(text(), line(300_000, 'a') + line(100_000, 'b') + line(10, 'c'));
  });
}

test('a write that is on its way is waited for, and nothing is written twice', async (t) => {
  const { write, asked } = startSink();
  const { writeNow, text } = startNow([1e6]);
  const output = new BatchedOutput({ write, writeNow });
  output.write(line(300_000, 'a'));
  output.write(line(10, 'b'));
  const complete = new Promise((resolve) => output.endNow(resolve));
  t.is(text(), '');
  asked[0]?.done(null, 299_000);
  t.true(await complete);
  t.is(text(), line(1000, 'a') + line(10, 'b'));
  t.is(asked.length, 1);
});

test('a write that never comes back is not waited for, and nothing is written behind it', async (t) => {
  const { write } = startSink();
  const { writeNow, text } = startNow([1e6]);
  const output = new BatchedOutput({ write, writeNow });
  output.write(line(300_000, 'a'));
  t.false(await new Promise((resolve) => output.endNow(resolve)));
  t.is(text(), '');
});

test('a file and /dev/null take each write as a whole, a pipe does not', async (t) => {
  const folder = await temporaryFolder({ file: '' });
  t.teardown(folder.remove);
  execFileSync('mkfifo', [folder.file('pipe')]);
  const kinds = [
    [folder.file('file'), false],
    ['/dev/null', false],
    [folder.file('pipe'), true],
  ] as const;
  for (const [path, mixes] of kinds) {
    // A pipe that is opened for both waits for no other end.
    const descriptor = openSync(path, 'r+');
    t.is(mayMix(descriptor), mixes, path);
    closeSync(descriptor);
  }
});

test('the lines of two processes that write batches to one file are whole', async (t) => {
  const folder = await temporaryFolder({ log: '' });
  t.teardown(folder.remove);
  const descriptor = openSync(folder.file('log'), 'w');
  const ends = ['a', 'b'].map((name) => {
    const script = `
      import { BatchedOutput, mayMix } from ${JSON.stringify(import.meta.resolve('../../src/observe/output.ts'))};
      const output = new BatchedOutput({ isShared: mayMix(1) });
      for (let at = 0; at < 10_000; at += 1) output.write('${name}'.repeat(100 + (at % 200)) + '\\n');
      await output.end();`;
    const options = [`--import=${import.meta.resolve('tsx/esm')}`, '--input-type=module', '--eval', script];
    return once(spawn(process.execPath, options, { stdio: ['ignore', descriptor, 'inherit'] }), 'exit');
  });
  t.deepEqual(await Promise.all(ends), [
    [0, null],
    [0, null],
  ]);
  closeSync(descriptor);
  const lines = readFileSync(folder.file('log'), 'utf8').split('\n');
  t.is(lines.length, 20_001);
  t.deepEqual(
    lines.slice(0, -1).filter((text) => !/^(?:a{100,299}|b{100,299})$/.test(text)),
    [],
  );
});
