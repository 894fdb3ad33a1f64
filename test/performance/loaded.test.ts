import { execFileSync } from 'node:child_process';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { SMALL_CONFIG, startCommand } from '../support/command.ts';
import { temporaryFolder } from '../support/files.ts';
import { makeKey, serveJwks } from '../support/keys.ts';

// What a process takes while it idles differs by machine and by version of node. What it has loaded does not.

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Of node's own: what stands behind `fetch`, and what unpacks, which are several MiB each and wanted by hardly anybody. */
const UNWANTED = /^NativeModule (?:internal\/deps\/undici\/undici|zlib|inspector|repl|sqlite|test)$/;

/** Tells what node has loaded of its own, where a test can read it. */
const TELLING = `process.on('exit', () => process.stderr.write('loaded: ' + process.moduleLoadList.join(', ') + '\\n'));`;

test('a gateway that has started, fetched keys and served has loaded nothing large that it does not need', async (t) => {
  const folder = await temporaryFolder({ 'telling.cjs': TELLING });
  t.teardown(folder.remove);
  const keys = await serveJwks([makeKey('ES256')]);
  t.teardown(() => keys.close());
  await folder.write(
    'gateway.yaml',
    `${SMALL_CONFIG}log: { level: debug }\nissuers: { main: { issuer: "${keys.issuer}", audience: orders-api } }\n`,
  );
  execFileSync(process.execPath, ['build.mjs', folder.file('dist')], { cwd: ROOT });
  symlinkSync(join(ROOT, 'node_modules'), folder.file('node_modules'));
  await folder.write('package.json', '{ "version": "1.2.3", "type": "module" }');
  const gateway = await startCommand(['start', '--config', folder.file('gateway.yaml')], {
    program: ['--require', folder.file('telling.cjs'), folder.file('dist/main.js')],
  });
  await gateway.waitForLine(({ issuer, keys }) => issuer !== undefined && keys !== undefined);
  t.is((await fetch(`${gateway.url}/`)).status, 502);
  const { code, stderr } = await gateway.stop();
  t.is(code, 0, stderr);
  t.notRegex(stderr, /unrecognized flag/, 'V8 knows what src/cli/memory.ts asks of it');
  const [, loaded = ''] = /^loaded: (.*)$/m.exec(stderr) ?? [];
  t.true(loaded.includes('NativeModule http'), 'what is loaded is told');
  t.deepEqual(
    loaded.split(', ').filter((one) => UNWANTED.test(one)),
    [],
  );
});
