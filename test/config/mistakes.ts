import { readFileSync } from 'node:fs';
import { renderProblems } from '../../src/config/render.ts';
import { load } from './support.ts';

/** One mistake: how the file differs from base.yaml, and all that is said about it. */
export interface Mistake {
  readonly title: string;
  readonly edit: readonly string[];
  readonly output: string;
}

const here = (name: string) => readFileSync(new URL(name, import.meta.url), 'utf8');

/** The mistakes of mistakes.txt. */
export function mistakes(): Mistake[] {
  return here('mistakes.txt')
    .split(/^=== /m)
    .slice(1)
    .map((section) => {
      const [head = '', ...output] = section.split('\n\n');
      const [title = '', ...edit] = head.split('\n');
      return { title, edit, output: output.join('\n\n').trimEnd() };
    });
}

/** What is said about base.yaml when lines behind `<` give way to those behind `>`; lines behind `>>` are a whole file. */
export function rendered(edit: readonly string[]): string {
  const loaded = load(edited(edit));
  return renderProblems(loaded.ok ? loaded.warnings : loaded.problems, { color: false });
}

/** base.yaml with an edit. */
export function edited(edit: readonly string[]): string {
  const whole = edit.filter((line) => line.startsWith('>> '));
  if (whole.length > 0) return `${whole.map((line) => line.slice(3)).join('\n')}\n`;
  const lines = here('base.yaml').split('\n');
  let at = 0;
  for (const line of edit) {
    const text = line.slice(2);
    if (line.startsWith('<')) {
      at = lines.indexOf(text);
      if (at === -1) throw new Error(`base.yaml has no line ${text}`);
      lines.splice(at, 1);
    } else {
      lines.splice(at, 0, text);
      at += 1;
    }
  }
  return lines.join('\n');
}
