import { spawn } from 'node:child_process';
import { once } from 'node:events';
import test from 'ava';
import { run } from '../support/cli.ts';
import { temporaryFolder } from '../support/files.ts';
import { accessClaims, makeKey, serveJwks, signToken } from '../support/keys.ts';

const key = makeKey('ES256');

async function world(t: { teardown(end: () => Promise<void>): void }) {
  const issuer = await serveJwks([key]);
  const token = signToken(key, accessClaims({ iss: issuer.issuer }));
  const config = `
issuers: { main: { issuer: "${issuer.issuer}", audience: orders-api, keys: { url: "${issuer.jwksUri}" } } }
upstreams: { api: { url: "http://127.0.0.1:1" } }
routes: [{ id: all, match: { path: "/**" }, auth: { issuers: [main] }, upstream: api }]
`;
  const folder = await temporaryFolder({ 'gateway.yaml': config, token: `${token}\n` });
  t.teardown(async () => {
    await Promise.all([issuer.close(), folder.remove()]);
  });
  const explain = (...args: string[]) => run(['explain', ...args, '--config', folder.file('gateway.yaml')]);
  return { token, folder, explain };
}

test('explain tells by its exit code whether a request would be forwarded', async (t) => {
  const { token, folder, explain } = await world(t);
  const passed = await explain('GET', '/orders/1', '--token', `@${folder.file('token')}`);
  t.is(passed.code, 0, passed.stderr);
  t.regex(passed.stdout, /✓ signature/);
  t.regex(passed.stdout, /^Forwarded\./m);
  t.false(passed.stdout.includes(token));
  const refused = await explain('GET', '/orders/1', '--format', 'json');
  t.is(refused.code, 2);
  t.like(JSON.parse(refused.stdout), { decision: 'refused', code: 'token.missing', status: 401 });
  const header = await explain('GET', '/orders/1', '--token', token, '--header', 'Host: a b');
  t.is(header.code, 2);
  t.regex(header.stdout, /✗ request/);
});

test('a token can come on stdin, so that it stays out of the history', async (t) => {
  const { token, folder } = await world(t);
  const args = [
    '--import=tsx/esm',
    'src/main.ts',
    'explain',
    'GET',
    '/x',
    '--token',
    '-',
    '--config',
    folder.file('gateway.yaml'),
  ];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  let stdout = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stdin.end(`${token}\n`);
  const [code] = await once(child, 'close', { signal: AbortSignal.timeout(45_000) });
  t.is(code, 0, stdout);
});

for (const [title, args] of [
  ['no words', []],
  ['one word', ['GET']],
  ['three words', ['GET', '/x', 'y']],
  ['no method', ['G T', '/x']],
  ['no address', ['GET', 'orders']],
  ['a format nobody knows', ['GET', '/x', '--format', 'xml']],
  ['a header without a colon', ['GET', '/x', '--header', 'nothing']],
  ['a file that is not there', ['GET', '/x', '--token', '@/does/not/exist']],
  ['a token with a line break', ['GET', '/x', '--token', 'a\nb']],
] as const) {
  test(`a mistake in the call is one line and the usage: ${title}`, async (t) => {
    const { explain } = await world(t);
    const { code, stderr, stdout } = await explain(...args);
    t.is(code, 64);
    t.regex(stderr, /^bearergate: .+\nusage: bearergate explain /);
    t.is(stdout, '');
  });
}
