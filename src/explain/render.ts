import type { ExplainedToken, ExplainedUpstream, Explanation, Step } from './explanation.ts';

const SIGNS: Readonly<Record<Step['result'], readonly [sign: string, color: string]>> = {
  pass: ['✓', '32'],
  fail: ['✗', '31'],
  'not reached': ['·', '2'],
};

/** An explanation as a person reads it on a terminal. Nothing of a token or header can move the cursor or change colours. */
export function renderExplanation(explanation: Explanation, { color }: { readonly color: boolean }): string {
  const paint = (text: string, code: string) => (color ? `\x1b[${code}m${text}\x1b[0m` : text);
  const { request, steps, route, token, upstream } = explanation;
  const lines = [paint(safe(`${request.method} ${request.host}${request.path}`), '1'), ''];
  for (const step of steps) {
    lines.push(stepLine(step, paint));
    if (step.name === 'route' && route)
      lines.push(...route.others.map(({ id, lost }) => safe(`      not ${id}: ${lost}`)));
  }
  if (token) lines.push('', ...tokenLines(token));
  if (upstream) lines.push('', ...upstreamLines(upstream));
  lines.push('', ...verdictLines(explanation, paint), '');
  return lines.join('\n');
}

type Paint = (text: string, code: string) => string;

const WIDTH = 13;

function stepLine({ name, result, detail }: Step, paint: Paint): string {
  const [sign, code] = SIGNS[result];
  const text = detail ?? (result === 'not reached' ? 'not reached' : '');
  return `  ${paint(sign, code)} ${name.padEnd(WIDTH)} ${safe(text)}`.trimEnd();
}

function tokenLines({ verified, header, claims }: ExplainedToken): string[] {
  if (header === undefined) return ['The token is no JWT: what it stands for is known to its issuer alone.'];
  const title = verified ? 'The token says (verified):' : 'The token says (NOT VERIFIED: nothing proves who wrote it):';
  const members = Object.entries(claims as object).map(([name, value]) => memberLine(name, value));
  return [title, memberLine('(header)', header), ...members];
}

function memberLine(name: string, value: unknown): string {
  const text = JSON.stringify(value) ?? '';
  return `    ${safe(name).padEnd(WIDTH)} ${safe(text.length > 300 ? `${text.slice(0, 300)}…` : text)}${momentOf(name, value)}`;
}

/** Dates are seconds since 1970, which nobody reads. */
function momentOf(name: string, value: unknown): string {
  if (!['exp', 'nbf', 'iat', 'auth_time'].includes(name) || typeof value !== 'number') return '';
  const date = new Date(value * 1000);
  return Number.isNaN(date.getTime()) ? '' : `  (${date.toISOString()})`;
}

function upstreamLines({ name, method, url, headers }: ExplainedUpstream): string[] {
  const fields = headers.map(([field, value]) => safe(`    ${field}: ${value}`));
  return [`The upstream ${name} would get:`, safe(`    ${method} ${url}`), ...fields];
}

function verdictLines({ decision, status, code, cause, fix }: Explanation, paint: Paint): string[] {
  const titles = { forwarded: 'Forwarded.', answered: `Answered: ${status}.`, refused: `Refused: ${status} ${code}.` };
  const verdict = `${paint(titles[decision], decision === 'refused' ? '1;31' : '1;32')} ${safe(cause)}`;
  return fix === undefined ? [verdict] : [verdict, `${paint('Fix:', '1')} ${safe(fix)}`];
}

/** Controls, and what turns the direction of text or is not seen: a claim must not write on somebody's terminal. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

function safe(text: string): string {
  return text.replace(UNPRINTABLE, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}
