import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import test from 'ava';
import { parse } from 'yaml';
import { readArguments } from '../src/cli/arguments.ts';
import { DISK } from '../src/config/files.ts';
import { loadConfig } from '../src/config/load.ts';
import { ROOT } from './support/documents.ts';

interface Service {
  readonly build?: string;
  readonly image: string;
  readonly command?: readonly string[];
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly profiles: readonly string[];
  readonly depends_on?: readonly string[];
  readonly healthcheck?: { readonly test: readonly string[] };
}

const FOLDER = 'config/compose';
const text = readFileSync(join(ROOT, 'docker-compose.yaml'), 'utf8');
const services = parse(text, { merge: true }).services as Readonly<Record<string, Service>>;
const ours = Object.values(services).filter(({ build }) => build !== undefined);

for (const file of readdirSync(join(ROOT, FOLDER)).filter((name) => name.endsWith('.yaml'))) {
  test(`${FOLDER}/${file} loads without a problem or a warning, and a service uses it`, (t) => {
    const loaded = loadConfig(join(ROOT, FOLDER, file), { variables: {}, ...DISK });
    t.deepEqual(loaded.ok ? loaded.warnings : loaded.problems, []);
    if (!loaded.ok) return;
    const service = ours.find(({ command }) => basename(command?.at(-1) ?? '') === file);
    t.deepEqual(service?.ports, [`127.0.0.1:8080:${loaded.config.listen.port}`]);
    t.is(loaded.config.listen.host, '0.0.0.0', 'a published port reaches no loopback address of a container');
  });
}

test('commands are ones that the program has, on files that are mounted', (t) => {
  t.is(ours.length, 2);
  for (const { command = [], healthcheck, volumes = [] } of ours) {
    const [, at = ''] = volumes[0]?.split(':') ?? [];
    t.is(volumes[0], `./${FOLDER}:${at}:ro`);
    for (const argv of [command, healthcheck?.test.slice(3) ?? []]) {
      const asked = readArguments(argv);
      t.is(asked.kind, 'run', argv.join(' '));
      const file = argv.at(-1) ?? '';
      t.true(file.startsWith(`${at}/`));
      t.true(existsSync(join(ROOT, FOLDER, basename(file))), file);
    }
  }
});

test('what is mounted and what is waited for exists, and every port is published on this machine only', (t) => {
  for (const [name, { volumes = [], ports = [], depends_on = [], profiles }] of Object.entries(services)) {
    for (const volume of volumes) t.true(existsSync(join(ROOT, volume.split(':')[0] ?? '')), volume);
    for (const port of ports) t.true(port.startsWith('127.0.0.1:'), port);
    for (const other of depends_on) t.deepEqual(services[other]?.profiles, profiles, `${name} and ${other}`);
  }
});

test('images of others are named with a version', (t) => {
  for (const { image, build } of Object.values(services)) if (build === undefined) t.regex(image, /:v?\d+\.\d+/);
});

test('the demo of the composition is the demo but for the address that it listens on', (t) => {
  const settings = (file: string) => parse(readFileSync(join(ROOT, file), 'utf8'));
  const demo = settings(`${FOLDER}/demo.yaml`);
  const plain = settings('config/gateway.yaml');
  t.deepEqual({ ...demo, listen: { ...demo.listen, host: plain.listen.host } }, plain);
});
