import { dirname } from 'node:path';
import { isAbsent, reasonOf } from './files.ts';
import { type Environment, lookUpIn } from './interpolate.ts';
import { createSource, type Source } from './positions.ts';
import type { Problem } from './problem.ts';
import { readTree, type Tree } from './tree.ts';
import { parseYaml } from './yaml.ts';

/** One file of a configuration as plain values, or what keeps it from being read as such. */
export type Part = Tree | { readonly problems: readonly Problem[] } | Unreadable;

/** Why there is no text; said of the file. */
export interface Unreadable {
  readonly name: 'unreadable-file' | 'too-large';
  readonly reason: string;
  /** Whether there is no such file. */
  readonly absent: boolean;
}

const MAX_CHARACTERS = 4 * 1024 * 1024;

/** Reads a file's YAML, `${file:…}` relative to it. Every file that is asked for is named to `seen`, this one first. */
export function readPart(file: string, environment: Environment, seen: (path: string) => void): Part {
  seen(file);
  const source = readSource(file, environment);
  if ('reason' in source) return source;
  const parsed = parseYaml(source);
  if ('problems' in parsed) return parsed;
  return readTree(parsed.document.contents, source, lookUpIn(environment, dirname(file), seen));
}

function readSource(file: string, environment: Environment): Source | Unreadable {
  let text: string;
  try {
    text = environment.readFile(file);
  } catch (error) {
    return { name: 'unreadable-file', reason: reasonOf(error), absent: isAbsent(error) };
  }
  if (text.length > MAX_CHARACTERS) return { name: 'too-large', reason: 'has more than 4 MiB', absent: false };
  // A byte order mark is no character of the text (YAML 1.2 §5.2): left in, it would move the first line's columns.
  return createSource(file, text.replace(/^\ufeff/, ''));
}
