import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import test from 'ava';
import { run } from '../support/cli.ts';
import { SMALL_CONFIG } from '../support/command.ts';
import { ROOT } from '../support/documents.ts';
import { temporaryFolder } from '../support/files.ts';

const laughs = `a: &a [x, x, x, x, x, x, x, x, x]\n${['b', 'c', 'd', 'e', 'f', 'g', 'h', 'i']
  .map((name, index) => `${name}: &${name} [${Array(9).fill(`*${'abcdefgh'[index]}`).join(', ')}]`)
  .join('\n')}\n`;

for (const [mistake, yaml, line, says] of [
  ['an empty file', '', 1, 'the file is empty'],
  ['a file of comments', '# nothing\n', 1, 'the file is empty'],
  ['YAML that is no map', '- a\n- b\n', 1, 'map'],
  ['a tab indent', 'listen:\n\tport: 8080\n', 2, 'tab'],
  ['a key that is there twice', `${SMALL_CONFIG}admin: { port: 1 }\n`, 7, '`admin`'],
  ['an alias bomb', laughs, undefined, 'alias'],
  ['an unknown issuer', SMALL_CONFIG.replace('auth: public', 'auth: { issuers: [mian] }'), 6, 'mian'],
  ['an unset variable', SMALL_CONFIG.replace('http://127.0.0.1:1', '$' + '{NO_SUCH_VARIABLE}'), 5, 'NO_SUCH_VARIABLE'],
  ['no workers at all', `${SMALL_CONFIG}workers: 0\n`, 7, '1 or more'],
] as const) {
  for (const command of ['start', 'check'] as const) {
    test(`${command} refuses ${mistake} with its position, in clear words`, async (t) => {
      const folder = await temporaryFolder({ 'gateway.yaml': yaml });
      t.teardown(folder.remove);
      const { code, stdout, stderr } = await run([command, '--config', folder.file('gateway.yaml')]);
      t.is(code, 1);
      const [told, silent] = command === 'check' ? [stdout, stderr] : [stderr, stdout];
      t.is(silent, '');
      const first = told.split('\n', 1)[0] ?? '';
      t.regex(first, /gateway\.yaml:\d+:\d+: error: /);
      if (line !== undefined) t.true(first.includes(`gateway.yaml:${line}:`), told);
      t.true(told.includes(says), told);
      t.notRegex(told, /\n {4}at |node:internal/, 'no stack trace');
    });
  }
}

test('a file that does not exist is told by its name', async (t) => {
  for (const command of ['start', 'check', 'demo']) {
    const { code, stdout, stderr } = await run([command, '--config', '/no/such/gateway.yaml']);
    t.is(code, 1);
    t.true(`${stdout}${stderr}`.startsWith('/no/such/gateway.yaml:1:1: error: the configuration file does not exist'));
  }
});

test('$BEARERGATE_CONFIG names the file where --config does not', async (t) => {
  const folder = await temporaryFolder({ 'gateway.yaml': SMALL_CONFIG });
  t.teardown(folder.remove);
  const { code, stdout } = await run(['check'], { BEARERGATE_CONFIG: folder.file('gateway.yaml') });
  t.is(stdout, `${folder.file('gateway.yaml')}: ok (1 route, 0 issuers, 1 upstream)\n`);
  t.is(code, 0);
});

test('a port in use is told in one line, whichever of the two it is', async (t) => {
  const occupier = createServer();
  await new Promise<void>((resolve) => occupier.listen(0, '127.0.0.1', resolve));
  const { port } = occupier.address() as { port: number };
  const folder = await temporaryFolder({});
  t.teardown(() => Promise.all([folder.remove(), new Promise((resolve) => occupier.close(resolve))]));
  for (const [name, yaml] of [
    ['listen', SMALL_CONFIG.replace('port: 0', `port: ${port}`)],
    ['admin', SMALL_CONFIG.replace('admin: { port: 0 }', `admin: { port: ${port} }`)],
  ] as const) {
    await folder.write('gateway.yaml', yaml);
    const { code, stderr } = await run(['start', '--config', folder.file('gateway.yaml')]);
    t.is(code, 1, name);
    t.is(stderr.split('\n').length, 2, stderr);
    t.true(stderr.startsWith(`bearergate: cannot listen on 127.0.0.1:${port}: the port is in use.`), stderr);
  }
});

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test('a port of the demo that is in use is named, with the setting that names another one', async (t) => {
  const occupier = createServer();
  await new Promise<void>((resolve) => occupier.listen(0, '127.0.0.1', resolve));
  const { port } = occupier.address() as { port: number };
  const packaged = await readFile(join(ROOT, 'config/gateway.yaml'), 'utf8');
  const folder = await temporaryFolder({});
  t.teardown(() => Promise.all([folder.remove(), new Promise((resolve) => occupier.close(resolve))]));
  const free = packaged
    .replace('port: 8080', 'port: 0')
    .replace('port: 9090', 'port: 0')
    .replaceAll('localhost:8081', `localhost:${await freePort()}`);
  for (const [yaml, setting] of [
    [packaged.replaceAll('localhost:8081', `localhost:${port}`), 'issuers.<name>.issuer'],
    [free.replace('127.0.0.1:8082', `127.0.0.1:${port}`), 'upstreams.legacy.url'],
    [
      free.replace('127.0.0.1:8082', `127.0.0.1:${await freePort()}`).replace('port: 0', `port: ${port}`),
      'listen.port or admin.port',
    ],
  ] as const) {
    await folder.write('gateway.yaml', yaml);
    const { code, stderr } = await run(['demo', '--config', folder.file('gateway.yaml')]);
    t.is(code, 1, setting);
    t.true(stderr.startsWith(`bearergate: cannot listen on 127.0.0.1:${port}: the port is in use.`), stderr);
    t.true(stderr.includes(`Set another one in ${setting}`), stderr);
    t.true(stderr.includes(folder.file('gateway.yaml')), stderr);
  }
});
