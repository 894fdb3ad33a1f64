import type { CommandIo } from './io.ts';

// Each command loads what it needs when it runs: `health`, which containers run every few seconds, needs very little.

/** What a command gets from the command line. */
export interface CommandInput {
  /** `--config`, else $BEARERGATE_CONFIG, else ./config/gateway.yaml. */
  readonly file: string;
  readonly values: Readonly<Record<string, unknown>>;
  /** What stands on the command line beside options. */
  readonly words: readonly string[];
}

export interface Command {
  readonly name: string;
  /** Its own options, besides --config and --help. */
  readonly options: Readonly<Record<string, { readonly type: 'string' | 'boolean'; readonly multiple?: boolean }>>;
  /** How many words it takes beside options; none where absent. Where it is any number, the command counts them. */
  readonly words?: number | 'any';
  /** What --help says of its own options, a line each. */
  readonly details?: string;
  readonly usage: string;
  readonly summary: string;
  /** Answers the exit code, or what is wrong with how it was called. */
  readonly run: (input: CommandInput, io: CommandIo) => Promise<number | string>;
}

/** Every command, in the order in which one meets them. */
export const COMMANDS: readonly Command[] = [
  {
    name: 'demo',
    options: {},
    usage: 'demo [--config FILE]',
    summary: 'run a complete world: a development issuer, a small API and the gateway in front of it',
    run: async ({ file }, io) => (await import('./demo.ts')).demo({ file }, io),
  },
  {
    name: 'start',
    options: {},
    usage: 'start [--config FILE]',
    summary: 'run the gateway',
    run: async ({ file }, io) => (await import('./start.ts')).start({ file }, io),
  },
  {
    name: 'check',
    options: { format: { type: 'string' } },
    usage: 'check [--config FILE] [--format text|json]',
    summary: 'tell every problem of a configuration, with its position',
    run: async ({ file, values }, io) => {
      const format = formatOf(values);
      const { check } = await import('./check.ts');
      return format ? check({ file, format }, io) : FORMATS;
    },
  },
  {
    name: 'routes',
    options: { format: { type: 'string' }, match: { type: 'boolean' } },
    words: 'any',
    usage: 'routes [--match METHOD URL] [--format text|json] [--config FILE]',
    summary: 'print the routes in match order, or which of them takes a request and why the others do not',
    details: `  --match        which route takes a request, and why the others do not
  --format       text (default) or json
Exit codes: 0; with --match 2 where no route takes the request; 1 the configuration has problems.
`,
    run: async ({ file, values, words }, io) => {
      const format = formatOf(values);
      if (!format) return FORMATS;
      const { matchRoute, routes } = await import('./routes.ts');
      const [method, url, ...more] = words;
      if (!values.match) return method === undefined ? routes({ file, format }, io) : `unexpected argument '${method}'`;
      if (method === undefined || url === undefined || more.length > 0) return '--match takes a method and a URL';
      return matchRoute({ file, format, method, url }, io);
    },
  },
  {
    name: 'explain',
    options: { token: { type: 'string' }, header: { type: 'string', multiple: true }, format: { type: 'string' } },
    words: 2,
    usage: "explain METHOD URL [--token TOKEN|@FILE|-] [--header 'Name: value'] [--format text|json] [--config FILE]",
    summary: 'tell what the gateway would do with a request, step by step, the reason, and the fix',
    details: `  --token        the token, @FILE, or - for stdin, which keeps it out of the shell's history
  --header       a further header of the request; may be repeated
  --format       text (default) or json
Exit codes: 0 forwarded, 2 refused.
`,
    run: async ({ file, values, words: [method = '', url = ''] }, io) => {
      const format = formatOf(values);
      if (!format) return FORMATS;
      const { explainCommand } = await import('./explain.ts');
      const { token, header = [] } = values as { token?: string; header?: string[] };
      return explainCommand({ file, method, url, token, headers: header, format }, io);
    },
  },
  {
    name: 'diff',
    options: { format: { type: 'string' } },
    words: 2,
    usage: 'diff OLD NEW [--format text|json]',
    summary: 'tell what a change of configuration does to access: which requests are decided differently',
    details: `  --format       text (default) or json
Exit codes: 0; 3 something becomes public or loses a check; 1 a file has problems.
`,
    run: async ({ values, words: [before = '', after = ''] }, io) => {
      const format = formatOf(values);
      const { diff } = await import('./diff.ts');
      return format ? diff({ before, after, format }, io) : FORMATS;
    },
  },
  {
    name: 'init',
    options: {
      issuer: { type: 'string' },
      audience: { type: 'string' },
      upstream: { type: 'string' },
      output: { type: 'string' },
      force: { type: 'boolean' },
      'from-openapi': { type: 'string' },
    },
    usage: 'init [--from-openapi FILE] [--issuer URL] [--audience NAME] [--upstream URL] [--output FILE] [--force]',
    summary: 'write a first configuration, by asking or from an OpenAPI 3 document',
    details: `  --from-openapi paths, methods, security and scopes of this document become routes
  --issuer       whose tokens are accepted
  --audience     what tokens for this API are issued for
  --upstream     where the API is
  --output       the file to write, or - for stdout; default: ./gateway.yaml
  --force        replace the file where it is there already
What is not given is asked for on a terminal.
`,
    run: async ({ values }, io) => {
      const { init } = await import('./init.ts');
      const given = values as Record<string, string | undefined>;
      const { issuer, audience, upstream, output = './gateway.yaml', 'from-openapi': openApi } = given;
      return init({ issuer, audience, upstream, output, force: values.force === true, openApi }, io);
    },
  },
  {
    name: 'health',
    options: {},
    usage: 'health [--config FILE]',
    summary: 'ask the running gateway whether it is ready, for container health checks',
    details: `Asks /readyz at the admin address of the configuration, of which nothing else has to be right.
Exit codes: 0 ready; 1 not ready or not reached, and why.
`,
    run: async ({ file }, io) => (await import('./health.ts')).health({ file }, io),
  },
  {
    name: 'schema',
    options: {},
    usage: 'schema',
    summary: 'print the JSON Schema of the configuration',
    run: async (_, io) => {
      const { schema } = await import('./schema.ts');
      io.stdout(schema());
      return 0;
    },
  },
];

const FORMATS = '--format is text or json';

function formatOf({ format = 'text' }: CommandInput['values']): 'text' | 'json' | undefined {
  return format === 'text' || format === 'json' ? format : undefined;
}

/** The short form, for complaints. */
export function usageText(command?: Command): string {
  const usage = command ? command.usage : `${COMMANDS.map(({ name }) => name).join('|')} [options]`;
  return `usage: bearergate ${usage}\n`;
}

/** The long form, for --help. */
export function helpText(command?: Command): string {
  if (command) return `${usageText(command)}\n${command.summary}\n\n${command.details ?? ''}${CONFIG_OPTION}`;
  const width = Math.max(...COMMANDS.map(({ usage }) => usage.length));
  const lines = COMMANDS.map(({ usage, summary }) => `  ${usage.padEnd(width)}  ${summary}\n`);
  return `bearergate: a reverse proxy that checks bearer tokens and says why it refuses one\n\n${usageText()}\n${lines.join('')}\n${CONFIG_OPTION}  --version      print the version\n  --help         print this; after a command, that command's\n`;
}

const CONFIG_OPTION = '  --config FILE  the configuration; default: $BEARERGATE_CONFIG, else ./config/gateway.yaml\n';
