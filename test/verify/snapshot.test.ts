import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { ask } from '../../src/verify/ask.ts';
import { KeySet } from '../../src/verify/keys.ts';
import type { IssuerSettings, KeySettings } from '../../src/verify/settings.ts';
import { readSnapshot, snapshotPath, writeSnapshot } from '../../src/verify/snapshot.ts';
import { FakeClock } from '../support/clock.ts';
import { temporaryFolder } from '../support/files.ts';
import { requestBytes, startBehind } from '../support/gateway.ts';
import { issuerSettings, KeyLog } from '../support/issuers.ts';
import { accessClaims, makeKey, serveJwks, signToken } from '../support/keys.ts';

const OLD = makeKey('ES256', 'old');
const NEW = makeKey('ES256', 'new');
const RSA = makeKey('RS256', 'rsa');
const DAY = 86_400_000;

/** A provider, a folder for snapshots, and key sets that come and go as gateways do. */
async function world(t: ExecutionContext, over: Partial<KeySettings> = {}) {
  const server = await serveJwks([OLD, RSA]);
  const folder = await temporaryFolder({});
  const clock = new FakeClock();
  const source = { kind: 'url', url: server.jwksUri } as const;
  const settings = issuerSettings({ issuer: server.issuer }, { source, snapshot: folder.path, ...over });
  const path = snapshotPath(folder.path, settings);
  const sets: KeySet[] = [];
  const startSet = async (as: IssuerSettings = settings) => {
    const log = new KeyLog();
    const set = new KeySet(as, clock, ask, log);
    sets.push(set);
    await set.start();
    return { set, log };
  };
  t.teardown(async () => {
    for (const set of sets) set.close();
    await server.close();
    await folder.remove();
  });
  const told = async (set: KeySet, kid = 'old') => {
    const found = await set.find('ES256', kid, clock.now());
    return found.ok ? found.value.map((key) => key.kid).join() : found.fault.code;
  };
  return { server, folder, clock, settings, path, startSet, told };
}

/** Waits for what nobody announces: a file that is written in the background. */
async function eventually<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (const end = Date.now() + 5_000; Date.now() < end; await pause(5)) {
    const seen = await look().catch(() => undefined);
    if (seen !== undefined) return seen;
  }
  throw new Error('it did not happen within 5 s');
}

const contentOf = async (path: string) => JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;

test('keys survive a restart during an outage, as old as they were', async (t) => {
  const { server, clock, path, startSet, told } = await world(t, { maxStale: DAY });
  const { set } = await startSet();
  await eventually(() => contentOf(path));
  set.close();
  const fetchedAt = clock.now();
  await server.behave('refuse');
  clock.jump(DAY / 2);

  const { set: restarted, log } = await startSet();
  t.deepEqual(log.snapshots, [{ issuer: 'main', path, error: undefined }]);
  t.regex(log.lines[0] ?? '', /ECONNREFUSED \(keys still usable\)$/);
  t.is(await told(restarted), 'old');
  t.like(restarted.status(clock.now()), { usable: true, age: DAY / 2 });
  t.is(restarted.usableUntil, fetchedAt + DAY, 'a restart makes no key younger');
  const found = await restarted.find('RS256', 'rsa', clock.now());
  t.true(found.ok && found.value[0]?.key.equals(RSA.publicKey));

  clock.jump(DAY / 2);
  t.is(await told(restarted), 'verify.keys-unavailable');
});

test('a restored key set recovers by itself, and keys that were taken out meanwhile are gone', async (t) => {
  const { server, clock, path, startSet, told } = await world(t);
  (await startSet()).set.close();
  await eventually(() => contentOf(path));
  await server.behave('error');
  const { set, log } = await startSet();
  t.is(await told(set), 'old');
  const { generation } = set;
  server.publish([NEW]);
  await server.behave('serve');
  const next = log.next();
  clock.advance(1_000);
  t.is(await next, 'main: 1 keys');
  t.is(await told(set), 'token.key-unknown');
  t.is(await told(set, 'new'), 'new');
  t.is(set.generation, generation + 1);
});

test('requests that are quicker than the disk wait for it', async (t) => {
  const { server, clock, path, settings, startSet } = await world(t);
  (await startSet()).set.close();
  await eventually(() => contentOf(path));
  await server.behave('hang');
  const set = new KeySet(settings, clock, ask, new KeyLog());
  t.teardown(() => set.close());
  const starting = set.start();
  const found = await set.find('ES256', 'old', clock.now());
  t.true(found.ok);
  set.close();
  await starting;
});

