import { inspect } from 'node:util';

/**
 * A number of a JSON text that JavaScript would round: 9007199254740993 would become 9007199254740992, 1e400 Infinity, and
 * 1.00000000000000000001 just 1, each of which may identify another user. It equals no other value, and prints as it was written.
 */
export class InexactNumber {
  readonly source: string;

  constructor(source: string) {
    this.source = source;
  }

  toString(): string {
    return this.source;
  }

  toJSON(): string {
    return this.source;
  }

  [inspect.custom](): string {
    return this.source;
  }
}

/**
 * What JSON.parse gives, with an InexactNumber in the place of each number that it rounds. NumericDates at the top (RFC
 * 7519 §2) are rounded all the same: they are compared with a clock, and issuers print them with more digits than a
 * number has. Throws like JSON.parse.
 */
export function parseExactly(text: string): unknown {
  const value: unknown = JSON.parse(text);
  const inexact = inexactNumbers(text);
  return inexact.length === 0 ? value : withDates(JSON.parse(marked(text, inexact), revive));
}

const DATES = ['exp', 'nbf', 'iat', 'auth_time'];

function withDates(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const members = value as Record<string, unknown>;
  for (const name of DATES) {
    const date = Object.hasOwn(members, name) ? members[name] : undefined;
    if (date instanceof InexactNumber) members[name] = Number(date.source);
  }
  return value;
}

/** The member of an object that stands for a number; a text that has such objects of its own has them read as numbers. */
const MARK = '\u0000number';

function marked(text: string, numbers: readonly (readonly [from: number, to: number])[]): string {
  let result = '';
  let done = 0;
  for (const [from, to] of numbers) {
    result += `${text.slice(done, from)}{"\\u0000number":"${text.slice(from, to)}"}`;
    done = to;
  }
  return result + text.slice(done);
}

function revive(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, MARK)) return value;
  return new InexactNumber(String((value as Record<string, unknown>)[MARK]));
}

/** Where the numbers of a JSON text begin and end that are rounded when they are read. The text is one that JSON.parse takes. */
function inexactNumbers(text: string): (readonly [from: number, to: number])[] {
  const found: (readonly [number, number])[] = [];
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = stringEnd(text, at);
    else if (code === MINUS || isDigit(code)) {
      const end = numberEnd(text, at);
      if (mayBeRounded(text, at, end) && isRounded(text.slice(at, end))) found.push([at, end]);
      at = end - 1;
    }
  }
  return found;
}

const QUOTE = 0x22;
const MINUS = 0x2d;
const BACKSLASH = 0x5c;

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/** Index of the quote that ends the string which begins at `start`. */
function stringEnd(text: string, start: number): number {
  let at = start + 1;
  while (text.charCodeAt(at) !== QUOTE) at += text.charCodeAt(at) === BACKSLASH ? 2 : 1;
  return at;
}

function numberEnd(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && isOfNumber(text.charCodeAt(at))) at += 1;
  return at;
}

/** Digits, `.`, `+`, `-`, `e` and `E`. */
function isOfNumber(code: number): boolean {
  return isDigit(code) || code === 0x2e || code === 0x2b || code === MINUS || (code | 0x20) === 0x65;
}

/** Up to 15 digits without an exponent always fit (IEEE 754: DBL_DIG). */
function mayBeRounded(text: string, from: number, to: number): boolean {
  if (to - from > 15) return true;
  for (let at = from; at < to; at += 1) if ((text.charCodeAt(at) | 0x20) === 0x65) return true;
  return false;
}

function isRounded(literal: string): boolean {
  const number = Number(literal);
  return !Number.isFinite(number) || decimalOf(literal) !== decimalOf(String(number));
}

/** The one spelling of a decimal: its digits without zeros at either end, and the power of ten behind them. */
function decimalOf(literal: string): string {
  const [mantissa = '', power = '0'] = literal.toLowerCase().split('e');
  const [whole = '', fraction = ''] = mantissa.replace('-', '').split('.');
  const digits = whole + fraction;
  let from = 0;
  let to = digits.length;
  while (from < to && digits[from] === '0') from += 1;
  while (to > from && digits[to - 1] === '0') to -= 1;
  if (from === to) return '0';
  const sign = mantissa.startsWith('-') ? '-' : '';
  return `${sign}${digits.slice(from, to)}e${Number(power) - fraction.length + (digits.length - to)}`;
}

/** Whether a value has a number in it that is not what its issuer wrote, or that other programs would read as another. */
export function hasInexact(value: unknown): boolean {
  const open: unknown[] = [value];
  while (open.length > 0) {
    const one = open.pop();
    if (isInexact(one)) return true;
    if (typeof one === 'object' && one !== null) for (const inner of Object.values(one)) open.push(inner);
  }
  return false;
}

/** Integers beyond 2^53 have neighbours that are read as the same number, here or by an upstream. */
function isInexact(value: unknown): boolean {
  if (typeof value === 'number')
    return Number.isInteger(value) ? !Number.isSafeInteger(value) : !Number.isFinite(value);
  return value instanceof InexactNumber;
}
