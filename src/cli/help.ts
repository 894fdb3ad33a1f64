import { type Command, GROUPS } from './command.ts';
import { COMMANDS } from './commands.ts';
import { SEARCHED } from './config-file.ts';

/** The widest line, in characters. */
const WIDTH = 80;

/** The short form, for usage mistakes: one line, or as many as fit into 80 columns. */
export function usageText(command?: Command): string {
  return command
    ? wrapped(`usage: bearergate ${command.usage}`, ' '.repeat('usage: '.length + command.name.length + 12))
    : 'usage: bearergate COMMAND [options]; bearergate --help lists the commands\n';
}

/** The long form, for --help: of one command, or of the program. */
export function helpText(command?: Command): string {
  return command ? helpOfCommand(command) : helpOfProgram();
}

function helpOfCommand(command: Command): string {
  const { summary, details = '', config, exits } = command;
  const configuration = config === 'none' ? '' : config === 'demo' ? DEMO_OPTION : CONFIG_OPTION;
  const codes = exits === undefined ? '' : `\n${wrapped(`Exit codes: ${exits}`, '  ')}`;
  return `${usageText(command)}\n${summary}\n\n${details}${configuration}${codes}`;
}

function helpOfProgram(): string {
  const width = Math.max(...COMMANDS.map(({ name }) => name.length));
  const groups = Object.entries(GROUPS).map(([group, heading]) => {
    const lines = COMMANDS.filter((command) => command.group === group).map(
      ({ name, summary }) => `  ${name.padEnd(width)}  ${summary}\n`,
    );
    return `${heading}\n${lines.join('')}\n`;
  });
  return `bearergate: a reverse proxy that checks bearer tokens and says what is wrong

usage: bearergate COMMAND [options]

${groups.join('')}Options
${CONFIG_OPTION}  -v, --version      print the version
  -h, --help         print this; with a command, the help of that command
`;
}

const DEMO_OPTION = '  -c, --config FILE  the configuration; default: the one of the package\n';
const CONFIG_OPTION = `  -c, --config FILE  the configuration; default: $BEARERGATE_CONFIG, else the
                     first of these that exists:
${SEARCHED.map((path) => `                       ${path}\n`).join('')}`;

/** The pieces between blanks that are not within brackets. */
function wordsOf(text: string): string[] {
  const words: string[] = [];
  let isWithin = false;
  for (const piece of text.split(' ')) {
    if (isWithin) words.push(`${words.pop()} ${piece}`);
    else words.push(piece);
    isWithin = piece.lastIndexOf('[') > piece.lastIndexOf(']') || (isWithin && !piece.includes(']'));
  }
  return words;
}

/** Breaks a text at blanks that are not within brackets, so that no line is longer than the width. */
function wrapped(text: string, indent: string): string {
  const lines: string[] = [];
  let line = '';
  for (const part of wordsOf(text)) {
    if (line !== '' && line.length + 1 + part.length > WIDTH) {
      lines.push(line);
      line = indent + part;
    } else {
      line = line === '' ? part : `${line} ${part}`;
    }
  }
  return `${[...lines, line].join('\n')}\n`;
}
