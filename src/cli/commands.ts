import { type Command, type CommandInput, unexpected } from './command.ts';

// Each command loads what it needs when it runs: `health`, which containers run every few seconds, needs very little.

const FORMAT = { type: 'string', choices: ['text', 'json'] } as const;

/** Every command, in the order in which --help lists it. */
export const COMMANDS: readonly Command[] = [
  {
    name: 'demo',
    group: 'run',
    config: 'demo',
    options: {},
    usage: 'demo [--config FILE]',
    summary: 'run a complete example: issuer, small API and gateway',
    details: `Runs the configuration that the package carries, unless --config names another.
The development issuer and the API listen on loopback only.
`,
    run: async ({ file }, io) => (await import('./demo.ts')).demo({ file }, io),
  },
  {
    name: 'start',
    group: 'run',
    config: 'search',
    options: {},
    usage: 'start [--config FILE]',
    summary: 'run the gateway',
    details: `Prints where it listens. SIGHUP reads the configuration again; SIGTERM drains,
and a second one ends it at once.
`,
    run: async ({ file }, io) => (await import('./start.ts')).start({ file }, io),
  },
  {
    name: 'health',
    group: 'run',
    config: 'search',
    options: {},
    usage: 'health [--config FILE]',
    summary: 'ask the running gateway whether it is ready',
    details: `Asks /readyz at the admin address of the configuration, which may be wrong
otherwise.
`,
    exits: '0 ready; 1 not ready or not reached, and why.',
    run: async ({ file }, io) => (await import('./health.ts')).health({ file }, io),
  },
  {
    name: 'check',
    group: 'understand',
    config: 'search',
    options: { format: FORMAT },
    words: ['[FILE]'],
    usage: 'check [FILE] [--format text|json]',
    summary: 'print every problem of a configuration, with its position',
    details: `  --format       text (default) or json
`,
    exits: '0; 1 the configuration has problems.',
    run: async ({ file, values }, io) => {
      const { check } = await import('./check.ts');
      return check({ file, format: formatOf(values) }, io);
    },
  },
  {
    name: 'routes',
    group: 'understand',
    config: 'search',
    options: { format: FORMAT, match: { type: 'boolean' } },
    words: ['[METHOD]', '[URL]'],
    usage: 'routes [--match METHOD URL] [--format text|json] [--config FILE]',
    summary: 'print the routes in match order, or which one matches a request',
    details: `  --match        print which route matches a request, and why the others do not
  --format       text (default) or json
`,
    exits: '0; with --match 2 if no route matches; 1 the configuration has problems.',
    misuse: ({ values, words: [method, url] }) => {
      if (!values.match) return method === undefined ? undefined : unexpected(method, true);
      return url === undefined ? '--match needs METHOD and URL: bearergate routes --match GET /orders/1' : undefined;
    },
    run: async ({ file, values, words: [method = '', url = ''] }, io) => {
      const format = formatOf(values);
      const { matchRoute, routes } = await import('./routes.ts');
      return values.match ? matchRoute({ file, format, method, url }, io) : routes({ file, format }, io);
    },
  },
  {
    name: 'explain',
    group: 'understand',
    config: 'search',
    options: { token: { type: 'string' }, header: { type: 'string', multiple: true }, format: FORMAT },
    words: ['METHOD', 'URL'],
    example: 'explain GET /orders/1',
    usage: "explain METHOD URL [--token TOKEN|@FILE|-] [--header 'Name: value'] [--format text|json] [--config FILE]",
    summary: 'print what the gateway does with a request, and why',
    details: `  --token        the token, @FILE, or - for stdin (keeps it out of the history)
  --header       another header of the request; may be repeated
  --format       text (default) or json
`,
    exits: '0 forwarded or answered; 2 refused; 1 the configuration has problems.',
    run: async ({ file, values, words: [method = '', url = ''] }, io) => {
      const format = formatOf(values);
      const { explainCommand } = await import('./explain.ts');
      const { token, header = [] } = values as { token?: string; header?: string[] };
      return explainCommand({ file, method, url, token, headers: header, format }, io);
    },
  },
  {
    name: 'diff',
    group: 'understand',
    config: 'none',
    options: { format: FORMAT },
    words: ['OLD', 'NEW'],
    example: 'diff old.yaml new.yaml',
    usage: 'diff OLD NEW [--format text|json]',
    summary: 'print what a change of configuration does to access',
    details: `  --format       text (default) or json
`,
    exits: '0; 3 something becomes public or loses a check; 1 a file has problems.',
    run: async ({ values, words: [before = '', after = ''] }, io) => {
      const { diff } = await import('./diff.ts');
      return diff({ before, after, format: formatOf(values) }, io);
    },
  },
  {
    name: 'init',
    group: 'write',
    config: 'none',
    options: {
      issuer: { type: 'string' },
      audience: { type: 'string' },
      upstream: { type: 'string' },
      output: { type: 'string' },
      force: { type: 'boolean' },
      'from-openapi': { type: 'string' },
    },
    usage: 'init [--from-openapi FILE] [--issuer URL] [--audience NAME] [--upstream URL] [--output FILE] [--force]',
    summary: 'write a first configuration, interactively or from OpenAPI',
    details: `  --from-openapi make routes of the paths, security and scopes of this document
  --issuer       whose tokens are accepted
  --audience     what tokens for this API are issued for
  --upstream     where the API is
  --output       the file to write, or - for stdout; default: ./gateway.yaml
  --force        replace the file if it exists
On a terminal it asks for what is not given.
`,
    run: async ({ values }, io) => {
      const { init } = await import('./init.ts');
      const given = values as Record<string, string | undefined>;
      const { issuer, audience, upstream, output = './gateway.yaml', 'from-openapi': openApi } = given;
      return init({ issuer, audience, upstream, output, force: values.force === true, openApi }, io);
    },
  },
  {
    name: 'schema',
    group: 'write',
    config: 'none',
    options: {},
    usage: 'schema',
    summary: 'print the JSON Schema of the configuration',
    run: async (_, io) => {
      const { schema } = await import('./schema.ts');
      io.stdout(schema());
      return 0;
    },
  },
  {
    name: 'completion',
    group: 'write',
    config: 'none',
    options: {},
    words: ['SHELL'],
    example: 'completion bash',
    usage: 'completion bash|zsh',
    summary: 'print the completion script of a shell',
    details: `bash: source <(bearergate completion bash)
zsh:  source <(bearergate completion zsh)
`,
    run: async ({ words: [shell = ''] }, io) => {
      const { completionScript } = await import('./completion.ts');
      const script = completionScript(shell, COMMANDS);
      if (script === undefined) return `there is no completion for '${shell}': bash or zsh`;
      io.stdout(script);
      return 0;
    },
  },
];

function formatOf({ format }: CommandInput['values']): 'text' | 'json' {
  return format === 'json' ? 'json' : 'text';
}
