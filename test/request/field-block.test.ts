import test from 'ava';
import { readBlock } from '../../src/request/field-block.ts';
import { CODE_LENGTHS, decodeHuffman, mayHoldControls } from '../../src/request/huffman.ts';
import { fieldBlock, huffman } from '../support/http2-frames.ts';

/** RFC 7541, appendix C. */
const PUBLISHED: readonly (readonly [string, string])[] = [
  ['www.example.com', 'f1e3c2e5f23a6ba0ab90f4ff'],
  ['no-cache', 'a8eb10649cbf'],
  ['custom-key', '25a849e95ba97d7f'],
  ['custom-value', '25a849e95bb8e8b4bf'],
  ['302', '6402'],
  ['private', 'aec3771a4b'],
  ['Mon, 21 Oct 2013 20:13:21 GMT', 'd07abe941054d444a8200595040b8166e082a62d1bff'],
  ['https://www.example.com', '9d29ad171863c78f0b97c8e9ae82ae43d3'],
  ['307', '640eff'],
  ['gzip', '9bd9ab'],
];

const ALL = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte));
const decode = (code: Buffer) => {
  const text = decodeHuffman(code, 0, code.length);
  return text && Buffer.from(text).toString('latin1');
};

test('texts are read as published, and every byte has a code', (t) => {
  for (const [text, hex] of PUBLISHED) {
    t.is(decode(Buffer.from(hex, 'hex')), text);
    t.is(huffman(text).toString('hex'), hex);
  }
  // With the end of a text, which has 30 bits, the codes leave nothing over.
  t.is(
    CODE_LENGTHS.reduce((sum, length) => sum + 2 ** -length, 2 ** -30),
    1,
  );
  for (const byte of ALL) for (const text of [byte, `a${byte}b`, byte.repeat(9)]) t.is(decode(huffman(text)), text);
});

test('what is no code is not read', (t) => {
  for (const hex of ['ffffffff', '00', '1fff', 'ffffffffff', 'f1e3c2e5f23a6ba0ab90f4ffff', '18']) {
    t.is(decode(Buffer.from(hex, 'hex')), undefined, hex);
  }
  t.is(decode(Buffer.alloc(0)), '');
});

test('no control character and no blank at an end escapes the quick look, wherever it is', (t) => {
  for (const control of ALL.filter((byte) => byte < ' ' || byte === '\x7f')) {
    for (const before of ['', 'a', 'Z', 'ab', '&&', 'abcdefg', '\xff', '9'.repeat(13)]) {
      for (const behind of ['', 'a', '0', 'XYZ', '\xff']) {
        const code = huffman(`${before}${control}${behind}`);
        t.true(mayHoldControls(code, 0, code.length), JSON.stringify([before, control, behind]));
      }
    }
  }
  for (const text of ALL.flatMap((byte) => [byte, `${byte}a`, `a${byte}`, byte.repeat(7)])) {
    for (const blank of [' ', '\t']) {
      for (const padded of [`${blank}${text}`, `${text}${blank}`, blank]) {
        const code = huffman(padded);
        t.true(mayHoldControls(code, 0, code.length), JSON.stringify(padded));
      }
    }
  }
});

test('the quick look spares usual texts', (t) => {
  for (const text of ['text/html,application/xhtml+xml;q=0.9', '/orders/17', 'eyJhbGciOiJFUzI1NiJ9.e30.AAAA_-', '17']) {
    const code = huffman(text);
    t.false(mayHoldControls(code, 0, code.length), text);
  }
});

test('a block is judged field by field, in any way of writing it', (t) => {
  for (const coded of [false, true]) {
    const plain = (name: string, value: string) =>
      fieldBlock(
        [
          ['x-before', '1'],
          [name, value],
          ['x-behind', '1'],
        ],
        { coded },
      );
    const remembered = (name: string, value: string) => fieldBlock([[name, value]], { kind: 'remembered', coded });
    for (const byte of ALL) {
      const inValue = (byte < ' ' && byte !== '\t') || byte === '\x7f';
      const inName = !/[!#$%&'*+\-.^_`|~0-9a-z]/.test(byte);
      t.is(readBlock(plain('x-a', `b${byte}c`)), inValue ? 'malformed' : 3, JSON.stringify(byte));
      t.is(readBlock(plain(`x${byte}a`, 'b')), inName ? 'malformed' : 3, JSON.stringify(byte));
      t.is(readBlock(remembered('x-a', `b${byte}c`)), inValue ? 'remembered' : 1);
      t.is(readBlock(remembered(`x${byte}a`, 'b')), inName ? 'remembered' : 1);
    }
    for (const value of [' b', 'b ', '\tb', 'b\t', ' ']) t.is(readBlock(plain('x-a', value)), 'malformed');
    t.is(readBlock(plain('', 'b')), 'malformed');
    t.is(readBlock(plain('x-a', '')), 3);
    t.is(readBlock(plain(':path', '/')), 3);
  }
});

test('a block that is cut anywhere is a flaw, unless a field ends there', (t) => {
  const fields = [
    ['x-a', 'b'],
    ['x-long', 'y'.repeat(300)],
  ] as const;
  const block = fieldBlock(fields);
  const ends = new Set([0, fieldBlock(fields.slice(0, 1)).length, block.length]);
  for (let at = 0; at <= block.length; at += 1) {
    t.is(readBlock(block.subarray(0, at)), ends.has(at) ? [...ends].indexOf(at) : 'remembered', String(at));
  }
});

test('fields by number, and changes of the table, are read over', (t) => {
  t.is(readBlock(Buffer.from([0x82, 0x3f, 0xe1, 0x1f, 0xbe, 0xff, 0x80, 0x01, 0x20])), 3);
  // A field whose name has a number: its value is looked at.
  t.is(readBlock(Buffer.from([0x0f, 0x08, 0x02, 0x62, 0x0a])), 'malformed');
  t.is(readBlock(Buffer.from([0x7e, 0x02, 0x62, 0x0a])), 'remembered');
});
