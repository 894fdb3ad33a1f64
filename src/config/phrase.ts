import type * as z from 'zod';

/** The kind of a value as a person who writes YAML names it. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  switch (typeof value) {
    case 'string':
      return 'text';
    case 'boolean':
      return 'true or false';
    case 'object':
      return 'a map';
    default:
      return 'a number';
  }
}

const KINDS: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map',
  record: 'a map',
};

/** The kind that a schema asks for. */
export function expectedKind(expected: string): string {
  return KINDS[expected] ?? expected;
}

/** `a`, `b` or `c`, each marked as something to type. */
export function oneOf(values: readonly unknown[]): string {
  const quoted = values.map((value) => `\`${value}\``);
  const shown = quoted.length > 8 ? [...quoted.slice(0, 7), 'others'] : quoted;
  return listing(shown);
}

/** One, or several joined by commas and a closing `or`. */
export function listing(items: readonly string[]): string {
  return items.length < 2 ? items.join('') : `${items.slice(0, -1).join(', ')} or ${items.at(-1)}`;
}

/** One of something, or several. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

/**
 * Words what zod found where the schema has no words of its own. Values are never part of it: they may be secrets. A
 * union gets none, so that one which the schema words can be told from one which it doesn't.
 */
export function phrase(issue: z.core.$ZodRawIssue): string {
  switch (issue.code) {
    case 'invalid_type': {
      const whole = issue.expected === 'int' || issue.expected === 'number' ? typeof issue.input : undefined;
      if (whole === 'number') return `expected ${expectedKind(issue.expected)}`;
      return `expected ${expectedKind(issue.expected)}, got ${kindOf(issue.input)}`;
    }
    case 'invalid_value': {
      const wanted = issue.values.length === 1 ? oneOf(issue.values) : `one of ${oneOf(issue.values)}`;
      return typeof issue.input === 'string' ? `expected ${wanted}` : `expected ${wanted}, got ${kindOf(issue.input)}`;
    }
    case 'too_small':
      return issue.origin === 'string' || issue.origin === 'array' ? 'is empty' : `has to be ${issue.minimum} or more`;
    case 'too_big':
      return issue.origin === 'string' || issue.origin === 'array'
        ? 'is too long'
        : `has to be ${issue.maximum} or less`;
    case 'invalid_union':
      return '';
    default:
      return 'has the wrong form';
  }
}
