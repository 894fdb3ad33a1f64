import test from 'ava';
import { FieldSorter } from '../../src/request/fields.ts';
import { readHead } from '../../src/request/head.ts';
import { traceOf } from '../../src/request/trace.ts';

const ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';
const GOOD = `00-${ID}-${SPAN}-01`;

/** The trace of a request with these headers beside its Host. */
function trace(...fields: readonly string[]) {
  const request = { method: 'GET', url: '/', httpVersion: '1.1', rawHeaders: ['Host', 'a', ...fields] };
  const head = readHead(request, new FieldSorter([]));
  if (!head.ok) throw new Error(head.fault.detail);
  return traceOf(head.value);
}

test('a traceparent goes on as it came', (t) => {
  t.deepEqual(trace('traceparent', GOOD), { parent: GOOD, traceId: ID, spanId: SPAN });
  t.is(trace('TRACEPARENT', GOOD).parent, GOOD);
});

test('one of a later version may have more behind it', (t) => {
  const later = `cc-${ID}-${SPAN}-01-what-the-future-brings`;
  t.deepEqual(trace('traceparent', later), { parent: later, traceId: ID, spanId: SPAN });
  t.not(trace('traceparent', `cc-${ID}-${SPAN}-01.what`).traceId, ID);
});

for (const [what, value] of [
  ['nothing in it', ''],
  ['capitals', GOOD.toUpperCase()],
  ['a trace of zeros', `00-${'0'.repeat(32)}-${SPAN}-01`],
  ['a parent of zeros', `00-${ID}-${'0'.repeat(16)}-01`],
  ['version ff', `ff-${ID}-${SPAN}-01`],
  ['more behind version 00', `${GOOD}-x`],
  ['a short id', `00-${ID.slice(1)}-${SPAN}-01`],
  ['blanks', `${GOOD} x`],
  ['far too much', `cc-${ID}-${SPAN}-01-${'x'.repeat(600)}`],
] as const) {
  test(`a traceparent with ${what} is none, and a new trace begins`, (t) => {
    const { parent, traceId, spanId } = trace('traceparent', value);
    t.regex(parent, /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
    t.is(parent, `00-${traceId}-${spanId}-00`);
    t.not(parent, value);
  });
}

test('two traceparents, or one for this hop alone, are none', (t) => {
  t.not(trace('traceparent', GOOD, 'traceparent', GOOD).traceId, ID);
  t.not(trace('traceparent', GOOD, 'Connection', 'traceparent').traceId, ID);
});

test('new traces differ', (t) => {
  const seen = new Set(Array.from({ length: 2000 }, () => trace().traceId));
  t.is(seen.size, 2000);
});
