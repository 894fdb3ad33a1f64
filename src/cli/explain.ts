import { assemble, destroyAll } from '../assembly.ts';
import { systemClock } from '../clock.ts';
import type { Config } from '../config/config.ts';
import { readTextFile, reasonOf } from '../config/files.ts';
import { explain } from '../explain/explain.ts';
import type { Explanation } from '../explain/explanation.ts';
import { FIELD_VALUE, isAddress, METHOD, type Question } from '../explain/question.ts';
import { renderExplanation } from '../explain/render.ts';
import { OpenStreams } from '../forward/streams.ts';
import { trimBlanks } from '../request/lists.ts';
import { ask } from '../verify/ask.ts';
import { type CommandIo, EXIT } from './io.ts';
import { configFor } from './start.ts';

export interface ExplainOptions {
  readonly file: string;
  readonly method: string;
  readonly url: string;
  /** The token, `@FILE`, or `-` for stdin. */
  readonly token: string | undefined;
  /** `Name: value` each. */
  readonly headers: readonly string[];
  readonly format: 'text' | 'json';
}

/**
 * `bearergate explain`: what the gateway would do with a request. Answers the exit code (0 forwarded or answered, 2
 * refused, 1 the configuration has problems), or what is wrong with how it was called.
 */
export async function explainCommand(options: ExplainOptions, io: CommandIo): Promise<number | string> {
  const question = await questionOf(options, io);
  if (typeof question === 'string') return question;
  const config = configFor(options.file, io);
  if (config === undefined) return EXIT.problems;
  const explanation = await explainWith(config, question);
  const text =
    options.format === 'json'
      ? `${JSON.stringify(explanation, null, 2)}\n`
      : renderExplanation(explanation, { color: io.color });
  io.stdout(text);
  return explanation.decision === 'refused' ? EXIT.refused : EXIT.ok;
}

async function questionOf(options: ExplainOptions, io: CommandIo): Promise<Question | string> {
  const { method, url } = options;
  if (!METHOD.test(method)) return `'${method}' is no method`;
  if (!isAddress(url)) return 'URL is a path such as /orders/1, or an http address';
  const headers: string[] = [];
  for (const line of options.headers) {
    const colon = line.indexOf(':');
    const [name, value] = [line.slice(0, Math.max(colon, 0)), trimBlanks(line.slice(colon + 1))];
    if (!METHOD.test(name) || !FIELD_VALUE.test(value)) return "--header is written 'Name: value'";
    headers.push(name, value);
  }
  try {
    const token = options.token === undefined ? undefined : await readToken(options.token, io);
    // node's parser would not let such a header through.
    if (token !== undefined && !FIELD_VALUE.test(token)) return 'the token has a line break or NUL in it';
    return { method, url, token, headers };
  } catch (error) {
    const from = options.token === '-' ? 'stdin' : options.token?.slice(1);
    return `--token: ${from} ${reasonOf(error)}`;
  }
}

/** From stdin or a file a token stays out of the shell's history. Their last line break is none of its characters. */
async function readToken(word: string, io: CommandIo): Promise<string> {
  if (word !== '-' && !word.startsWith('@')) return word;
  const text = word === '-' ? await io.stdin() : readTextFile(word.slice(1));
  return text.replace(/\r?\n$/, '');
}

/** Asks a world of its own, made from the configuration as `start` makes it, with keys fetched now. */
async function explainWith(config: Config, question: Question): Promise<Explanation> {
  const surroundings = { clock: systemClock, ask, streams: new OpenStreams(systemClock) };
  const silent = { keysFetched() {}, keysFailed() {}, snapshotUsed() {}, targetLeftOut() {}, targetBack() {} };
  const world = assemble(config, surroundings, silent);
  try {
    await Promise.all([...world.keyRings.values()].map((keys) => keys.start()));
    return await explain(question, world, systemClock.now());
  } finally {
    await destroyAll(world.parts);
  }
}
