/** One mistake in the configuration, or one thing in it that is legal but unwise, at its place. */
export interface Problem {
  readonly severity: 'error' | 'warning';
  /** Stable, in kebab-case: what scripts and `acknowledge` go by. */
  readonly name: string;
  readonly file: string;
  /** 1-based. */
  readonly line: number;
  /** 1-based, in UTF-16 units. */
  readonly column: number;
  readonly message: string;
  readonly hint?: string;
  /** The id of the route that it is about, where it is about one. */
  readonly route?: string;
  /** The line as it stands in the file, never with values put in for `${…}`; absent where there is no such line. */
  readonly excerpt?: string;
}

/** What is wrong, without saying where. */
export interface Statement {
  readonly severity: 'error' | 'warning';
  readonly name: string;
  readonly message: string;
  readonly hint?: string | undefined;
  /** The line holds a credential from here on: it is shown up to this place only. */
  readonly masked?: boolean;
}

/** Keys and indexes from the root of the configuration to one value. */
export type Path = readonly (string | number)[];

/** What is wrong, and the value it is about. */
export interface Finding extends Statement {
  readonly path: Path;
  /** Whether the key is wrong or the value behind it. */
  readonly at: 'key' | 'value';
}

/** An error about a value; `at` the key where that is what is wrong. */
export function errorAt(
  path: Path,
  name: string,
  message: string,
  hint?: string,
  at: Finding['at'] = 'value',
): Finding {
  return { severity: 'error', name, path, at, message, hint };
}

/** A warning about a value, with what to do about it. */
export function warningAt(
  path: Path,
  name: string,
  message: string,
  hint: string,
  at: Finding['at'] = 'value',
): Finding {
  return { severity: 'warning', name, path, at, message, hint };
}

/** A path as a map's key. */
export function pathKey(path: Path): string {
  return path.join('\0');
}

/** Whether one path leads to the other's value or through it. */
export function overlap(one: Path, other: Path): boolean {
  const shared = Math.min(one.length, other.length);
  return pathKey(one.slice(0, shared)) === pathKey(other.slice(0, shared));
}

/** Problems in the order of the files; of several that say the same at the same place (an alias used twice), the first. */
export function inOrder(problems: readonly Problem[], files: readonly string[]): Problem[] {
  const seen = new Set<string>();
  return problems
    .toSorted(
      (one, other) =>
        files.indexOf(one.file) - files.indexOf(other.file) || one.line - other.line || one.column - other.column,
    )
    .filter((problem) => {
      const key = `${problem.file}:${problem.line}:${problem.column}:${problem.message}`;
      return !seen.has(key) && seen.add(key);
    });
}
