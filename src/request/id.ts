import { randomBytes } from 'node:crypto';

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const RANDOM_LENGTH = 16;

const DRAWN = 4096;

let random = '';
let used = 0;
let lastTime = -1;
let timePart = '';

/**
 * A new request id: a ULID, 26 characters that sort by time (48 bits of milliseconds) and can't be guessed (80 bits).
 * Random characters are drawn 4096 at a time, since a draw costs more than the rest together.
 */
export function newRequestId(now: number): string {
  if (now !== lastTime) {
    lastTime = now;
    timePart = encodeTime(now);
  }
  if (used === random.length) {
    random = draw();
    used = 0;
  }
  used += RANDOM_LENGTH;
  return timePart + random.slice(used - RANDOM_LENGTH, used);
}

function draw(): string {
  const bytes = randomBytes(DRAWN);
  for (let at = 0; at < DRAWN; at += 1) bytes[at] = ALPHABET.charCodeAt((bytes[at] as number) & 31);
  return bytes.toString('latin1');
}

function encodeTime(now: number): string {
  let text = '';
  for (let rest = now, digit = 0; digit < 10; digit += 1, rest = Math.floor(rest / 32))
    text = ALPHABET[rest % 32] + text;
  return text;
}

/** Whether an id that a trusted proxy sent can be taken over: short, printable, and harmless in headers and logs. */
export function isUsableId(id: string): boolean {
  return /^[A-Za-z0-9._:/+=-]{1,128}$/.test(id);
}
