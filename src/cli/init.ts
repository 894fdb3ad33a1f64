import { existsSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { DISK, readTextFile, reasonOf } from '../config/files.ts';
import { firstConfig } from '../config/first.ts';
import { loadConfig } from '../config/load.ts';
import { type ApiOutline, readOpenApi } from '../config/openapi.ts';
import { count } from '../config/phrase.ts';
import { renderProblems } from '../config/render.ts';
import { SEARCHED } from './config-file.ts';
import { ANSWERS, type AnswerName, type Answers } from './init/answers.ts';
import { type CommandIo, EXIT, type PromptStreams } from './io.ts';
import { schema } from './schema.ts';

export interface InitOptions {
  readonly issuer: string | undefined;
  readonly audience: string | undefined;
  readonly upstream: string | undefined;
  /** The file to write; `-`: stdout. */
  readonly output: string;
  readonly force: boolean;
  readonly openApi: string | undefined;
}

/**
 * `bearergate init`: writes a first configuration, which has passed every check, and the schema for editors beside it. Resolves
 * with the exit code, or with what is wrong with how it was called.
 */
export async function init(options: InitOptions, io: CommandIo): Promise<number | string> {
  // Before a person has answered questions for nothing.
  if (options.output !== '-' && !options.force && existsSync(options.output)) {
    io.stderr(`bearergate: ${options.output} ${EXISTS}\n`);
    return EXIT.problems;
  }
  const outline = options.openApi === undefined ? undefined : outlineOf(options.openApi, io);
  if (options.openApi !== undefined && outline === undefined) return EXIT.problems;
  const given = { ...definedOf(outline), ...definedOf(options) };
  const answers = await answersFor(given, io);
  if (answers === undefined) {
    io.stderr('bearergate: cancelled; nothing was written\n');
    return EXIT.problems;
  }
  if (typeof answers === 'string') return answers;
  const text = firstConfig({ ...answers, routes: outline?.routes, leftOut: outline?.leftOut ?? [] });
  return isGood(text, options.output, io) ? write(text, options, io) : EXIT.problems;
}

function definedOf(values: Partial<Record<AnswerName, string | undefined>> = {}): Partial<Answers> {
  const entries = NAMES.map((name) => [name, values[name]]).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries);
}

const NAMES = Object.keys(ANSWERS) as AnswerName[];

/** The values: given ones are checked, others asked for. A text says what is wrong with a given one; undefined: broken off. */
async function answersFor(given: Partial<Answers>, { prompt }: CommandIo): Promise<Answers | string | undefined> {
  const answers: Record<AnswerName, string> = { issuer: '', audience: '', upstream: '' };
  for (const name of NAMES) {
    const value = given[name];
    if (value === undefined && prompt === undefined) return `--${name} is missing`;
    if (value === undefined) {
      const answer = await askPerson(name, prompt as PromptStreams);
      if (answer === undefined) return undefined;
      answers[name] = answer;
      continue;
    }
    const read = ANSWERS[name].read(value.trim());
    if ('mistake' in read) return `--${name} ${value}: ${read.mistake}`;
    answers[name] = read.value;
  }
  return answers;
}

async function askPerson(name: AnswerName, prompt: PromptStreams): Promise<string | undefined> {
  const { askFor, remark } = await import('./init/prompts.ts');
  const answer = await askFor(ANSWERS[name], prompt);
  if (name === 'issuer' && answer !== undefined) {
    const { probeIssuer } = await import('./init/probe.ts');
    remark(await probeIssuer(answer), prompt);
  }
  return answer;
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
    return readOpenApi(readTextFile(file));
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

const EXISTS = 'exists; --force replaces it';

function write(text: string, { output, force }: InitOptions, io: CommandIo): number {
  if (output === '-') {
    io.stdout(text);
    return EXIT.ok;
  }
  try {
    writeFileSync(output, text, { flag: force ? 'w' : 'wx' });
    // As new as this program, whatever was there: editors would underline what an older one does not know.
    writeFileSync(join(dirname(output), SCHEMA), schema());
  } catch (error) {
    const isThere = (error as NodeJS.ErrnoException).code === 'EEXIST';
    io.stderr(`bearergate: ${output} ${isThere ? EXISTS : reasonOf(error)}\n`);
    return EXIT.problems;
  }
  io.stdout(summary(text, output));
  return EXIT.ok;
}

/** The name in the first line of what is written, which editors look for. */
const SCHEMA = 'gateway.schema.json';

function summary(text: string, output: string): string {
  const routes = text.match(/^ {2}- id: /gm)?.length ?? 0;
  const open = text.match(/^ {4}auth: public/gm)?.length ?? 0;
  const option = SEARCHED.some((path) => resolve(path) === resolve(output)) ? '' : ` --config ${output}`;
  return `${output}: ${count(routes, 'route')}, ${open} of them public; editors find the fields in ${SCHEMA} beside it
Next: bearergate check${option}
      bearergate start${option}
`;
}
