import { version } from '../package.ts';
import { readArguments } from './arguments.ts';
import type { Command } from './command.ts';
import { demoConfig, findConfig } from './config-file.ts';
import { helpText, usageText } from './help.ts';
import { type CommandIo, EXIT } from './io.ts';

/** Runs the command that `argv` names and resolves with the exit code. A usage mistake is one line and the usage, exit 64. */
export async function runCli(argv: readonly string[], io: CommandIo): Promise<number> {
  const asked = readArguments(argv);
  switch (asked.kind) {
    case 'version':
      return print(`${version()}\n`, io);
    case 'help':
      return print(helpText(asked.command), io);
    case 'mistake':
      return complain(asked.message, io, asked.command);
    case 'run':
      return runCommand(asked.command, asked.values, asked.words, io);
  }
}

async function runCommand(
  command: Command,
  values: Readonly<Record<string, unknown>>,
  words: readonly string[],
  io: CommandIo,
): Promise<number> {
  const takesFile = command.words?.[0] === '[FILE]';
  if (takesFile && words.length > 0 && values.config !== undefined)
    return complain(`the configuration is named twice: ${words[0]} and --config`, io, command);
  const named = (takesFile ? words[0] : undefined) ?? (values.config as string | undefined);
  const found = configFor(command, named, io);
  if ('missing' in found) {
    io.stderr(`bearergate: ${found.missing}`);
    return EXIT.problems;
  }
  const outcome = await command.run({ file: found.file, values, words }, io);
  return typeof outcome === 'string' ? complain(outcome, io, command) : outcome;
}

function configFor({ config }: Command, named: string | undefined, io: CommandIo): ReturnType<typeof findConfig> {
  if (config === 'search') return findConfig(named, io);
  return { file: config === 'demo' ? (named ?? demoConfig()) : '' };
}

function print(text: string, io: CommandIo): number {
  io.stdout(text);
  return EXIT.ok;
}

function complain(message: string, io: CommandIo, command?: Command): number {
  io.stderr(`bearergate: ${message}\n${usageText(command)}`);
  return EXIT.usage;
}
