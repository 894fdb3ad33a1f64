import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './documents.ts';

/** One instruction of a Dockerfile, continued lines joined. */
export interface Instruction {
  readonly name: string;
  readonly words: readonly string[];
  readonly text: string;
}

/** What stands between one FROM and the next, the FROM included. */
export interface Stage {
  readonly name: string | undefined;
  readonly base: string;
  readonly instructions: readonly Instruction[];
}

/** Reads the project's Dockerfile, as far as it goes in writing one: no heredocs, no other escape. */
export function readDockerfile(): {
  readonly stages: readonly Stage[];
  readonly defaults: ReadonlyMap<string, string>;
} {
  const text = readFileSync(join(ROOT, 'Dockerfile'), 'utf8')
    .replace(/^\s*#.*\n/gm, '')
    .replace(/\\\n\s*/g, '');
  const instructions = text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line): Instruction => {
      const [, name = '', rest = ''] = /^(\w+)\s+(.*)$/.exec(line) ?? [];
      return { name, text: rest, words: rest.split(/\s+/) };
    });
  const firstStage = instructions.findIndex(({ name }) => name === 'FROM');
  const defaults = new Map(instructions.slice(0, firstStage).map(({ text }) => text.split('=', 2) as [string, string]));
  const stages: { name: string | undefined; base: string; instructions: Instruction[] }[] = [];
  for (const instruction of instructions.slice(firstStage)) {
    if (instruction.name === 'FROM') {
      const [base = '', , name] = instruction.words;
      const replaced = base.replace(/\$\{(\w+)\}/g, (_, variable) => defaults.get(variable) ?? '');
      stages.push({ name, base: replaced, instructions: [] });
    }
    stages.at(-1)?.instructions.push(instruction);
  }
  return { stages, defaults };
}

/** The words of an instruction in exec form. */
export function execForm(text: string): string[] {
  return JSON.parse(text.slice(text.indexOf('['))) as string[];
}
