import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import test from 'ava';
import { build } from '../build.mjs';
import { writePapers } from '../release/papers.ts';
import { runCommand, SMALL_CONFIG, startCommand } from './support/command.ts';
import { execForm, type Instruction, readDockerfile } from './support/dockerfile.ts';
import { ROOT } from './support/documents.ts';
import { temporaryFolder } from './support/files.ts';

const { stages } = readDockerfile();
const image = stages.at(-1)?.instructions ?? [];
const last = (name: string): Instruction => image.findLast((instruction) => instruction.name === name) as Instruction;
const copies = stages.flatMap(({ instructions }, at) =>
  instructions.filter(({ name }) => name === 'COPY').map(({ words }) => ({ words, at })),
);

test('what is copied exists, comes from an earlier stage or is let through by .dockerignore', (t) => {
  const ignore = readFileSync(join(ROOT, '.dockerignore'), 'utf8')
    .split('\n')
    .filter((line) => /^[^#]/.test(line));
  t.is(ignore[0], '*', 'nothing is sent that is not named');
  t.true(copies.length > 4);
  for (const { words, at } of copies) {
    const from = /^--from=(.*)$/.exec(words[0] ?? '')?.[1];
    if (from !== undefined) {
      t.true(
        stages.slice(0, at).some(({ name }) => name === from),
        from,
      );
      continue;
    }
    for (const source of words.slice(0, -1)) {
      t.true(existsSync(join(ROOT, source)), source);
      t.true(ignore.includes(`!${source}`), `${source} is ignored`);
    }
  }
});

test('bases are pinned by major, of a version of Node that the package takes', (t) => {
  const [, least = ''] = /(\d+)/.exec(JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).engines.node) ?? [];
  const names = stages.map(({ name }) => name);
  const bases = stages.map(({ base }) => base).filter((base) => !names.includes(base) && base !== 'scratch');
  t.true(bases.length > 0);
  for (const base of bases) {
    const [, major = ''] = /^node:(\d+)-[a-z]+-slim$/.exec(base) ?? [];
    t.true(Number(major) >= Number(least), base);
  }
});

test('it runs as a number that is not root, without a shell, and is labelled', (t) => {
  t.is(stages.at(-1)?.base, 'scratch');
  t.false(
    image.some(({ name }) => name === 'RUN'),
    'there is no shell to run it',
  );
  t.regex(last('USER').text, /^[1-9]\d*:[1-9]\d*$/);
  for (const name of ['ENTRYPOINT', 'CMD', 'HEALTHCHECK']) t.notThrows(() => execForm(last(name).text), name);
  const labels = last('LABEL').text;
  for (const label of ['title', 'description', 'licenses', 'version', 'revision'])
    t.true(labels.includes(`org.opencontainers.image.${label}=`), label);
  const [, license = ''] = /licenses="([^"]+)"/.exec(labels) ?? [];
  t.is(license, JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).license);
});

/** Options of node's permission model, as far as this version has them, under which every file may be read and none be written. */
const READ_ONLY = ['--permission', '--experimental-permission', '--allow-net'].filter(
  (option, index) =>
    process.allowedNodeEnvironmentFlags.has(option) &&
    (index !== 1 || !process.allowedNodeEnvironmentFlags.has('--permission')),
);

test('what the image holds starts from a file system that it may not write to, is healthy and drains', async (t) => {
  const folder = await temporaryFolder({ 'gateway.yaml': SMALL_CONFIG });
  t.teardown(folder.remove);
  const app = folder.file('app');
  mkdirSync(app);
  const dist = folder.file('dist');
  writePapers(dist, await build(dist));
  const packages = execFileSync('npm', ['ls', '--omit=dev', '--all', '--parseable'], { cwd: ROOT, encoding: 'utf8' });
  for (const path of packages.trim().split('\n').slice(1)) {
    cpSync(path, join(app, relative(ROOT, path)), { recursive: true });
  }
  const prune = stages
    .flatMap(({ instructions }) => instructions)
    .find(({ text }) => text.startsWith('find node_modules'));
  execFileSync('sh', ['-c', prune?.text ?? 'false'], { cwd: app });
  t.false(readdirSync(app, { recursive: true }).some((name) => /\.d\.[cm]?ts$|\.map$/.test(String(name))));
  for (const { words, at } of copies) {
    if (at !== stages.length - 1) continue;
    const isOwn = !words[0]?.startsWith('--from');
    for (const source of words.slice(isOwn ? 0 : 1, -1)) {
      if (isOwn) cpSync(join(ROOT, source), join(app, source), { recursive: true });
      else if (source.startsWith('/app/dist/'))
        cpSync(join(dist, source.slice('/app/dist/'.length)), source.replace('/app', app));
    }
  }
  const demos = ['config/gateway.yaml', 'config/compose/demo.yaml'].map((path) => join(app, path));
  for (const demo of demos) t.true(existsSync(demo), demo);
  for (const party of packages.trim().split('\n').slice(1))
    t.true(
      readdirSync(join(app, relative(ROOT, party))).some((name) => /^licen[cs]e/i.test(name)),
      `${party} keeps its licence`,
    );
  const [, main = '', ...rest] = execForm(last('ENTRYPOINT').text);
  t.true(READ_ONLY.length > 0);
  const program = [...READ_ONLY, '--allow-fs-read=*', main.replace(/^\/app/, app), ...rest];
  const options = { cwd: folder.path, program };

  const gateway = await startCommand([...execForm(last('CMD').text)], {
    ...options,
    env: { BEARERGATE_CONFIG: folder.file('gateway.yaml') },
  });
  const { hostname, port } = new URL(gateway.adminUrl);
  await folder.write('health.yaml', `admin: { host: "${hostname}", port: ${port} }\n`);
  const [, , ...healthArguments] = execForm(last('HEALTHCHECK').text);
  const health = () =>
    runCommand(healthArguments, { ...options, env: { BEARERGATE_CONFIG: folder.file('health.yaml') } });
  t.like(await health(), { code: 0, stdout: 'ready\n' });
  const { code, stderr } = await gateway.stop();
  t.is(code, 0, stderr);
  t.like(await health(), { code: 1, stdout: `not ready: nothing listens on ${hostname}:${port}\n` });
});

test('the demo that docs/running/container.md starts is in the image, and can be reached where its port is published', (t) => {
  const page = readFileSync(join(ROOT, 'docs/running/container.md'), 'utf8');
  const [, port = '', path = ''] =
    /docker run .*-p 127\.0\.0\.1:\d+:(\d+) bearergate demo --config \/app\/(\S+)/.exec(page) ?? [];
  t.true(
    copies.some(({ words, at }) => at === stages.length - 1 && words.at(-1) === path),
    path,
  );
  const yaml = readFileSync(join(ROOT, path), 'utf8');
  t.regex(yaml, new RegExp(`listen:\n  host: 0\\.0\\.0\\.0 .*\n  port: ${port}\n`));
});
