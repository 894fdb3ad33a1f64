import type { Config } from '../config/config.ts';
import { DISK, folderFlaw } from '../config/files.ts';
import type { Environment } from '../config/interpolate.ts';
import { loadConfig } from '../config/load.ts';
import { count } from '../config/phrase.ts';
import { renderJson, renderProblems } from '../config/render.ts';

export interface CheckOptions {
  readonly file: string;
  readonly format: 'text' | 'json';
}

export interface CheckOutput {
  readonly variables: Environment['variables'];
  readonly color: boolean;
  stdout(text: string): void;
}

/** Tells every problem of a configuration, as its result. Answers the exit code: 1 where there is an error, else 0. */
export function check({ file, format }: CheckOptions, { variables, color, stdout }: CheckOutput): number {
  const loaded = loadConfig(file, { variables, ...DISK, folderFlaw });
  const problems = loaded.ok ? loaded.warnings : loaded.problems;
  stdout(format === 'json' ? renderJson(problems) : renderProblems(problems, { color }));
  if (loaded.ok && format === 'text') stdout(`${file}: ok (${summary(loaded.config)})\n`);
  return loaded.ok ? 0 : 1;
}

function summary({ routes, issuers, upstreams }: Config): string {
  return [count(routes.length, 'route'), count(issuers.length, 'issuer'), count(upstreams.length, 'upstream')].join(
    ', ',
  );
}
