import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import test from 'ava';
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
  t.regex(usage.stderr, /^bearergate: there is no command 'strat'\nusage: /);
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

for (const [what, env, listening] of [
  ['in colours', {}, '  \x1b[1mlistening\x1b[0m  \x1b[90mgateway:\x1b[0m http://'],
  ['without colours where NO_COLOR is set', { NO_COLOR: '1' }, '  info   listening  gateway: http://'],
] as const) {
  needsScript(`on a terminal the log is for people, ${what}, and Ctrl-C ends it`, async (t) => {
    const folder = await temporaryFolder({ 'gateway.yaml': SMALL_CONFIG });
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
    await until(() => shown.includes(listening), 'it listens', 30_000);
    terminal.stdin.write('\x03');
    t.deepEqual(await ended, [0, null]);
    t.regex(shown, /stopped/);
    t.false(shown.includes('{"level"'), shown);
  });
}