test('only public members are written, for this user alone, and nothing else is left in the folder', async (t) => {
  const { server, folder, path, clock, startSet } = await world(t);
  server.publish([
    { ...OLD.jwk, x5c: ['AAAA'], x5u: 'https://login.example.com/', ext: true, key_ops: ['verify'] },
    RSA,
    NEW.privateJwk,
    { kty: 'oct', k: 'c2VjcmV0', kid: 'shared' },
  ]);
  const { set } = await startSet();
  const content = await eventually(() => contentOf(path));
  t.like(content, { version: 1, fetchedAt: clock.now() });
  const { keys } = content.jwks as { keys: Record<string, unknown>[] };
  t.deepEqual(
    keys.map((key) => Object.keys(key).toSorted()),
    [
      ['alg', 'crv', 'kid', 'kty', 'x', 'y'],
      ['alg', 'e', 'kid', 'kty', 'n'],
    ],
  );
  t.false(JSON.stringify(content).includes(String(NEW.privateJwk.d)));
  t.is((await stat(path)).mode & 0o777, 0o600);
  await eventually(async () => ((await readdir(folder.path)).length === 1 ? true : undefined));
  set.close();
});

test('a snapshot is never half there, however it is written and read', async (t) => {
  const { folder, settings, path, clock } = await world(t);
  const write = (fetchedAt: number) =>
    writeSnapshot(path, settings.issuer, { document: { keys: Array(50).fill(OLD.jwk) }, fetchedAt });
  await write(0);
  const seen: unknown[] = [];
  const writing = Promise.all(Array.from({ length: 30 }, (_, at) => write(at)));
  let done = false;
  void writing.then(() => {
    done = true;
  });
  while (!done) seen.push(await readSnapshot(path, settings.issuer, clock.now(), Number.POSITIVE_INFINITY));
  await writing;
  t.true(seen.length > 0);
  for (const found of seen) t.like(found, { document: { keys: { length: 50 } } });
  t.deepEqual(await readdir(folder.path), [path.slice(folder.path.length + 1)]);
});

const NOW = new FakeClock().now();
const KEYS = { keys: [OLD.jwk] };

/** What may lie where a snapshot is looked for, and what is said about it. */
const UNUSABLE: readonly (readonly [what: string, content: (issuer: string) => unknown, said: RegExp])[] = [
  ['an empty file', () => '', /is torn/],
  ['half a snapshot', (issuer) => JSON.stringify({ version: 1, issuer, jwks: KEYS }).slice(0, -20), /is torn/],
  ['bytes that are no text', () => Buffer.from([0xff, 0xfe, 0x00]), /is torn/],
  ['a list', () => '[]', /is torn|no snapshot/],
  ['null', () => 'null', /is torn|no snapshot/],
  ['a key set that is no snapshot', () => KEYS, /no snapshot of this version/],
  ['a snapshot of a later version', (issuer) => ({ version: 2, issuer, fetchedAt: NOW, jwks: KEYS }), /this version/],
  ['a version in quotes', (issuer) => ({ version: '1', issuer, fetchedAt: NOW, jwks: KEYS }), /this version/],
  [
    "another issuer's",
    () => ({ version: 1, issuer: 'https://other.example.com', fetchedAt: NOW, jwks: KEYS }),
    /belongs to another issuer/,
  ],
  ['one without an issuer', () => ({ version: 1, fetchedAt: NOW, jwks: KEYS }), /belongs to another issuer/],
  ['one from the future', (issuer) => ({ version: 1, issuer, fetchedAt: NOW + 1, jwks: KEYS }), /in the future/],
  ['one without a date', (issuer) => ({ version: 1, issuer, jwks: KEYS }), /has no date/],
  [
    'one whose date is text',
    (issuer) => ({ version: 1, issuer, fetchedAt: new Date(NOW).toISOString(), jwks: KEYS }),
    /has no date/,
  ],
  [
    'one with a date beyond numbers',
    (issuer) => `{"version":1,"issuer":${JSON.stringify(issuer)},"fetchedAt":-1e999,"jwks":${JSON.stringify(KEYS)}}`,
    /has no date/,
  ],
  [
    'one as old as `maxStale`',
    (issuer) => ({ version: 1, issuer, fetchedAt: NOW - DAY, jwks: KEYS }),
    /older than `maxStale`/,
  ],
  ['one without keys', (issuer) => ({ version: 1, issuer, fetchedAt: NOW }), /no JWK Set/],
  [
    'one with an empty set',
    (issuer) => ({ version: 1, issuer, fetchedAt: NOW, jwks: { keys: [] } }),
    /the key set is empty/,
  ],
  [
    'one with 101 keys',
    (issuer) => ({ version: 1, issuer, fetchedAt: NOW, jwks: { keys: Array(101).fill(OLD.jwk) } }),
    /101 keys/,
  ],
  [
    'one with a private key',
    (issuer) => ({ version: 1, issuer, fetchedAt: NOW, jwks: { keys: [OLD.privateJwk] } }),
    /private member d/,
  ],
  [
    'one with a private key beside a good one',
    (issuer) => ({ version: 1, issuer, fetchedAt: NOW, jwks: { keys: [OLD.jwk, NEW.privateJwk] } }),
    /private member d/,
  ],
  [
    'one with a shared secret beside a good key',
    (issuer) => ({ version: 1, issuer, fetchedAt: NOW, jwks: { keys: [OLD.jwk, { kty: 'oct', k: 'AAAA' }] } }),
    /shared secret/,
  ],
];

