import { decodeHuffman, mayHoldControls } from './huffman.ts';

/** What is wrong with a header block: with `remembered`, later blocks may name the field by its number. */
export type BlockFlaw = 'malformed' | 'remembered';

/**
 * Looks in a header block of HTTP/2 (RFC 7541 §6) for fields that make a request malformed (RFC 9113 §8.2.1): a name that
 * is empty or has other characters than those of a token in lower case; a value with control characters, or with a blank or
 * tab at either end. nghttp2 drops such fields, and node reports nothing. A field that is named by its
 * number alone was checked when it was first sent. What can't be read as a header block is a flaw too. Without a flaw it returns
 * the number of fields.
 */
export function readBlock(block: Uint8Array): number | BlockFlaw {
  const reader = new BlockReader(block);
  let flaw: BlockFlaw | undefined;
  let count = 0;
  while (!reader.isAtEnd) {
    const first = reader.peek();
    const isTableSize = first >= TABLE_SIZE && first < REMEMBERED;
    if (!isTableSize) count += 1;
    if (first >= INDEXED) reader.integer(7);
    else if (isTableSize) reader.integer(5);
    else if (!readsField(reader, first >= REMEMBERED))
      flaw = first >= REMEMBERED ? 'remembered' : (flaw ?? 'malformed');
    if (reader.failed || flaw === 'remembered') return 'remembered';
  }
  return flaw ?? count;
}

/** Reads a field that is spelled out, and answers whether it is sound. */
function readsField(reader: BlockReader, isRemembered: boolean): boolean {
  const hasNumber = reader.integer(isRemembered ? 6 : 4) > 0;
  const isNameSound = hasNumber || reader.text(isName, true);
  const isValueSound = reader.text(isValue, false);
  return isNameSound && isValueSound;
}

const INDEXED = 0x80;
const REMEMBERED = 0x40;
const TABLE_SIZE = 0x20;

type Check = (bytes: Uint8Array, from: number, to: number) => boolean;

/** Reads what a header block is made of. After something that is not that it has `failed`. */
class BlockReader {
  failed = false;
  readonly #block: Uint8Array;
  #at = 0;

  constructor(block: Uint8Array) {
    this.#block = block;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#block.length;
  }

  peek(): number {
    return this.#block[this.#at] ?? 0;
  }

  /** RFC 7541 §5.1 */
  integer(prefix: number): number {
    const most = 2 ** prefix - 1;
    let value = this.#next() & most;
    if (value < most) return value;
    for (let shift = 0; shift <= LONGEST_SHIFT; shift += 7) {
      const byte = this.#next();
      value += (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    this.failed = true;
    return 0;
  }

  /**
   * Reads a text (RFC 7541 §5.2), and answers whether it is sound. Where it is coded, it is decoded only if `always`, or if
   * the code has what a value must not have.
   */
  text(isSound: Check, always: boolean): boolean {
    const isCoded = this.peek() >= 0x80;
    const length = this.integer(7);
    const from = this.#at;
    this.#at += length;
    if (this.#at > this.#block.length) this.failed = true;
    if (this.failed) return false;
    if (!isCoded) return isSound(this.#block, from, this.#at);
    if (!always && !mayHoldControls(this.#block, from, this.#at)) return true;
    const text = decodeHuffman(this.#block, from, this.#at);
    return text !== undefined && isSound(text, 0, text.length);
  }

  #next(): number {
    const byte = this.#block[this.#at];
    this.#at += 1;
    if (byte === undefined) this.failed = true;
    return byte ?? 0;
  }
}

/** 28 bits: no block is longer. */
const LONGEST_SHIFT = 21;

/** Whether each byte may stand in a name. */
const IN_NAMES = Uint8Array.from({ length: 256 }, (_, byte) =>
  /[!#$%&'*+\-.^_`|~0-9a-z]/.test(String.fromCharCode(byte)) ? 1 : 0,
);
const COLON = 0x3a;
const BLANK = 0x20;
const TAB = 0x09;

/** Those with a colon in front are looked at where all pseudo-fields are. */
function isName(bytes: Uint8Array, from: number, to: number): boolean {
  if (to === from) return false;
  for (let at = bytes[from] === COLON ? from + 1 : from; at < to; at += 1) {
    if (IN_NAMES[bytes[at] as number] === 0) return false;
  }
  return true;
}

function isValue(bytes: Uint8Array, from: number, to: number): boolean {
  if (to === from) return true;
  if (isBlank(bytes[from]) || isBlank(bytes[to - 1])) return false;
  for (let at = from; at < to; at += 1) {
    const byte = bytes[at] as number;
    if ((byte < BLANK && byte !== TAB) || byte === 0x7f) return false;
  }
  return true;
}

function isBlank(byte: number | undefined): boolean {
  return byte === BLANK || byte === TAB;
}
