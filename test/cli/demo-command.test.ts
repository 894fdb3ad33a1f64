import { execFile, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startCommand } from '../support/command.ts';
import { ROOT } from '../support/documents.ts';
import { temporaryFolder } from '../support/files.ts';
import { needs } from '../support/needs.ts';

/** A port that was free a moment ago: the demo's parts have to be named before they run. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const curl = needs('curl', () => spawnSync('curl', ['--version']).status === 0);

curl('every curl line that the demo prints works when it is pasted', async (t) => {
  let yaml = readFileSync(join(ROOT, 'config/gateway.yaml'), 'utf8');
  for (const port of ['8080', '9090', '8081', '8082']) yaml = yaml.replaceAll(port, String(await freePort()));
  const folder = await temporaryFolder({ 'gateway.yaml': yaml });
  const demo = await startCommand(['demo', '--config', folder.file('gateway.yaml')]);
  t.teardown(async () => {
    await demo.stop('SIGKILL');
    await folder.remove();
  });
  await demo.waitForOutput(/bearergate\/errors\n/);
  const lines = demo
    .output()
    .stdout.split('\n')
    .filter((line) => /^ {2}\S/.test(line) && line.includes('curl'))
    .map((line) => line.trim());
  t.is(lines.length, 8);
  const { stdout } = await promisify(execFile)('sh', [
    '-c',
    lines.map((line) => `${line.replaceAll('curl ', 'curl -s ')}\necho`).join('\n'),
  ]);
  t.regex(stdout, /^\{"access_token":"ey/);
  t.true(stdout.includes('"seen":{"userId":"demo","tenant":"acme"'), stdout);
  const codes = [...stdout.matchAll(/^HTTP\/1\.1 (\d+)[\s\S]*?"code":"([\w.-]+)"/gm)].map(
    ([, status, code]) => `${status} ${code}`,
  );
  t.deepEqual(codes, ['401 token.missing', '403 authorise.scope', '401 token.expired']);
  await folder.write('gateway.yaml', yaml.replace('scopes: ["orders:read"]', 'scopes: ["orders:read", "orders:list"]'));
  const { changes } = await demo.waitForLine(({ msg }) => msg === 'configuration reloaded');
  t.deepEqual(changes, ['route orders-read: scopes orders:read → orders:read, orders:list']);
  const { code } = await demo.stop();
  t.is(code, 0);
});
