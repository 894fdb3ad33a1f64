import { writeFileSync } from 'node:fs';
import { mkdir, readFile, rename, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { FollowedConfig } from '../../src/cli/follow.ts';
import { type Clock, systemClock } from '../../src/clock.ts';
import type { Config } from '../../src/config/config.ts';
import type { Loaded } from '../../src/config/load.ts';
import { makeAuthority, needsOpenssl } from '../support/certificates.ts';
import { FakeClock } from '../support/clock.ts';
import { mountedVolume, temporaryFolder } from '../support/files.ts';
import { until } from '../support/until.ts';

const UPSTREAM = 'upstreams: { api: { url: "http://127.0.0.1:1" } }';
const route = (id: string) => `{ id: ${id}, match: { path: "/${id}" }, auth: public, upstream: api }`;
const whole = (...ids: string[]) => `${UPSTREAM}\nroutes: [${ids.map(route).join(', ')}]\n`;

/** A followed configuration and what a gateway would get of it, one after the other. */
function followed(t: ExecutionContext, file: string, clock: Clock = systemClock) {
  const given: Loaded[] = [];
  let taken = 0;
  let busy: Promise<void> = Promise.resolve();
  const listeners: (() => void)[] = [];
  const config = new FollowedConfig(
    file,
    { variables: {}, onReloadSignal: (listener) => void listeners.push(listener) },
    clock,
  );
  t.teardown(() => config.close());
  const gateway = {
    reload: async (loaded: Loaded) => {
      given.push(loaded);
      await busy;
    },
  };
  const next = async (): Promise<Loaded> => {
    await until(() => given.length > taken, 'a change is seen', 10_000);
    taken += 1;
    return given[taken - 1] as Loaded;
  };
  return {
    given,
    next,
    /** The next one, which has to be good. */
    good: async (): Promise<Config> => {
      const loaded = await next();
      if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
      return loaded.config;
    },
    signal: () => {
      for (const listener of listeners) listener();
    },
    begin: () => {
      const loaded = config.read();
      config.follow(gateway, loaded);
      return loaded;
    },
    /** Lets the gateway take its time until what is answered is called. */
    hold: (): (() => void) => {
      let release = () => {};
      busy = new Promise((resolve) => {
        release = resolve;
      });
      return () => release();
    },
    close: () => config.close(),
  };
}

async function folderWith(t: ExecutionContext, files: Readonly<Record<string, string>>) {
  const folder = await temporaryFolder(files);
  t.teardown(folder.remove);
  return folder;
}

const idsOf = (config: Config) => config.routes.map(({ id }) => id);

test('a volume that Kubernetes swaps is taken as a whole: configuration, included file and secret', async (t) => {
  const versionOf = (number: number) => ({
    'gateway.yaml': `${UPSTREAM.replace('" }', `", headers: { set: { X-Key: "\${file:secret}" } } }`)}\ninclude: [routes.yaml]\nroutes: [${route(`main-${number}`)}]\n`,
    'routes.yaml': `routes: [${route(`part-${number}`)}]\n`,
    secret: `key-${number}\n`,
  });
  const volume = await mountedVolume(versionOf(0));
  t.teardown(volume.remove);
  const { begin, good } = followed(t, volume.file('gateway.yaml'));
  t.true(begin().ok);
  for (const number of [1, 2, 3, 4]) {
    await volume.publish(versionOf(number));
    const config = await good();
    t.deepEqual(idsOf(config), [`main-${number}`, `part-${number}`]);
    t.is(config.upstreams[0]?.headers[0]?.[1].source, `key-${number}`);
  }
});

test('a file that an editor replaces, again and again', async (t) => {
  const folder = await folderWith(t, { 'gateway.yaml': whole('a') });
  const { begin, good } = followed(t, folder.file('gateway.yaml'));
  begin();
  for (const id of ['b', 'c', 'd']) {
    await folder.write('.gateway.yaml.swp', whole(id));
    await rename(folder.file('.gateway.yaml.swp'), folder.file('gateway.yaml'));
    t.deepEqual(idsOf(await good()), [id]);
  }
});

test('a deleted file is a refused configuration with a clear message; the file that comes back is taken', async (t) => {
  const folder = await folderWith(t, { 'gateway.yaml': whole('a') });
  const { begin, next, good } = followed(t, folder.file('gateway.yaml'));
  begin();
  await unlink(folder.file('gateway.yaml'));
  const refused = await next();
  t.false(refused.ok);
  t.like(refused, { problems: [{ severity: 'error', message: 'the configuration file does not exist' }] });
  await folder.write('gateway.yaml', whole('b'));
  t.deepEqual(idsOf(await good()), ['b']);
});

test('a secret that changes, and one that is missing for a while', async (t) => {
  const yaml = whole('a').replace('" }', `", headers: { set: { X-Key: "\${file:secret}" } } }`);
  const folder = await folderWith(t, { 'gateway.yaml': yaml, secret: 'one' });
  const { begin, next, good } = followed(t, folder.file('gateway.yaml'));
  begin();
  await folder.write('secret', 'two');
  t.is((await good()).upstreams[0]?.headers[0]?.[1].source, 'two');
  await unlink(folder.file('secret'));
  t.false((await next()).ok);
  await folder.write('secret', 'three');
  t.is((await good()).upstreams[0]?.headers[0]?.[1].source, 'three');
});

test('a secret that a rotation truncates before it writes it is refused, and taken when the file has settled', async (t) => {
  const folder = await folderWith(t, {
    'gateway.yaml': `${UPSTREAM.replace('" }', `", headers: { set: { Authorization: "Basic \${file:secret}" } } }`)}\nroutes: [${route('a')}]\n`,
    secret: 'one',
  });
  const { begin, next, good } = followed(t, folder.file('gateway.yaml'));
  t.true(begin().ok);
  for (const [truncated, rotated] of [
    ['', 'two\n'],
    ['\n', 'three'],
  ] as const) {
    await folder.write('secret', truncated);
    const refused = await next();
    t.like(refused.ok ? undefined : refused.problems[0], { name: 'empty-secret', message: '`secret` is empty' });
    await folder.write('secret.new', rotated);
    await rename(folder.file('secret.new'), folder.file('secret'));
    t.is((await good()).upstreams[0]?.headers[0]?.[1].source, `Basic ${rotated.trim()}`);
  }
});

test('a file with keys, although it is not read with the configuration', async (t) => {
  const issuers = 'issuers: { main: { issuer: "https://a.example.com", audience: a, keys: { file: keys.json } } }';
  const folder = await folderWith(t, { 'gateway.yaml': `${issuers}\n${whole('a')}`, 'keys.json': '{}' });
  const { begin, good } = followed(t, folder.file('gateway.yaml'));
  begin();
  await folder.write('gateway.yaml', `${issuers}\n${whole('b')}`);
  t.deepEqual(idsOf(await good()), ['b']);
  await folder.write('keys.json', '{ "keys": [] }');
  t.deepEqual(idsOf(await good()), ['b']);
});

needsOpenssl('the certificates of an upstream', async (t) => {
  const [first, second] = [makeAuthority(), makeAuthority()];
  const yaml = whole('a').replace('"http://127.0.0.1:1"', '"https://127.0.0.1:1", tls: { ca: ca.pem }');
  const folder = await folderWith(t, { 'gateway.yaml': yaml, 'ca.pem': first.cert });
  const { begin, good } = followed(t, folder.file('gateway.yaml'));
  t.true(begin().ok);
  await folder.write('ca.pem', second.cert);
  t.is((await good()).upstreams[0]?.tls.ca, second.cert);
});

test('included files: one that changes, one that comes, one that is wrong, one that goes', async (t) => {
  const folder = await folderWith(t, { 'gateway.yaml': `include: [routes/*.yaml]\n${whole('main')}` });
  await mkdir(folder.file('routes'));
  const put = (name: string, content: string) => writeFile(join(folder.file('routes'), name), content);
  await put('a.yaml', `routes: [${route('a')}]`);
  const { begin, next, good } = followed(t, folder.file('gateway.yaml'));
  begin();
  await put('a.yaml', `routes: [${route('a2')}]`);
  t.deepEqual(idsOf(await good()), ['main', 'a2']);
  await put('b.yaml', `routes: [${route('b')}]`);
  t.deepEqual(idsOf(await good()), ['main', 'a2', 'b']);
  await put('b.yaml', 'routes: [');
  t.false((await next()).ok);
  await unlink(join(folder.file('routes'), 'b.yaml'));
  t.deepEqual(idsOf(await good()), ['main', 'a2']);
});

test('a file that appears between reading and watching is not missed', async (t) => {
  const folder = await folderWith(t, { 'gateway.yaml': `include: ['*.part.yaml']\n${whole('main')}` });
  const { begin, good } = followed(t, folder.file('gateway.yaml'));
  begin();
  await folder.write('late.part.yaml', `routes: [${route('late')}]`);
  t.deepEqual(idsOf(await good()), ['main', 'late']);
});

test('the signal has everything read again, even if nothing has changed, and even before there is a gateway', async (t) => {
  const folder = await folderWith(t, { 'gateway.yaml': whole('a') });
  const { begin, good, signal, given } = followed(t, folder.file('gateway.yaml'));
  signal();
  begin();
  t.deepEqual(idsOf(await good()), ['a']);
  signal();
  t.deepEqual(idsOf(await good()), ['a']);
  await folder.write('gateway.yaml', whole('b'));
  t.deepEqual(idsOf(await good()), ['b']);
  t.is(given.length, 3);
});

test('a signal in the middle of a writing gives nobody half of it', async (t) => {
  const clock = new FakeClock();
  const folder = await folderWith(t, { 'gateway.yaml': whole('a', 'b') });
  const { begin, signal, given } = followed(t, folder.file('gateway.yaml'), clock);
  begin();
  await folder.write('gateway.yaml', whole('a'));
  signal();
  // As long as the clock stands nobody may take it, however much is read meanwhile.
  for (let times = 0; times < 50; times += 1) await readFile(folder.file('gateway.yaml'));
  t.deepEqual(given, []);
  await folder.write('gateway.yaml', whole('a', 'c'));
  await until(() => {
    clock.advance(25);
    return given.length > 0;
  }, 'it is taken');
  t.deepEqual(
    given.map((loaded) => loaded.ok && idsOf(loaded.config)),
    [['a', 'c']],
  );
});

test('what changes in the moment of a look is read once more', async (t) => {
  const clock = new FakeClock();
  const folder = await folderWith(t, { 'gateway.yaml': whole('a') });
  const { begin, signal, given } = followed(t, folder.file('gateway.yaml'), clock);
  begin();
  await until(() => clock.waiting.length === 1, 'the first look is over');
  signal();
  clock.advance(100);
  writeFileSync(folder.file('gateway.yaml'), whole('b'));
  await until(() => {
    clock.advance(25);
    return given.length > 0;
  }, 'it is taken');
  t.deepEqual(
    given.map((loaded) => loaded.ok && idsOf(loaded.config)),
    [['b']],
  );
});

test('what changes while a change is on its way is read when that is over, once', async (t) => {
  const folder = await folderWith(t, { 'gateway.yaml': whole('a') });
  const { begin, good, given, hold, signal } = followed(t, folder.file('gateway.yaml'));
  begin();
  const release = hold();
  await folder.write('gateway.yaml', whole('b'));
  t.deepEqual(idsOf(await good()), ['b']);
  await folder.write('gateway.yaml', whole('c'));
  for (let times = 0; times < 3; times += 1) signal();
  t.is(given.length, 1);
  release();
  t.deepEqual(idsOf(await good()), ['c']);
  await folder.write('gateway.yaml', whole('d'));
  t.deepEqual(idsOf(await good()), ['d']);
  t.is(given.length, 3);
});

test('nothing is given to anybody after the end', async (t) => {
  const folder = await folderWith(t, { 'gateway.yaml': whole('a') });
  const ended = followed(t, folder.file('gateway.yaml'));
  const other = followed(t, folder.file('gateway.yaml'));
  ended.begin();
  other.begin();
  ended.close();
  ended.signal();
  await folder.write('gateway.yaml', whole('b'));
  await other.good();
  t.deepEqual(ended.given, []);
});

test('a defect in taking a change is reported, and the next change is taken', async (t) => {
  const folder = await temporaryFolder({ 'gateway.yaml': whole('a') });
  t.teardown(folder.remove);
  const listeners: (() => void)[] = [];
  const config = new FollowedConfig(folder.file('gateway.yaml'), {
    variables: {},
    onReloadSignal: (listener) => void listeners.push(listener),
  });
  t.teardown(() => config.close());
  const taken: Loaded[] = [];
  const defects: [string, string][] = [];
  let broken = true;
  const gateway = {
    reload: async (loaded: Loaded) => {
      if (broken) throw new Error('provoked by a test');
      taken.push(loaded);
    },
    defect: (error: unknown, where: string) => void defects.push([(error as Error).message, where]),
  };
  config.follow(gateway, config.read());
  await folder.write('gateway.yaml', whole('a', 'b'));
  await until(() => defects.length > 0, 'the defect is reported', 20_000);
  t.deepEqual(defects, [['provoked by a test', 'follow']]);
  broken = false;
  await folder.write('gateway.yaml', whole('a', 'b', 'c'));
  await until(() => taken.length > 0, 'the next change is taken', 20_000);
  t.true(taken.at(-1)?.ok);
});
