import { readFileSync, writeFileSync } from 'node:fs';
import { DISK, reasonOf } from '../config/files.ts';
import { firstConfig } from '../config/first.ts';
import { loadConfig } from '../config/load.ts';
import { type ApiOutline, readOpenApi } from '../config/openapi.ts';
import { count } from '../config/phrase.ts';
import { renderProblems } from '../config/render.ts';
import { type CommandIo, EXIT } from './io.ts';

export interface InitOptions {
  readonly issuer: string | undefined;
  readonly audience: string | undefined;
  readonly upstream: string | undefined;
  /** The file to write; `-`: stdout. */
  readonly output: string;
  readonly force: boolean;
  readonly openApi: string | undefined;
}

const QUESTIONS = {
  issuer: 'Whose tokens are accepted (the issuer, exactly as in `iss`, such as https://login.example.com)? ',
  audience: 'What are tokens for this API issued for (a name in `aud`, such as orders-api)? ',
  upstream: 'Where is the API (scheme, host and port, such as http://127.0.0.1:3000)? ',
} as const;

/** `bearergate init`: writes a first configuration, which has passed every check. Answers what is wrong with how it was called as text. */
export async function init(options: InitOptions, io: CommandIo): Promise<number | string> {
  const outline = options.openApi === undefined ? undefined : outlineOf(options.openApi, io);
  if (options.openApi !== undefined && outline === undefined) return EXIT.problems;
  const said = {
    issuer: options.issuer ?? outline?.issuer,
    audience: options.audience,
    upstream: options.upstream ?? outline?.upstream,
  };
  const answers = { issuer: '', audience: '', upstream: '' };
  for (const key of ['issuer', 'audience', 'upstream'] as const) {
    const answer = said[key] ?? (await io.ask?.(QUESTIONS[key]))?.trim();
    if (!answer) return `--${key} is missing`;
    answers[key] = answer;
  }
  const text = firstConfig({ ...answers, routes: outline?.routes, leftOut: outline?.leftOut ?? [] });
  return isGood(text, options.output, io) ? write(text, options, io) : EXIT.problems;
}

function outlineOf(file: string, io: CommandIo): ApiOutline | undefined {
  const outline = read(file);
  if (typeof outline !== 'string' && outline.routes.length > 0) return outline;
  io.stderr(
    `bearergate: ${file} ${typeof outline === 'string' ? outline : 'has no operation that a route can take'}\n`,
  );
  return undefined;
}

function read(file: string): ApiOutline | string {
  try {
    return readOpenApi(readFileSync(file, 'utf8'));
  } catch (error) {
    return reasonOf(error);
  }
}

/** Whether a configuration has no errors; they are told, and so is nothing else: warnings are for whoever reads it next. */
function isGood(text: string, name: string, io: CommandIo): boolean {
  const loaded = loadConfig(name, { variables: {}, ...DISK, readFile: () => text });
  if (!loaded.ok) io.stderr(renderProblems(loaded.problems, { color: io.color }));
  return loaded.ok;
}

function write(text: string, { output, force }: InitOptions, io: CommandIo): number {
  if (output === '-') {
    io.stdout(text);
    return EXIT.ok;
  }
  try {
    writeFileSync(output, text, { flag: force ? 'w' : 'wx' });
  } catch (error) {
    const isThere = (error as NodeJS.ErrnoException).code === 'EEXIST';
    io.stderr(`bearergate: ${output} ${isThere ? 'is there already; --force replaces it' : reasonOf(error)}\n`);
    return EXIT.problems;
  }
  const routes = text.match(/^ {2}- id: /gm)?.length ?? 0;
  const open = text.match(/^ {4}auth: public/gm)?.length ?? 0;
  io.stdout(
    `${output} is written: ${count(routes, 'route')}, ${open} of them public. Next: bearergate check --config ${output}\n`,
  );
  return EXIT.ok;
}
