import test from 'ava';
import { BatchedOutput, type WriteBytes } from '../../src/observe/output.ts';

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
  for (const most of [1000, 70_000, Number.POSITIVE_INFINITY]) {
    const { write, text } = startReader(most);
    const output = new BatchedOutput({ write });
    const lines = Array.from({ length: 2000 }, (_, at) => `${at} ${'ü漢'.repeat(at % 50)}\n`);
    lines[1000] = line(200_000);
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
  while (writes() === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  t.is(text(), line(100, 'a') + line(100, 'b') + line(100, 'c'));
  t.is(writes(), 1);
  await output.end();
});

test('while nobody reads, lines wait up to a bound; what is beyond is counted, and the rest still comes', (t) => {
  const { write, asked } = startSink();
  const output = new BatchedOutput({ write });
  const total = 20_000;
  for (let at = 0; at < total; at += 1) output.write(line(1024));
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
  output.write(line(70_000, 'a'));
  asked[0]?.done(Object.assign(new Error('busy'), { code: 'EAGAIN' }), 0);
  while (asked.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  t.is(asked[1]?.text, line(70_000, 'a'));
  t.is(output.dropped, 0);
  output.write(line(70_000, 'b'));
  asked[1]?.done(Object.assign(new Error('gone'), { code: 'EPIPE' }), 0);
  t.is(output.dropped, 1);
  t.is(asked[2]?.text, line(70_000, 'b'));
  const ended = output.end();
  asked[2]?.done(null, 70_000);
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
