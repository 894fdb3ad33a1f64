import { existsSync } from 'node:fs';
import type { PromptStreams } from '../../src/cli/io.ts';
import { runCli } from '../../src/cli/run.ts';

/** What a command within this process left behind. */
export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command line within this process. */
export async function run(
  argv: readonly string[],
  variables: Readonly<Record<string, string>> = {},
  prompt?: PromptStreams,
  exists: (path: string) => boolean = existsSync,
): Promise<Ran> {
  let stdout = '';
  let stderr = '';
  const code = await runCli(argv, {
    variables,
    stdout: (text) => {
      stdout += text;
    },
    stderr: (text) => {
      stderr += text;
    },
    stdin: () => Promise.resolve(''),
    ...(prompt && { prompt }),
    terminal: false,
    interactive: false,
    exists,
    color: false,
    stopSignal: () => Promise.resolve('SIGTERM'),
    onReloadSignal: () => {},
    onAbruptEnd: () => {},
  });
  return { code, stdout, stderr };
}
