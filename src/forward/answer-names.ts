import { Generations } from '../request/generations.ts';

/** What is known of a header field of answers by its name. */
export interface AnswerName {
  /** As the upstream spells it. */
  readonly name: string;
  readonly lower: string;
}

interface Known extends AnswerName {
  readonly bytes: Buffer;
}

/** An upstream sends the same few names again and again; one that invents them must not fill the memory. `names`: of a generation. */
const MEMORY = { names: 128, length: 64 };

/**
 * The names of header fields as texts, remembered by their bytes: an upstream sends the same ones in every answer, and to
 * make each of them a text, and that one lower-case, costs more than to see that it is the one from before.
 */
export class AnswerNames {
  readonly #known = new Generations<number, Known>(MEMORY.names);

  of(bytes: Buffer): AnswerName {
    const { length } = bytes;
    // Which of them it may be; whether it is, its bytes say.
    const key = (length << 16) | ((bytes[0] as number) << 8) | (bytes[length - 1] as number);
    const known = this.#known.get(key);
    if (known !== undefined && isSame(known.bytes, bytes)) return known;
    const name = bytes.toString('latin1');
    const found = { name, lower: name.toLowerCase(), bytes: Buffer.from(bytes) };
    if (length <= MEMORY.length) this.#known.set(key, found);
    return found;
  }
}

function isSame(one: Buffer, other: Buffer): boolean {
  if (one.length !== other.length) return false;
  for (let at = 0; at < one.length; at += 1) if (one[at] !== other[at]) return false;
  return true;
}
