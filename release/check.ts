import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from './inventory.ts';

// Packs the package and tries it as its users will: installed from the tarball, in folders with no clone near, under each version
// of Node that it is for. `npm run release:check` tries them all, `npm run release:check -- 24` that one.

const VERSIONS = ['20.19', '22', '24', '26'];
/** Of the gateway, its admin port, the issuer and the API of the demo. */
const PORTS = [8080, 9090, 8081, 8082];
const versions = process.argv.length > 2 ? process.argv.slice(2) : VERSIONS;

const folder = mkdtempSync(join(tmpdir(), 'bearergate-release-'));
try {
  const tarball = pack();
  const global = install('global', ['--global', tarball]);
  const project = install('project', [tarball, ...typeScript()]);
  checkTypes(project);
  for (const version of versions) {
    const node = nodeOf(version);
    console.log(`== ${run(node, ['--version']).trim()}`);
    await checkCommand(node, join(global, 'bin/bearergate'));
    await checkDemo(node, join(global, 'bin/bearergate'));
    await checkDemo(node, join(project, 'node_modules/.bin/bearergate'));
    checkLibrary(node, project);
  }
  console.log('the package works');
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** Builds and packs. Resolves with the path of the tarball. */
function pack(): string {
  const made = join(folder, 'pack');
  mkdirSync(made);
  run('npm', ['pack', '--silent', '--pack-destination', made], ROOT);
  const [name = ''] = readdirSync(made);
  const list = run('tar', ['-tzf', join(made, name)]).split('\n');
  for (const file of ['dist/main.js', 'dist/index.d.ts', 'dist/bom.cdx.json', 'dist/THIRD-PARTY-NOTICES.txt'])
    expect(list.includes(`package/${file}`), `the tarball has ${file}`);
  for (const file of ['config/gateway.yaml', 'config/gateway.schema.json', 'LICENSE', 'README.md'])
    expect(list.includes(`package/${file}`), `the tarball has ${file}`);
  expect(!list.some((file) => /^package\/(?:src|test|bench)\//.test(file)), 'the tarball has no sources');
  return join(made, name);
}

/** Installs into an empty folder. Returns its path. */
function install(name: string, what: readonly string[]): string {
  const prefix = join(folder, name);
  mkdirSync(prefix);
  run('npm', ['install', '--prefix', prefix, '--silent', '--no-audit', '--no-fund', ...what], prefix);
  return prefix;
}

/** What a TypeScript project has beside, in the versions that are developed with. */
function typeScript(): string[] {
  const { devDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  return ['typescript', '@types/node'].map((name) => `${name}@${devDependencies[name]}`);
}

/** The declarations fit what is used of them, with no other package's types at hand. */
function checkTypes(project: string): void {
  writeFileSync(
    join(project, 'use.mts'),
    `import { createServer } from 'node:http';
import { createGateway, type Gateway } from 'bearergate';
import { requireToken, type Auth } from 'bearergate/middleware';
import { startIssuer } from 'bearergate/testing';
const issuer = await startIssuer();
const gateway: Gateway = await createGateway({ config: {} });
createServer(gateway.handle).on('upgrade', gateway.upgrade);
const guard = requireToken({ issuer: issuer.url, audience: 'a', scopes: { any: ['b'] }, claims: { c: { in: ['d'] } } });
createServer((request, response) => guard(request, response, () => response.end()));
requireToken.fetch({ issuer: issuer.url, audience: ['a'] }, (_, auth: Auth) => Response.json(auth.scopes));
// @ts-expect-error: an audience is required
requireToken({ issuer: issuer.url });
`,
  );
  const options = [
    '--noEmit',
    '--strict',
    '--module',
    'nodenext',
    '--target',
    'es2022',
    '--skipLibCheck',
    'false',
    '--types',
    'node',
  ];
  run(process.execPath, [join(project, 'node_modules/typescript/bin/tsc'), ...options, 'use.mts'], project);
}

/** The binary of a version of Node, which the npm package `node` carries. */
function nodeOf(version: string): string {
  const prefix = install(`node-${version}`, ['--ignore-scripts=false', `node@${version}`]);
  return join(prefix, 'node_modules/node/bin/node');
}

async function checkCommand(node: string, command: string): Promise<void> {
  const empty = join(folder, 'empty');
  rmSync(empty, { recursive: true, force: true });
  mkdirSync(empty);
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  expect(run(node, [command, 'version'], empty) === `${version}\n`, 'it tells its version');
  const values = ['--issuer', 'https://login.example.com', '--audience', 'orders', '--upstream', 'localhost:3000'];
  run(node, [command, 'init', ...values], empty);
  expect(run(node, [command, 'check'], empty).startsWith('./gateway.yaml: ok'), 'check finds what init wrote');
  const piped = spawnSync('bash', ['-o', 'pipefail', '-c', `'${node}' '${command}' schema | head -1`], {
    encoding: 'utf8',
  });
  expect(
    piped.stderr === '' && piped.stdout === '{\n' && [0, 141].includes(piped.status ?? -1),
    'a closed pipe is quiet',
  );
}

/** Runs the demo in an empty folder, and has its issuer and its API answer through the gateway. */
async function checkDemo(node: string, command: string): Promise<void> {
  for (const port of PORTS) await expectFree(port);
  const child = spawn(node, [command, 'demo'], { cwd: join(folder, 'empty'), stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (text) => {
    output += text;
  });
  child.stderr.on('data', (text) => {
    output += text;
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const timer = setTimeout(() => child.kill('SIGKILL'), 60_000);
  try {
    while (!output.includes('/.well-known/bearergate/errors\n')) {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`the demo has ended: ${output}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const form = new URLSearchParams({ username: 'demo', password: 'demo' });
    const answer = await fetch('http://localhost:8080/auth/token', { method: 'POST', body: form });
    const { access_token } = (await answer.json()) as { access_token: string };
    const data = await fetch('http://localhost:8080/api/data', {
      headers: { authorization: `Bearer ${access_token}` },
    });
    expect(data.status === 200, 'the token opens the API');
    const refused = await fetch('http://localhost:8080/api/data');
    expect(refused.status === 401, 'without a token it is refused');
  } finally {
    child.kill('SIGTERM');
    const code = await ended;
    clearTimeout(timer);
    expect(code === 0, `the demo ends well: ${output}`);
  }
}

async function expectFree(port: number): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', () => reject(new Error(`the demo needs port ${port}, which is in use`)));
    server.listen(port, '127.0.0.1', resolve);
  });
  await new Promise((resolve) => server.close(resolve));
}

/** A module and a CommonJS file of the project load the library and use it. */
function checkLibrary(node: string, project: string): void {
  const use = `
    const issuer = await startIssuer();
    const guard = requireToken({ issuer: issuer.url, audience: 'orders' });
    const gateway = await createGateway({ config: {
      log: { access: false, level: 'error' },
      issuers: { main: { issuer: issuer.url, audience: 'orders' } },
      upstreams: { api: { url: issuer.url } },
      routes: [{ id: 'all', match: { path: '/**' }, auth: { issuers: ['main'] }, upstream: 'api' }],
    } });
    const statuses = [];
    for (const listener of [gateway.handle, (request, response) => guard(request, response, () => response.end())]) {
      const server = createServer(listener);
      await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
      const url = 'http://127.0.0.1:' + server.address().port + '/jwks';
      const authorization = 'Bearer ' + (await issuer.token({ aud: 'orders' }));
      for (const headers of [{ authorization }, {}]) statuses.push((await fetch(url, { headers })).status);
      server.close();
      server.closeAllConnections();
    }
    await Promise.all([gateway.close(), guard.close(), issuer.close()]);
    console.log(statuses.join());`;
  const names = {
    createGateway: 'bearergate',
    requireToken: 'bearergate/middleware',
    startIssuer: 'bearergate/testing',
  };
  const imports = Object.entries(names).map(([name, from]) => `import { ${name} } from '${from}';`);
  const requires = Object.entries(names).map(([name, from]) => `const { ${name} } = require('${from}');`);
  writeFileSync(join(project, 'use.mjs'), `import { createServer } from 'node:http';\n${imports.join('\n')}\n${use}`);
  writeFileSync(
    join(project, 'use.cjs'),
    `const { createServer } = require('node:http');\n${requires.join('\n')}\n(async () => {${use}})();`,
  );
  for (const file of ['use.mjs', 'use.cjs'])
    expect(run(node, [file], project) === '200,401,200,401\n', `${file} uses the library`);
}

function run(command: string, args: readonly string[], cwd = folder): string {
  return execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
}

function expect(holds: boolean, what: string): void {
  if (!holds) throw new Error(`not so: ${what}`);
  console.log(`   ${what.split(':', 1)[0]}`);
}
