#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { COMMANDS, type Command, helpText, usageText } from './cli/commands.ts';
import { type CommandIo, EXIT } from './cli/io.ts';

// The only file that touches `process`: arguments, environment, signals and the exit code.

process.on('uncaughtException', (error) => {
  process.stderr.write(`${JSON.stringify({ level: 'fatal', msg: 'a defect of bearergate', error: error.stack })}\n`);
  process.exit(EXIT.defect);
});

process.exitCode = await run(process.argv.slice(2));

async function run(argv: readonly string[]): Promise<number> {
  const [first, ...rest] = argv;
  if (first === '--version' || first === '-v') return print(`${version()}\n`);
  if (first === '--help' || first === '-h' || first === 'help') return print(helpText());
  if (first === undefined) return complain('a command is missing', usageText());
  const command = COMMANDS.find(({ name }) => name === first);
  if (command === undefined) return complain(`there is no command '${first}'`, usageText());
  return runCommand(command, rest);
}

async function runCommand(command: Command, argv: readonly string[]): Promise<number> {
  let parsed: ReturnType<typeof parseArgs>;
  try {
    const options = { ...command.options, config: { type: 'string' }, help: { type: 'boolean', short: 'h' } } as const;
    parsed = parseArgs({ args: [...argv], options, allowPositionals: false });
  } catch (error) {
    return complain((error as Error).message.split('\n', 1)[0] ?? '', usageText(command));
  }
  if (parsed.values.help) return print(helpText(command));
  const file = (parsed.values.config as string | undefined) ?? process.env.BEARERGATE_CONFIG ?? './config/gateway.yaml';
  const outcome = command.run({ file, values: parsed.values }, io());
  const code = await outcome;
  return typeof code === 'string' ? complain(code, usageText(command)) : code;
}

function io(): CommandIo {
  return {
    variables: process.env,
    stdout: (text) => process.stdout.write(text),
    stderr: (text) => process.stderr.write(text),
    color: process.stdout.isTTY === true && process.env.NO_COLOR === undefined,
    stopSignal,
  };
}

/** The first signal begins the shutdown; a second one ends it at once. */
function stopSignal(): Promise<string> {
  return new Promise((resolve) => {
    let asked = false;
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        if (asked) process.exit(EXIT.ok);
        asked = true;
        resolve(signal);
      });
    }
  });
}

function print(text: string): number {
  process.stdout.write(text);
  return EXIT.ok;
}

function complain(message: string, usage: string): number {
  process.stderr.write(`bearergate: ${message}\n${usage}`);
  return EXIT.usage;
}

function version(): string {
  return JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version;
}
