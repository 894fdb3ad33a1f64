import test from 'ava';
import fc from 'fast-check';
import { closeFrame, FrameEdges } from '../../src/forward/frames.ts';

/** One frame, as RFC 6455 §5.2 has it. */
function frame(opcode: number, length: number, masked: boolean, fin = true): Buffer {
  const first = (fin ? 0x80 : 0) | opcode;
  const bit = masked ? 0x80 : 0;
  const head =
    length < 126
      ? Buffer.from([first, bit | length])
      : length < 65_536
        ? Buffer.from([first, bit | 126, length >> 8, length & 0xff])
        : Buffer.concat([
            Buffer.from([first, bit | 127, 0, 0, 0, 0]),
            Buffer.from(new Uint32Array([length]).buffer).reverse(),
          ]);
  // A payload that looks like headers of frames.
  return Buffer.concat([head, Buffer.alloc(masked ? 4 : 0, 0x88), Buffer.alloc(length, 0x88)]);
}

const frames = fc.array(
  fc.record({
    opcode: fc.constantFrom(0, 1, 2, 9, 10),
    length: fc.oneof(fc.integer({ min: 0, max: 130 }), fc.constantFrom(125, 126, 127, 65_535, 65_536, 70_000)),
    masked: fc.boolean(),
    fin: fc.boolean(),
  }),
  { maxLength: 6 },
);

test('the edges of frames are found however the bytes are cut', (t) => {
  fc.assert(
    fc.property(frames, fc.array(fc.integer({ min: 1, max: 40_000 }), { minLength: 1 }), (list, cuts) => {
      const parts = list.map(({ opcode, length, masked, fin }) => frame(opcode, length, masked, fin));
      const edges = new Set<number>([0]);
      let end = 0;
      for (const part of parts) {
        end += part.length;
        edges.add(end);
      }
      const bytes = Buffer.concat(parts);
      const seen = new FrameEdges();
      for (let at = 0, cut = 0; at < bytes.length; cut += 1) {
        const next = Math.min(bytes.length, at + (cuts[cut % cuts.length] as number));
        seen.pass(bytes.subarray(at, next));
        at = next;
        if (seen.between !== edges.has(at)) return false;
      }
      return seen.between;
    }),
    { numRuns: 200 },
  );
  t.pass();
});

test('after a Close of the upstream’s nothing of ours may follow', (t) => {
  const edges = new FrameEdges();
  edges.pass(frame(8, 2, false));
  t.false(edges.between);
});

test('a Close frame carries its code and reason', (t) => {
  t.deepEqual(closeFrame(1008, 'no'), Buffer.from([0x88, 4, 0x03, 0xf0, 0x6e, 0x6f]));
});