for (const [what, make, said] of UNUSABLE) {
  test(`not used, said, and left as it is until a good fetch: ${what}`, async (t) => {
    const { server, path, clock, startSet, told } = await world(t, { maxStale: DAY });
    const content = make(server.issuer);
    const bytes = Buffer.isBuffer(content)
      ? content
      : Buffer.from(typeof content === 'string' ? content : JSON.stringify(content));
    await writeFile(path, bytes);
    await server.behave('error');
    const { set, log } = await startSet();
    t.is(log.snapshots.length, 1);
    t.like(log.snapshots[0], { issuer: 'main', path });
    t.regex(log.snapshots[0]?.error ?? '', said);
    t.false((log.snapshots[0]?.error ?? '').includes(String(NEW.privateJwk.d)));
    t.is(await told(set), 'verify.keys-unavailable');
    t.deepEqual(set.status(clock.now()).age, undefined);
    t.deepEqual(await readFile(path), bytes);

    await server.behave('serve');
    const next = log.next();
    clock.advance(1_000);
    await next;
    t.is(await told(set), 'old');
    const replaced = await eventually(async () => {
      const seen = await contentOf(path);
      return seen.fetchedAt === clock.now() && seen.version === 1 ? seen : undefined;
    });
    t.is(replaced.issuer, server.issuer);
    t.is((await stat(path)).mode & 0o777, 0o600);
  });
}

test('a snapshot that cannot be read is said by its error, and replaced by the next good fetch', async (t) => {
  const { server, path, clock, startSet, told } = await world(t);
  await symlink(path, path); // a loop, which not even root reads
  await server.behave('error');
  const { set, log } = await startSet();
  t.deepEqual(log.snapshots, [{ issuer: 'main', path, error: 'the snapshot cannot be read: ELOOP' }]);
  t.is(await told(set), 'verify.keys-unavailable');
  await server.behave('serve');
  const next = log.next();
  clock.advance(1_000);
  await next;
  t.like(await eventually(() => contentOf(path)), { version: 1 });
});

test('without a snapshot nothing is said', async (t) => {
  const { server, startSet, told } = await world(t);
  await server.behave('error');
  const { set, log } = await startSet();
  t.deepEqual(log.snapshots, []);
  t.is(await told(set), 'verify.keys-unavailable');
});

for (const [what, spoil] of [
  ['is a file', async (folder: string) => writeFile(folder, '')],
  ['holds a folder under the name of the snapshot', undefined],
] as const) {
  test(`a folder that ${what} is said at each write and harms nothing`, async (t) => {
    const { server, folder, settings, clock, startSet, told } = await world(t);
    const broken = { ...settings, keys: { ...settings.keys, snapshot: folder.file('cache') } };
    const path = snapshotPath(folder.file('cache'), settings);
    if (spoil) await spoil(folder.file('cache'));
    else await mkdir(join(path, 'inside'), { recursive: true });
    const { set, log } = await startSet(broken);
    const complaints = () =>
      log.snapshots.filter(({ error }) => error?.startsWith('the snapshot cannot be written: ')).length;
    await eventually(async () => (complaints() === 1 ? true : undefined));
    t.is(log.lines[0], 'main: 2 keys');
    t.is(await told(set), 'old');
    server.publish([NEW]);
    const next = log.next();
    clock.advance(600_000);
    await next;
    t.is(await told(set, 'new'), 'new');
    await eventually(async () => (complaints() === 2 ? true : undefined));
    if (!spoil) t.deepEqual(await readdir(join(path, '..')), [path.split('/').at(-1)], 'no half file is left there');
  });
}

