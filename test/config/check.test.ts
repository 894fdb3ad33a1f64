import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { check } from '../../src/cli/check.ts';
import { edited } from './mistakes.ts';

const folder = mkdtempSync(join(tmpdir(), 'bearergate-check-'));
test.after.always(() => rmSync(folder, { recursive: true, force: true }));

function run(name: string, text: string | undefined, format: 'text' | 'json') {
  const file = join(folder, name);
  if (text !== undefined) writeFileSync(file, text);
  const written: string[] = [];
  const stdout = (piece: string) => {
    written.push(piece);
  };
  const code = check({ file, format }, { variables: { AUDIENCE: 'orders' }, color: false, stdout });
  return { code, file, output: written.join('') };
}

test('a good file is ok, with what it holds', (t) => {
  const { code, file, output } = run('good.yaml', edited([]), 'text');
  t.is(code, 0);
  t.is(output, `${file}: ok (2 routes, 1 issuer, 1 upstream)\n`);
});

test('a good file has no problems in JSON', (t) => {
  const { code, output } = run('json.yaml', edited([]), 'json');
  t.is(code, 0);
  t.is(output, '{"problems":[]}\n');
});

test('a file that is missing is a problem with exit code 1', (t) => {
  const { code, file, output } = run('none.yaml', undefined, 'text');
  t.is(code, 1);
  t.is(output, `${file}:1:1: error: the configuration file does not exist\n\n1 error\n`);
});

test('an error is exit code 1 in JSON too', (t) => {
  const { code, file, output } = run('bad.yaml', edited(['<   port: 8080', '>   prot: 8080']), 'json');
  t.is(code, 1);
  t.deepEqual(JSON.parse(output), {
    problems: [
      {
        severity: 'error',
        name: 'unknown-key',
        file,
        line: 3,
        column: 3,
        message: 'unknown key `prot`',
        hint: 'did you mean `port`?',
      },
    ],
  });
});

test('a warning is told, and the file is ok', (t) => {
  const yaml = edited(['<   port: 8080', '>   trustedProxies: ["::/0"]']);
  const { code, file, output } = run('unwise.yaml', yaml, 'text');
  t.is(code, 0);
  t.true(output.startsWith(`${file}:3:20: warning: this is every address`));
  t.true(output.endsWith(`1 warning\n${file}: ok (2 routes, 1 issuer, 1 upstream)\n`));
});

test('variables and secret files beside the file are read', (t) => {
  writeFileSync(join(folder, 'claim'), 'acme\n');
  const yaml = edited([
    '<     audience: orders-api',
    `>     audience: \${AUDIENCE}`,
    '<       claims: { tenant: acme }',
    `>       claims: { tenant: "\${file:claim}" }`,
  ]);
  t.is(run('secrets.yaml', yaml, 'text').code, 0);
});
