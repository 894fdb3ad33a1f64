import type { Config } from '../config/config.ts';
import { DISK } from '../config/files.ts';
import { type Loaded, loadConfig } from '../config/load.ts';
import type { Problem } from '../config/problem.ts';
import { problemLine } from '../config/render.ts';
import type { ConfigError, ConfigProblem } from './api.ts';

/** Reads a configuration that is given as an object. `source` stands for the name of a file in its problems. */
export function loadObject(
  config: object,
  source: string,
  variables: Readonly<Record<string, string | undefined>>,
): Loaded {
  const text = JSON.stringify(config, refuseLost(source), 2); // JSON is YAML: problems get the lines of this text
  return loadConfig(source, {
    ...DISK,
    variables,
    readFile: (path) => (path === source ? text : DISK.readFile(path)),
  });
}

/**
 * Throws for what JSON would leave out or change: a rule about a claim whose value is undefined, such as that of an environment
 * variable that is not set, would be gone without a word.
 */
function refuseLost(source: string) {
  return function check(this: unknown, key: string, value: unknown): unknown {
    const isLost = value === undefined || typeof value === 'function' || typeof value === 'symbol';
    const isChanged = typeof value === 'bigint' || (typeof value === 'number' && !Number.isFinite(value));
    if (!isLost && !isChanged) return value;
    const place = key === '' ? source : `\`${key}\``;
    throw optionError(source, `${place} is ${typeof value === 'function' ? 'a function' : String(value)}`);
  };
}

/** A mistake in what a program passed, which no text has a position for. */
export function optionError(source: string, message: string, hint?: string): ConfigError {
  return configError([
    {
      severity: 'error',
      name: 'option',
      file: source,
      line: 1,
      column: 1,
      message,
      ...(hint !== undefined && { hint }),
    },
  ]);
}

/** The configuration, or a throw of every problem of it. */
export function configOf(loaded: Loaded): Config {
  if (loaded.ok) return loaded.config;
  throw configError(loaded.problems);
}

/** Every problem as an error. Its message is for people, `problems` for programs. */
export function configError(problems: readonly Problem[]): ConfigError {
  const errors = problems.filter(({ severity }) => severity === 'error');
  const error = new Error(errors.map(problemLine).join('\n'));
  return Object.assign(error, { name: 'ConfigError' as const, problems: problems.map(documented) });
}

function documented({ severity, name, file, line, column, message, hint }: Problem): ConfigProblem {
  return { severity, name, file, line, column, message, ...(hint !== undefined && { hint }) };
}

/** A copy in which `${` is text and refers to nothing: a program has its own way to read the environment. */
export function literal<T>(value: T, source: string): T {
  return JSON.parse(JSON.stringify(value, refuseLost(source)).replaceAll('${', () => '$${')) as T;
}