// Node's own mkdir with `recursive` never settles where a folder cannot be made below one that is there.
for (const impossible of ['/proc/bearergate/cache', '/dev/null/cache', '/proc/self/status']) {
  test(`keys come and a warning is told where no folder can ever be: ${impossible}`, async (t) => {
    const { settings, startSet, told } = await world(t);
    const { set, log } = await startSet({ ...settings, keys: { ...settings.keys, snapshot: impossible } });
    t.is(await told(set), 'old');
    const written = () => log.snapshots.some(({ error }) => error?.startsWith('the snapshot cannot be written: '));
    await eventually(async () => (written() ? true : undefined));
  });
}

test('a folder that is not there is made', async (t) => {
  const { folder, settings, startSet } = await world(t);
  const deep = join(folder.path, 'var', 'cache');
  const { log } = await startSet({ ...settings, keys: { ...settings.keys, snapshot: deep } });
  t.like(await eventually(() => contentOf(snapshotPath(deep, settings))), { version: 1 });
  t.deepEqual(log.snapshots, []);
});

test('two issuers, and one name that was given to another issuer, have files of their own', (t) => {
  const paths = [
    { name: 'main', issuer: 'https://a.example.com' },
    { name: 'main', issuer: 'https://b.example.com' },
    { name: 'other', issuer: 'https://a.example.com' },
  ].map((issuer) => snapshotPath('/cache', issuer));
  t.is(new Set(paths).size, 3);
  t.regex(paths[0] ?? '', /^\/cache\/main-[0-9a-f]{12}\.json$/);
});

test('keys that stand in the settings or in a file need no snapshot: an old one would bring back what was taken out', async (t) => {
  const { folder, settings, path, clock, startSet, told } = await world(t);
  await writeSnapshot(path, settings.issuer, { document: { keys: [OLD.jwk] }, fetchedAt: clock.now() });
  const file = folder.file('jwks.json');
  await writeFile(file, JSON.stringify({ keys: [NEW.jwk] }));
  for (const source of [
    { kind: 'inline', keys: [NEW.jwk] },
    { kind: 'file', path: file },
  ] as const) {
    const { set, log } = await startSet({ ...settings, keys: { ...settings.keys, source } });
    t.deepEqual(log.snapshots, []);
    t.is(await told(set), 'token.key-unknown');
    t.is(await told(set, 'new'), 'new');
  }
});

test('a failed fetch writes nothing', async (t) => {
  const { server, path, clock, startSet } = await world(t);
  const { log } = await startSet();
  const first = await eventually(() => contentOf(path));
  await server.behave('empty');
  const next = log.next();
  clock.advance(600_000);
  await next;
  t.deepEqual(await contentOf(path), first);
});

test('a gateway that is restarted during an outage serves as before, and says from what', async (t) => {
  const server = await serveJwks([OLD]);
  const folder = await temporaryFolder({});
  t.teardown(async () => {
    await server.close();
    await folder.remove();
  });
  const issuer = { issuer: server.issuer, keys: { url: server.jwksUri, snapshot: folder.path } };
  const token = signToken(OLD, accessClaims({ iss: server.issuer }));
  const request = requestBytes({ headers: [['Authorization', `Bearer ${token}`]] });
  const { gateway: first } = await startBehind(t, { issuer });
  t.is((await first.ask(request)).status, 200);
  const path = snapshotPath(folder.path, { name: 'main', issuer: server.issuer });
  await eventually(() => contentOf(path));
  await first.server.close();
  await server.behave('refuse');

  const { gateway } = await startBehind(t, { issuer });
  t.is((await gateway.ask(request)).status, 200);
  t.like(await gateway.waitForLine(({ msg }) => msg === 'keys taken from the snapshot'), { issuer: 'main', path });
  await gateway.waitForLine(({ msg }) => msg === 'keys could not be renewed; the last good ones go on');
  const ready = await fetch(`${gateway.adminUrl}/readyz`);
  t.is(ready.status, 200);
  await gateway.server.close();

  await writeFile(path, 'torn');
  const { gateway: third } = await startBehind(t, { issuer });
  t.like(await third.waitForLine(({ msg }) => msg === 'snapshot not used'), {
    level: 'warn',
    issuer: 'main',
    path,
    error: 'the snapshot is torn, or no snapshot of this version',
  });
  const refused = await third.ask(request);
  t.is(refused.status, 503);
  t.is(refused.header('retry-after'), '5');
  t.is(await readFile(path, 'utf8'), 'torn');
});
