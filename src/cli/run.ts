import { parseArgs } from 'node:util';
import { version } from '../version.ts';
import { COMMANDS, type Command, helpText, usageText } from './commands.ts';
import { type CommandIo, EXIT } from './io.ts';

/** Runs the command that `argv` names and answers the exit code. Usage mistakes are one line and the usage, exit 64. */
export async function runCli(argv: readonly string[], io: CommandIo): Promise<number> {
  const [first, ...rest] = argv;
  if (first === '--version' || first === '-v') return print(`${version()}\n`, io);
  if (first === '--help' || first === '-h' || first === 'help') return print(helpText(), io);
  if (first === undefined) return complain('a command is missing', usageText(), io);
  const command = COMMANDS.find(({ name }) => name === first);
  return command ? runCommand(command, rest, io) : complain(`there is no command '${first}'`, usageText(), io);
}

async function runCommand(command: Command, argv: readonly string[], io: CommandIo): Promise<number> {
  let values: Readonly<Record<string, unknown>>;
  let words: readonly string[];
  try {
    const options = { ...command.options, config: { type: 'string' }, help: { type: 'boolean', short: 'h' } } as const;
    const parsed = parseArgs({ args: [...argv], options, allowPositionals: command.words !== undefined });
    values = parsed.values;
    words = parsed.positionals;
  } catch (error) {
    return complain((error as Error).message.split('\n', 1)[0] ?? '', usageText(command), io);
  }
  if (values.help) return print(helpText(command), io);
  if (command.words !== 'any' && words.length !== (command.words ?? 0))
    return complain(`'${command.name}' takes ${command.words} words beside its options`, usageText(command), io);
  const file = (values.config as string | undefined) ?? (io.variables.BEARERGATE_CONFIG || './config/gateway.yaml');
  const outcome = await command.run({ file, values, words }, io);
  return typeof outcome === 'string' ? complain(outcome, usageText(command), io) : outcome;
}

function print(text: string, io: CommandIo): number {
  io.stdout(text);
  return EXIT.ok;
}

function complain(message: string, usage: string, io: CommandIo): number {
  io.stderr(`bearergate: ${message}\n${usage}`);
  return EXIT.usage;
}
