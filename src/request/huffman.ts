/** How long the code of each byte is, in bits (RFC 7541, appendix B). The code is canonical: they tell all of it. */
export const CODE_LENGTHS: readonly number[] = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28,
  28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6,
  5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23,
  22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22,
  23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26,
  20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27,
  27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27,
  27, 27, 27, 26,
];
const LONGEST = 30;

/** Bytes in the order of their codes; for each length the first code, and the place of its byte among them. */
const BYTES = Uint8Array.from(
  [...CODE_LENGTHS.keys()].sort((a, b) => (CODE_LENGTHS[a] as number) - (CODE_LENGTHS[b] as number) || a - b),
);
const FIRST_CODE = new Uint32Array(LONGEST + 1);
const FIRST_PLACE = new Uint16Array(LONGEST + 1);
const COUNT = new Uint16Array(LONGEST + 1);
for (const length of CODE_LENGTHS) COUNT[length] = (COUNT[length] as number) + 1;
for (let length = 1; length <= LONGEST; length += 1) {
  const before = length - 1;
  FIRST_CODE[length] = ((FIRST_CODE[before] as number) + (COUNT[before] as number)) * 2;
  FIRST_PLACE[length] = (FIRST_PLACE[before] as number) + (COUNT[before] as number);
}

/** The text of a Huffman code from `from` up to `to`, as bytes; undefined where it is not one. */
export function decodeHuffman(coded: Uint8Array, from: number, to: number): Uint8Array | undefined {
  // No code is shorter than five bits.
  const text = new Uint8Array(Math.floor(((to - from) * 8) / 5));
  let count = 0;
  let code = 0;
  let length = 0;
  for (let at = from; at < to; at += 1) {
    const byte = coded[at] as number;
    for (let bit = 7; bit >= 0; bit -= 1) {
      code = code * 2 + ((byte >> bit) & 1);
      length += 1;
      const above = code - (FIRST_CODE[length] as number);
      if (above >= 0 && above < (COUNT[length] as number)) {
        text[count] = BYTES[(FIRST_PLACE[length] as number) + above] as number;
        count += 1;
        code = 0;
        length = 0;
      } else if (length === LONGEST) {
        return undefined;
      }
    }
  }
  // What is left is padding: fewer than eight bits, all of them set (RFC 7541 §5.2).
  return length < 8 && code === 2 ** length - 1 ? text.subarray(0, count) : undefined;
}

/**
 * Whether a code from `from` up to `to` may be one of a text with a control character, or with a blank at either end. The
 * codes of all control characters begin with ten bits that are set, which in most texts stand nowhere: this looks at bits
 * where decoding would cost ten times as much.
 */
export function mayHoldControls(coded: Uint8Array, from: number, to: number): boolean {
  if (to <= from) return false;
  // A blank is 010100. At the end there is padding behind it.
  if ((coded[from] as number) >> 2 === 0b010100) return true;
  const last = (coded[to - 1] as number) | ((to - from > 1 ? (coded[to - 2] as number) : 0) << 8);
  for (let padding = 0; padding < 8; padding += 1) {
    if (((last >> padding) & 0b111111) === 0b010100 && (last & (2 ** padding - 1)) === 2 ** padding - 1) return true;
  }
  let run = 0;
  for (let at = from; at < to; at += 1) {
    const byte = coded[at] as number;
    if (byte === 0xff) {
      run += 8;
    } else {
      if (run + Math.clz32(~(byte << 24)) >= 10) return true;
      run = 31 - Math.clz32(~byte & (byte + 1));
    }
  }
  // All of it may be padding, or the beginning of a code that is not valid.
  return run >= 10;
}
