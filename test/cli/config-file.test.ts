import test from 'ava';
import { findConfig, SEARCHED } from '../../src/cli/config-file.ts';
import { runCommand, SMALL_CONFIG, startCommand } from '../support/command.ts';
import { temporaryFolder } from '../support/files.ts';

const environment = (existing: readonly string[], BEARERGATE_CONFIG?: string) => ({
  variables: { BEARERGATE_CONFIG },
  exists: (path: string) => existing.includes(path),
});

test('--config goes before $BEARERGATE_CONFIG, which goes before the first file that exists', (t) => {
  t.deepEqual(findConfig('a.yaml', environment(SEARCHED, 'b.yaml')), { file: 'a.yaml' });
  t.deepEqual(findConfig(undefined, environment(SEARCHED, 'b.yaml')), { file: 'b.yaml' });
  t.deepEqual(findConfig(undefined, environment(SEARCHED, '')), { file: './gateway.yaml' });
  SEARCHED.forEach((file, at) => {
    t.deepEqual(findConfig(undefined, environment(SEARCHED.slice(at))), { file });
  });
});

test('a file that is named is taken although it does not exist, and no other is tried', (t) => {
  t.deepEqual(findConfig('a.yaml', environment(SEARCHED)), { file: 'a.yaml' });
});

test('without any, the message names every place looked at, and exit is 1', async (t) => {
  const folder = await temporaryFolder({});
  t.teardown(folder.remove);
  for (const command of ['start', 'check', 'routes', 'health']) {
    const { code, stdout, stderr } = await runCommand([command], { cwd: folder.path });
    t.is(code, 1);
    t.is(stdout, '');
    for (const place of ['--config', '$BEARERGATE_CONFIG', ...SEARCHED]) t.true(stderr.includes(place), stderr);
  }
});

test('start finds what init writes', async (t) => {
  const folder = await temporaryFolder({ 'gateway.yaml': SMALL_CONFIG });
  t.teardown(folder.remove);
  const gateway = await startCommand(['start'], { cwd: folder.path });
  const { code, stderr } = await gateway.stop();
  t.is(code, 0);
  t.regex(stderr, /^bearergate listens on /);
});
