import { parseArgs } from 'node:util';
import { didYouMean } from '../config/suggest.ts';
import { type Command, type OptionTypes, unexpected } from './command.ts';
import { COMMANDS } from './commands.ts';

/** What a command line asks for. */
export type Invocation =
  | { readonly kind: 'version' }
  /** Of one command, or of the program. */
  | { readonly kind: 'help'; readonly command?: Command }
  | {
      readonly kind: 'run';
      readonly command: Command;
      readonly values: Readonly<Record<string, unknown>>;
      readonly words: readonly string[];
    }
  /** What is wrong with it, and which command it was meant for where that is known. */
  | { readonly kind: 'mistake'; readonly message: string; readonly command?: Command };

/** Options of every command. */
const SHARED = {
  config: { type: 'string', short: 'c' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'v' },
} as const satisfies OptionTypes;

/** An option has one type wherever it occurs (a test holds it), so options can be read before the command is known. */
const ALL: OptionTypes = Object.assign({}, ...COMMANDS.map(({ options }) => options), SHARED);

/** Reads a command line. Options may be anywhere; the first word that is not an option is the command. */
export function readArguments(argv: readonly string[]): Invocation {
  const { values, positionals, tokens } = parseArgs({
    args: [...argv],
    options: ALL,
    allowPositionals: true,
    strict: false,
    tokens: true,
  });
  const [first, ...words] = positionals;
  if (first === 'help' || (values.help === true && first !== undefined))
    return helpFor(first === 'help' ? words[0] : first);
  if (values.help === true) return { kind: 'help' };
  if (first === 'version' || values.version === true) return { kind: 'version' };
  if (first === undefined) return { kind: 'mistake', message: flawedOption(tokens, SHARED) ?? 'no command given' };
  const command = COMMANDS.find(({ name }) => name === first);
  if (command === undefined) {
    // `--confg FILE check`: what looks like the command is the value of an option that there is not.
    const flaw = flawedOption(tokens, ALL);
    return flaw === undefined ? unknownCommand(first) : { kind: 'mistake', message: flaw };
  }
  const flaw =
    flawedOption(tokens, { ...command.options, ...SHARED }) ??
    flawedWords(command, words) ??
    command.misuse?.({ values, words });
  return flaw === undefined ? { kind: 'run', command, values, words } : { kind: 'mistake', message: flaw, command };
}

function helpFor(name: string | undefined): Invocation {
  if (name === undefined) return { kind: 'help' };
  const command = COMMANDS.find((one) => one.name === name);
  return command ? { kind: 'help', command } : unknownCommand(name);
}

function unknownCommand(name: string): Invocation {
  const hint = didYouMean(name, [...COMMANDS.map((command) => command.name), 'help', 'version']);
  return { kind: 'mistake', message: `unknown command '${name}'${hint ? ` (${hint})` : ''}` };
}

interface Token {
  readonly kind: string;
  readonly name?: string;
  readonly rawName?: string;
  readonly value?: string | undefined;
  readonly inlineValue?: boolean | undefined;
}

/** What is wrong with the options of a command line, for a command that has these. */
function flawedOption(tokens: readonly Token[], options: OptionTypes): string | undefined {
  const given = new Set<string>();
  for (const { kind, name = '', rawName = '', value, inlineValue } of tokens) {
    if (kind !== 'option') continue;
    const option = Object.hasOwn(options, name) ? options[name] : undefined;
    if (option === undefined) {
      const hint = didYouMean(name, Object.keys(options));
      return `unknown option '${rawName}'${hint ? ` (${hint.replace('`', '`--')})` : ''}`;
    }
    if (option.type === 'boolean' && inlineValue) return `option '${rawName}' does not take a value`;
    if (option.type === 'string' && (value === undefined || (!inlineValue && /^-./.test(value))))
      return `option '${rawName}' needs a value`;
    if (option.choices && !option.choices.includes(String(value))) return flawedChoice(name, option.choices, value);
    if (given.has(name) && !option.multiple) return `option '${rawName}' is given more than once`;
    given.add(name);
  }
  return undefined;
}

function flawedChoice(name: string, choices: readonly string[], value = ''): string {
  const hint = didYouMean(value, choices);
  return `--${name} is ${choices.join(' or ')}${hint ? ` (${hint})` : ''}`;
}

function flawedWords({ name, config, words = [], example }: Command, given: readonly string[]): string | undefined {
  const required = words.filter((word) => !word.startsWith('['));
  if (given.length > words.length)
    return unexpected(given[words.length] ?? '', config !== 'none' && words.length === 0);
  if (given.length >= required.length) return undefined;
  return `${name} needs ${required.join(' and ')}${example ? `: bearergate ${example}` : ''}`;
}
