import type { Readable, Writable } from 'node:stream';

/** A terminal: what is typed there, and where questions are shown. */
export interface PromptStreams {
  readonly input: Readable;
  readonly output: Writable;
}

/** What a command may touch of the world outside. main.ts fills it from `process`; tests fill it as they like. */
export interface CommandIo {
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  /** Everything that comes on stdin, as text. */
  readonly stdin: () => Promise<string>;
  /** The terminal of the person who can be asked; absent where there is none. */
  readonly prompt?: PromptStreams;
  /** Whether stdout is a terminal: a person reads what is written there. */
  readonly terminal: boolean;
  /** Whether it is one that shows colours. */
  readonly color: boolean;
  /** Whether signals may come from a person's Ctrl-C. */
  readonly interactive: boolean;
  /** Whether a file exists and is not a folder. */
  readonly exists: (path: string) => boolean;
  /** Resolves with the name of the first signal that asks the process to end. */
  readonly stopSignal: () => Promise<string>;
  /** Numbers of this process and of the one that started it; absent where it inherits nothing. */
  readonly process?: { readonly pid: number; readonly ppid: number };
  /** Has `listener` called at each signal that asks for the configuration to be read again. */
  readonly onReloadSignal: (listener: () => void) => void;
  /** Has `lastWords` called when the process is about to end at once. */
  readonly onAbruptEnd: (lastWords: LastWords) => void;
}

/**
 * What is done before the process ends at once: by an error that nobody caught, or by a second signal, where there is no
 * `defect`. It calls `done` within a moment, and tells whether everything has been logged.
 */
export type LastWords = (defect: { readonly error: unknown } | undefined, done: (told: boolean) => void) => void;

/** Exit codes, as in sysexits.h where it has one. */
export const EXIT = { ok: 0, problems: 1, refused: 2, opened: 3, usage: 64, defect: 70 } as const;
