import { count } from './phrase.ts';
import type { Problem } from './problem.ts';

interface Paint {
  readonly color: boolean;
}

const ANSI = { error: '31', warning: '33', strong: '1', quiet: '2', hint: '36' } as const;
/** Longer source lines are shown around the place alone. */
const WIDTH = 120;

/** Problems as a good compiler tells them: place, what is wrong, the line with a caret, what to do; their number at the end. */
export function renderProblems(problems: readonly Problem[], paint: Paint): string {
  if (problems.length === 0) return '';
  return [...problems.map((problem) => renderProblem(problem, paint)), `${total(problems)}\n`].join('\n');
}

/** Problems as `check --format json` gives them out. */
export function renderJson(problems: readonly Problem[]): string {
  const documented = problems.map(({ severity, name, file, line, column, message, hint }) => {
    return { severity, name, file, line, column, message, ...(hint !== undefined && { hint }) };
  });
  return `${JSON.stringify({ problems: documented })}\n`;
}

/** A problem as one line, for the log. */
export function problemLine({ severity, file, line, column, message, hint }: Problem): string {
  return printable(`${file}:${line}:${column}: ${severity}: ${message}${hint === undefined ? '' : ` (${hint})`}`);
}

function renderProblem(problem: Problem, paint: Paint): string {
  const { severity, file, line, column, message, hint, excerpt } = problem;
  const place = dye(printable(`${file}:${line}:${column}:`), 'strong', paint);
  const lines = [`${place} ${dye(`${severity}:`, severity, paint)} ${printable(message)}`];
  if (excerpt) lines.push(...renderExcerpt(excerpt, line, column, severity, paint));
  if (hint) lines.push(`  ${dye('hint:', 'hint', paint)} ${printable(hint)}`);
  return `${lines.join('\n')}\n`;
}

function renderExcerpt(
  excerpt: string,
  line: number,
  column: number,
  severity: Problem['severity'],
  paint: Paint,
): string[] {
  const start = excerpt.length > WIDTH ? Math.max(0, column - 1 - WIDTH / 2) : 0;
  const shown = `${start > 0 ? '…' : ''}${excerpt.slice(start, start + WIDTH)}${excerpt.length > start + WIDTH ? '…' : ''}`;
  const before = shown.slice(0, column - 1 - start + (start > 0 ? 1 : 0));
  const gutter = `  ${line} | `;
  const margin = `${' '.repeat(gutter.length - 2)}| `;
  return [
    `${dye(gutter, 'quiet', paint)}${printable(shown)}`,
    `${dye(margin, 'quiet', paint)}${before.replace(/[^\t]/gu, ' ')}${dye('^', severity, paint)}`,
  ];
}

/** "2 errors, 1 warning" */
function total(problems: readonly Problem[]): string {
  const errors = problems.filter(({ severity }) => severity === 'error').length;
  const warnings = problems.length - errors;
  return [errors && count(errors, 'error'), warnings && count(warnings, 'warning')].filter(Boolean).join(', ');
}

function dye(text: string, color: keyof typeof ANSI, { color: on }: Paint): string {
  return on ? `\u001b[${ANSI[color]}m${text}\u001b[0m` : text;
}

/** What comes from the file may hold controls, and a terminal would obey them. */
export function printable(text: string): string {
  return text.replace(/[^\P{C}\t]/gu, '\ufffd');
}
