import test from 'ava';
import { COMMANDS } from '../../src/cli/commands.ts';
import { run } from '../support/cli.ts';
import { SMALL_CONFIG } from '../support/command.ts';
import { temporaryFolder } from '../support/files.ts';

test('an option has one type in every command that has it', (t) => {
  const types = new Map<string, string>();
  for (const { name, options } of COMMANDS) {
    for (const [option, { type, short, multiple = false }] of Object.entries(options)) {
      const seen = types.get(option) ?? `${type} ${short} ${multiple}`;
      t.is(`${type} ${short} ${multiple}`, seen, `--${option} of ${name}`);
      t.false(['config', 'help', 'version'].includes(option), `--${option} of ${name} belongs to every command`);
      types.set(option, seen);
    }
  }
});

for (const words of [
  ['check', 'FILE'],
  ['check', '-c', 'FILE'],
  ['check', '--config', 'FILE'],
  ['check', '--config=FILE'],
  ['-c', 'FILE', 'check'],
  ['--config', 'FILE', 'check', '--format', 'text'],
  ['--format', 'text', 'check', 'FILE'],
] as const) {
  test(`bearergate ${words.join(' ')} checks that file`, async (t) => {
    const folder = await temporaryFolder({ 'other.yaml': SMALL_CONFIG });
    t.teardown(folder.remove);
    const argv = words.map((word) => word.replace('FILE', folder.file('other.yaml')));
    const { code, stdout, stderr } = await run(argv);
    t.is(stderr, '');
    t.is(code, 0);
    t.true(stdout.startsWith(`${folder.file('other.yaml')}: ok`), stdout);
  });
}

for (const [argv, complaint, usage] of [
  [['chekc'], "unknown command 'chekc' (did you mean `check`?)", 'COMMAND'],
  [['hepl'], "unknown command 'hepl' (did you mean `help`?)", 'COMMAND'],
  [['help', 'rouets'], "unknown command 'rouets' (did you mean `routes`?)", 'COMMAND'],
  [['check', '--formta', 'json'], "unknown option '--formta' (did you mean `--format`?)", 'check'],
  [['check', '--confgi', 'x'], "unknown option '--confgi' (did you mean `--config`?)", 'check'],
  [['check', '--format', 'jsno'], '--format is text or json (did you mean `json`?)', 'check'],
  [['--token', 'x', 'check'], "unknown option '--token'", 'check'],
  [['check', '-x'], "unknown option '-x'", 'check'],
  [['check', '--constructor'], "unknown option '--constructor'", 'check'],
  [['check', '-c'], "option '-c' needs a value", 'check'],
  [['check', '--config', '--format', 'json'], "option '--config' needs a value", 'check'],
  [['init', '--force=yes'], "option '--force' does not take a value", 'init'],
  [['check', '-c', 'a', '-c', 'b'], "option '-c' is given more than once", 'check'],
  [['check', 'a', '-c', 'b'], 'the configuration is named twice: a and --config', 'check'],
  [['check', 'a', 'b'], "unexpected argument 'b'", 'check'],
  [['explain'], 'explain needs METHOD and URL: bearergate explain GET /orders/1', 'explain'],
  [['explain', 'GET'], 'explain needs METHOD and URL: bearergate explain GET /orders/1', 'explain'],
  [['routes', '--match', 'GET'], '--match needs METHOD and URL: bearergate routes --match GET /orders/1', 'routes'],
  [['diff', 'old.yaml'], 'diff needs OLD and NEW: bearergate diff old.yaml new.yaml', 'diff'],
  [['completion'], 'completion needs SHELL: bearergate completion bash', 'completion'],
  [['completion', 'fish'], "there is no completion for 'fish': bash or zsh", 'completion'],
  [['--confg', 'x.yaml', 'check'], "unknown option '--confg' (did you mean `--config`?)", 'COMMAND'],
  [['-C', 'x.yaml', 'check'], "unknown option '-C'", 'COMMAND'],
  [['explain', '--format', 'xml', 'GET', '/'], '--format is text or json', 'explain'],
  [['start', 'x.yaml'], "unexpected argument 'x.yaml' (did you mean `--config x.yaml`?)", 'start'],
  [['routes', 'x.yaml'], "unexpected argument 'x.yaml' (did you mean `--config x.yaml`?)", 'routes'],
  [['routes', 'GET', '/'], "unexpected argument 'GET'", 'routes'],
  [['schema', 'x.yaml'], "unexpected argument 'x.yaml'", 'schema'],
  [['--format', 'json'], "unknown option '--format'", 'COMMAND'],
  [[], 'no command given', 'COMMAND'],
] as const) {
  test(`bearergate ${argv.join(' ')} is a usage mistake, and the message says which`, async (t) => {
    const { code, stdout, stderr } = await run(argv, { BEARERGATE_CONFIG: '/no/such/gateway.yaml' });
    t.is(code, 64);
    t.is(stdout, '');
    t.deepEqual(
      await run(argv, {}, undefined, () => false),
      { code, stdout, stderr },
      'also where no configuration is found',
    );
    const [first, second = ''] = stderr.split('\n');
    t.is(first, `bearergate: ${complaint}`);
    t.true(second.startsWith(`usage: bearergate ${usage}`), stderr);
  });
}

for (const argv of [['help'], ['--help'], ['-h']]) {
  test(`${argv.join(' ')} lists every command in groups, within 80 columns`, async (t) => {
    const { code, stdout, stderr } = await run(argv);
    t.is(code, 0);
    t.is(stderr, '');
    for (const { name, summary } of COMMANDS) t.regex(stdout, new RegExp(`^  ${name} +${summary}$`, 'm'));
    for (const heading of ['Run', 'Understand', 'Write']) t.regex(stdout, new RegExp(`^${heading}$`, 'm'));
    for (const line of stdout.split('\n')) t.true(line.length <= 80, line);
  });
}

for (const { name } of COMMANDS) {
  test(`the help of ${name} comes by help, before and behind the command, within 80 columns`, async (t) => {
    const { code, stdout } = await run([name, '--help']);
    t.is(code, 0);
    for (const line of stdout.split('\n')) t.true(line.length <= 80, line);
    for (const argv of [
      ['help', name],
      ['--help', name],
      ['-h', name],
      [name, '-h'],
    ])
      t.is((await run(argv)).stdout, stdout, argv.join(' '));
  });
}

test('version comes in every usual way', async (t) => {
  const { stdout } = await run(['--version']);
  t.regex(stdout, /^\d+\.\d+\.\d+\n$/);
  for (const words of [['version'], ['-v'], ['check', '--version'], ['-v', 'start']])
    t.is((await run(words)).stdout, stdout, words.join(' '));
});
