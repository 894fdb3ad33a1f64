import type { Command } from './command.ts';

/** The completion script of a shell, made from the commands and their options; undefined for a shell that it does not know. */
export function completionScript(shell: string, commands: readonly Command[]): string | undefined {
  if (shell === 'bash') return bash(commands);
  return shell === 'zsh' ? zsh(commands) : undefined;
}

const PROGRAM = 'bearergate';

/** The options that have a value, of all commands, as they are typed. */
function valueOptions(commands: readonly Command[]): { readonly typed: string; readonly choices: readonly string[] }[] {
  const all = Object.entries(Object.assign({}, ...commands.map(({ options }) => options)) as Command['options']);
  const own = all
    .filter(([, { type }]) => type === 'string')
    .map(([name, { choices = [] }]) => ({ typed: `--${name}`, choices }));
  return [{ typed: '--config', choices: [] }, { typed: '-c', choices: [] }, ...own];
}

function optionsOf({ options, config }: Command): string[] {
  const names = Object.keys(options).concat(config === 'none' ? [] : ['config'], 'help');
  return names.map((name) => `--${name}`);
}

function bash(commands: readonly Command[]): string {
  const options = valueOptions(commands);
  // Where nothing is offered, bash completes names of files.
  const values = options.map(({ typed, choices }) =>
    choices.length > 0
      ? `    ${typed}) COMPREPLY=($(compgen -W '${choices.join(' ')}' -- "$word")); return ;;\n`
      : `    ${typed}) return ;;\n`,
  );
  const cases = commands.map(
    (command) => `    ${command.name}) words='${[...optionsOf(command), ...wordsOf(command)].join(' ')}' ;;\n`,
  );
  return `# bash completion for ${PROGRAM}: source <(${PROGRAM} completion bash)
_${PROGRAM}() {
  local word=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} command= words= at
  # bash takes --format=json apart.
  if [[ $word == = ]]; then word=; elif [[ $previous == = ]]; then previous=\${COMP_WORDS[COMP_CWORD-2]}; fi
  for ((at = 1; at < COMP_CWORD; at++)); do
    case \${COMP_WORDS[at]} in
      ${options.map(({ typed }) => typed).join('|')}) ((at++)); [[ \${COMP_WORDS[at]} != = ]] || ((at++)) ;;
      -*) ;;
      *) command=\${COMP_WORDS[at]}; break ;;
    esac
  done
  case $previous in
${values.join('')}  esac
  case $command in
    '') words='${[...commands.map(({ name }) => name), 'help', 'version', '--config', '--help', '--version'].join(' ')}' ;;
    help) words='${commands.map(({ name }) => name).join(' ')}' ;;
${cases.join('')}  esac
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o default -F _${PROGRAM} ${PROGRAM}
`;
}

/** The words that a command takes in place of its options, where they are known. */
function wordsOf({ name }: Command): readonly string[] {
  return name === 'completion' ? ['bash', 'zsh'] : [];
}

function zsh(commands: readonly Command[]): string {
  const names = commands.map(({ name, summary }) => `    '${name}:${quoted(summary)}'\n`);
  const cases = commands.map((command) => `    ${command.name}) _arguments ${zshArguments(command)} ;;\n`);
  return `#compdef ${PROGRAM}
# zsh completion for ${PROGRAM}: source <(${PROGRAM} completion zsh)
_${PROGRAM}() {
  local -a commands
  commands=(
${names.join('')}    'help:print the help of a command'
    'version:print the version'
  )
  if ((CURRENT == 2)); then
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  ((CURRENT--))
  case $command in
    help) _describe command commands ;;
${cases.join('')}  esac
}
# As a file of $fpath this is the body of the function; sourced, it registers it.
if [[ $funcstack[1] == _${PROGRAM} ]]; then
  _${PROGRAM} "$@"
else
  (( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
  compdef _${PROGRAM} ${PROGRAM}
fi
`;
}

function zshArguments(command: Command): string {
  const options = optionsOf(command).map((option) => {
    const name = option.slice(2);
    const takesValue = name === 'config' || command.options[name]?.type === 'string';
    const { choices } = command.options[name] ?? {};
    const values = choices ? `(${choices.join(' ')})` : '_files';
    return takesValue ? `'${option}:${name}:${values}'` : `'${option}'`;
  });
  const words = wordsOf(command);
  return [...options, words.length > 0 ? `'1:word:(${words.join(' ')})'` : `'*:file:_files'`].join(' ');
}

function quoted(text: string): string {
  return text.replaceAll("'", "'\\''").replaceAll(':', '\\:');
}
