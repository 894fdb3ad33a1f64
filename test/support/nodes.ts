import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from './documents.ts';

// Runs the test suite on each supported version of Node, whose binaries the npm package `node` carries.
// `npm run test:nodes` runs them all, `npm run test:nodes -- 22 24` these.

const SUPPORTED = ['20.19', '22', '24', '26'];
const versions = process.argv.length > 2 ? process.argv.slice(2) : SUPPORTED;

const folder = mkdtempSync(join(tmpdir(), 'bearergate-nodes-'));
const failed: string[] = [];
try {
  for (const version of versions) {
    const prefix = join(folder, version);
    // The package fetches the binary in an install script, which some npm settings keep from running.
    const install = [
      'install',
      '--prefix',
      prefix,
      '--no-save',
      '--ignore-scripts=false',
      '--loglevel=error',
      `node@${version}`,
    ];
    run('npm', install);
    const node = join(prefix, 'node_modules/node/bin/node');
    const actual = spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout?.trim();
    console.log(`\n== Node ${actual || `${version}: its binary could not be installed`}`);
    if (!actual || run(node, [join(ROOT, 'node_modules/ava/entrypoints/cli.mjs')]) !== 0) failed.push(version);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(failed.length ? `\nfailed on Node ${failed.join(', ')}` : `\npassed on Node ${versions.join(', ')}`);
process.exitCode = failed.length ? 1 : 0;

function run(command: string, args: readonly string[]): number {
  return spawnSync(command, args, { cwd: ROOT, stdio: 'inherit' }).status ?? 1;
}
