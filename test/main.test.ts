import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { runCommand, SMALL_CONFIG, startCommand } from './support/command.ts';
import { temporaryFolder } from './support/files.ts';
import { needs } from './support/needs.ts';
import { until } from './support/until.ts';

test('results, complaints and exit codes reach the shell', async (t) => {
  const version = await runCommand(['--version']);
  t.is(version.code, 0);
  t.regex(version.stdout, /^\d+\.\d+\.\d+\n$/);
  const usage = await runCommand(['strat']);
  t.is(usage.code, 64);
  t.regex(usage.stderr, /^bearergate: unknown command 'strat' \(did you mean `start`\?\)\nusage: /);
  const folder = await temporaryFolder({ 'gateway.yaml': 'routes: 1\n' });
  t.teardown(folder.remove);
  const problems = await runCommand(['check'], { env: { BEARERGATE_CONFIG: folder.file('gateway.yaml') } });
  t.is(problems.code, 1);
  t.regex(problems.stdout, /gateway\.yaml:1:9: error: /);
});

test('start follows its file, and the signal that asks for it: it tells what changed, or what is wrong', async (t) => {
  const folder = await temporaryFolder({ 'gateway.yaml': SMALL_CONFIG });
  t.teardown(folder.remove);
  const gateway = await startCommand(['start', '--config', folder.file('gateway.yaml')]);
  t.teardown(() => gateway.stop('SIGKILL'));
  await folder.write('gateway.yaml', SMALL_CONFIG.replace('id: all', 'id: every'));
  const line = await gateway.waitForLine(({ msg }) => msg === 'configuration reloaded');
  t.deepEqual(line.changes, ['route all removed', 'route every added: any method /** → api, public']);
  await folder.write('gateway.yaml', `${SMALL_CONFIG}nonsense: 1\n`);
  const { problems } = await gateway.waitForLine(({ level }) => level === 'error');
  t.deepEqual(problems, [`${folder.file('gateway.yaml')}:7:1: error: unknown key \`nonsense\``]);
  await folder.write('gateway.yaml', SMALL_CONFIG.replace('id: all', 'id: every'));
  const unchanged = (line: Record<string, unknown>) => line.msg === 'configuration reloaded; nothing has changed';
  await gateway.waitForLine(unchanged);
  process.kill(gateway.pid, 'SIGHUP');
  await gateway.waitForLine((line) => unchanged(line) && gateway.lines().filter(unchanged).length === 2);
  t.is((await gateway.stop()).code, 0);
});

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`start ends well on ${signal}`, async (t) => {
    const folder = await temporaryFolder({ 'gateway.yaml': SMALL_CONFIG });
    t.teardown(folder.remove);
    const gateway = await startCommand(['start', '--config', folder.file('gateway.yaml')]);
    t.is((await fetch(`${gateway.adminUrl}/readyz`)).status, 200);
    const { code, stderr } = await gateway.stop(signal);
    t.is(code, 0);
    t.is(stderr, `bearergate listens on ${gateway.url} (admin: ${gateway.adminUrl})\n`);
    t.deepEqual(
      gateway.lines().map(({ msg }) => msg),
      ['listening', 'draining', 'no new requests; waiting for those under way', 'stopped'],
    );
  });
}

// The one of util-linux, which runs a command on a terminal of its own.
const needsScript = needs('script', () => spawnSync('script', ['--version']).status === 0);

/** `bearergate start` on a terminal, with what it shows. */
async function onTerminal(t: ExecutionContext, config: string, env: Readonly<Record<string, string>> = {}) {
  const folder = await temporaryFolder({ 'gateway.yaml': config });
  t.teardown(folder.remove);
  const node = [process.execPath, `--import=${import.meta.resolve('tsx/esm')}`, 'src/main.ts'];
  const command = [...node, 'start', '--config', folder.file('gateway.yaml')].map((word) => `'${word}'`).join(' ');
  const terminal = spawn('script', ['-qec', `exec ${command}`, '/dev/null'], {
    env: { PATH: process.env.PATH, ...env },
  });
  t.teardown(() => terminal.kill('SIGKILL'));
  let shown = '';
  terminal.stdout.on('data', (chunk) => {
    shown += chunk;
  });
  const ended = once(terminal, 'close');
  return {
    ended,
    shown: () => shown,
    shows: (text: string) => until(() => shown.includes(text), `it shows ${text}`, 30_000),
    press: (key: string) => terminal.stdin.write(key),
  };
}

