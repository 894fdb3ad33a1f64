import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type AnyNode, parse } from 'acorn';
import { transformSync } from 'esbuild';

/** A regular expression of the source. */
export interface Expression {
  readonly file: string;
  readonly source: string;
  readonly flags: string;
}

/** What is found in one file or several. */
export interface Expressions {
  readonly literals: readonly Expression[];
  /** Where one is made of a text, which nothing here can judge: `file: new RegExp(…)`. */
  readonly made: readonly string[];
}

const SRC = fileURLToPath(new URL('../../src/', import.meta.url));

/** Every regular expression of src/, found in the syntax tree. */
export function sourceExpressions(): Expressions {
  const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' });
  const code = files.filter((file) => /\.m?[jt]s$/.test(file) && !file.endsWith('.d.ts'));
  const found = code.map((file) => expressionsIn(file, readFileSync(`${SRC}${file}`, 'utf8')));
  return { literals: found.flatMap(({ literals }) => literals), made: found.flatMap(({ made }) => made) };
}

/** The regular expressions of a file in TypeScript. esbuild takes its types off and leaves the expressions as they are. */
export function expressionsIn(file: string, text: string): Expressions {
  const { code } = transformSync(text, { loader: 'ts', target: 'esnext' });
  const literals: Expression[] = [];
  const made: string[] = [];
  walk(parse(code, { ecmaVersion: 'latest', sourceType: 'module' }), (node) => {
    if (node.type === 'Literal' && node.regex)
      literals.push({ file, source: node.regex.pattern, flags: node.regex.flags });
    if (node.type === 'NewExpression' && isNamed(node.callee, 'RegExp')) made.push(`${file}: new RegExp`);
    if (node.type !== 'CallExpression') return;
    if (isNamed(node.callee, 'RegExp')) made.push(`${file}: RegExp`);
    const {
      callee,
      arguments: [first],
    } = node;
    // These make one of a text.
    const method =
      callee.type === 'MemberExpression' && callee.property.type === 'Identifier' ? callee.property.name : '';
    if (['match', 'matchAll', 'search'].includes(method) && isText(first)) made.push(`${file}: ${method} of a text`);
  });
  return { literals, made };
}

function isNamed(node: AnyNode, name: string): boolean {
  if (node.type === 'Identifier') return node.name === name;
  return node.type === 'MemberExpression' && node.property.type === 'Identifier' && node.property.name === name;
}

function isText(node: AnyNode | undefined): boolean {
  return node?.type === 'TemplateLiteral' || (node?.type === 'Literal' && typeof node.value === 'string');
}

function walk(value: unknown, visit: (node: AnyNode) => void): void {
  if (Array.isArray(value)) for (const item of value) walk(item, visit);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return;
  if ('type' in value) visit(value as AnyNode);
  for (const member of Object.values(value)) walk(member, visit);
}
