import type { CommandIo } from './io.ts';

/** The options of a command by their long names. */
export type OptionTypes = Readonly<
  Record<
    string,
    {
      readonly type: 'string' | 'boolean';
      readonly multiple?: boolean;
      readonly short?: string;
      /** The values that it may have, where there are only some. */
      readonly choices?: readonly string[];
    }
  >
>;

/** What a command gets from the command line. */
export interface CommandInput {
  /** The configuration file; empty for a command that does not need one. */
  readonly file: string;
  readonly values: Readonly<Record<string, unknown>>;
  /** What the command line has beside options. */
  readonly words: readonly string[];
}

/** The headings of `--help`, in order. */
export const GROUPS = { run: 'Run', understand: 'Understand', write: 'Write' } as const;

export interface Command {
  readonly name: string;
  readonly group: keyof typeof GROUPS;
  /**
   * Which configuration file it works on: the one that `--config` names or the search finds, the demo's own unless
   * `--config` names one, or none.
   */
  readonly config: 'search' | 'demo' | 'none';
  /** Its own options, besides --config and --help. */
  readonly options: OptionTypes;
  /** What it takes beside options, by the names in its usage; in brackets what may be left out. */
  readonly words?: readonly string[];
  /** A command line to show where a word is missing. */
  readonly example?: string;
  /** What --help prints about its own options, a line each. */
  readonly details?: string;
  /** Its exit codes, where they are more than 0. */
  readonly exits?: string;
  readonly usage: string;
  readonly summary: string;
  /** Resolves with the exit code, or with what is wrong with how it was called. */
  readonly run: (input: CommandInput, io: CommandIo) => Promise<number | string>;
  /** What is wrong with words and options taken together, said before any file is looked for. */
  readonly misuse?: (input: Pick<CommandInput, 'values' | 'words'>) => string | undefined;
}

/** `start gateway.yaml`: a person means the configuration. */
export function unexpected(word: string, mayMeanConfig: boolean): string {
  const hint = mayMeanConfig && /\.ya?ml$/.test(word) ? ` (did you mean \`--config ${word}\`?)` : '';
  return `unexpected argument '${word}'${hint}`;
}