const CTRL_C = '\x03';

for (const [what, env, listening] of [
  ['in colours', {}, '  \x1b[1mlistening\x1b[0m  \x1b[90mgateway:\x1b[0m http://'],
  ['without colours where NO_COLOR is set', { NO_COLOR: '1' }, '  info   listening  gateway: http://'],
] as const) {
  needsScript(`on a terminal the log is for people, ${what}, and Ctrl-C ends it without \`drain.delay\``, async (t) => {
    const terminal = await onTerminal(t, SMALL_CONFIG.replace(/^drain:.*$/m, 'drain: { delay: 1h }'), env);
    await terminal.shows(listening);
    terminal.press(CTRL_C);
    t.deepEqual(await terminal.ended, [0, null]);
    t.regex(terminal.shown(), /stopped/);
    t.false(terminal.shown().includes('{"level"'), terminal.shown());
    t.false(terminal.shown().includes('Ctrl-C again'), 'it had nothing to wait for');
  });
}

needsScript('on a terminal Ctrl-C says what it waits for, and the next one ends it at once', async (t) => {
  const upstream = createServer((_, response) => void response.write('an answer that never ends'));
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    upstream.closeAllConnections();
    upstream.close();
  });
  const { port } = upstream.address() as AddressInfo;
  const config = SMALL_CONFIG.replace(/^drain:.*$/m, 'drain: { delay: 1h, timeout: 1h }').replace(
    /http:\/\/127\.0\.0\.1:1\b/,
    `http://127.0.0.1:${port}`,
  );
  const terminal = await onTerminal(t, config, { NO_COLOR: '1' });
  await terminal.shows('listening  gateway: http://');
  const [, url = ''] = /gateway: (\S+)/.exec(terminal.shown()) ?? [];
  const response = await fetch(url);
  t.teardown(() => response.body?.cancel().catch(() => {}));
  terminal.press(CTRL_C);
  await terminal.shows('bearergate: draining for 3600 s; Ctrl-C again ends it now');
  terminal.press(CTRL_C);
  t.deepEqual(await terminal.ended, [0, null]);
});

test('a pipe that is closed early is not a defect', async (t) => {
  const sources = [
    '--import',
    import.meta.resolve('tsx/esm'),
    fileURLToPath(new URL('../src/main.ts', import.meta.url)),
  ];
  const child = spawn(process.execPath, [...sources, 'schema'], { stdio: ['ignore', 'pipe', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (text) => {
    stderr += text;
  });
  child.stdout.destroy();
  const [code] = await once(child, 'close');
  t.is(stderr, '');
  t.is(code, 0);
});

const full = needs('/dev/full', () => existsSync('/dev/full'));

full('a disk that is full is reported as that, and does not end a gateway', async (t) => {
  const folder = await temporaryFolder({ 'gateway.yaml': SMALL_CONFIG });
  t.teardown(folder.remove);
  const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));
  const disk = openSync('/dev/full', 'w');
  t.teardown(() => closeSync(disk));
  const { status, stderr } = spawnSync(process.execPath, ['--import', 'tsx', main, 'schema'], {
    stdio: ['ignore', disk, 'pipe'],
    encoding: 'utf8',
  });
  t.is(stderr, 'bearergate: stdout cannot be written: ENOSPC: no space left on device, write\n');
  t.is(status, 1);

  const gateway = spawn(process.execPath, ['--import', 'tsx', main, 'start', '-c', folder.file('gateway.yaml')], {
    stdio: ['ignore', 'pipe', disk],
  });
  t.teardown(() => gateway.kill('SIGKILL'));
  let log = '';
  gateway.stdout?.on('data', (text) => {
    log += text;
  });
  await until(() => log.includes('"msg":"listening"'), 'the gateway listens');
  const closed = once(gateway, 'close');
  gateway.kill('SIGTERM');
  await closed;
  t.is(gateway.exitCode, 0, log);
  t.true(log.includes('"msg":"stopped"'), log);
});
