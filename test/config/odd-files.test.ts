import { spawnSync } from 'node:child_process';
import { truncateSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import test from 'ava';
import { DISK, folderFlaw } from '../../src/config/files.ts';
import { loadConfig } from '../../src/config/load.ts';
import { temporaryFolder } from '../support/files.ts';
import { needs } from '../support/needs.ts';

// Whatever a configuration names as a file may be something else: a pipe without a writer would be waited for, a device
// read for ever, a huge file until memory ends. Each field that names a file is given each of them.

const ODD = {
  pipe: 'is a pipe that nothing is written to',
  '/dev/zero': 'is a device or a socket, not a file',
  folder: 'is a folder',
  huge: 'has more than 4 MiB',
  gone: 'does not exist',
} as const;

/** A configuration that names a file, by the field that does. */
const FIELDS: Readonly<Record<string, (file: string) => object>> = {
  include: (file) => ({ include: [file] }),
  'include, a glob': (file) => ({ include: [`${file.slice(0, -1)}?`] }),
  'keys.file': (file) => ({ issuers: { main: { issuer: 'main', audience: 'a', keys: { file } } } }),
  'keys.secret': (file) => ({
    issuers: { main: { issuer: 'main', audience: 'a', keys: { secret: `\${file:${file}}` }, algorithms: ['HS256'] } },
  }),
  'listen.tls.cert': (file) => ({ listen: { tls: { cert: file, key: file } } }),
  'listen.tls.clientCa': (file) => ({ listen: { tls: { cert: file, key: file, clientCa: file } } }),
  'upstreams.*.tls.ca': (file) => ({ upstreams: { api: { url: 'https://api.internal', tls: { ca: file } } } }),
  'upstreams.*.tls.cert': (file) => ({
    upstreams: { api: { url: 'https://api.internal', tls: { cert: file, key: file } } },
  }),
  'a header': (file) => ({
    upstreams: { api: { url: 'http://api.internal', headers: { set: { Authorization: `Basic \${file:${file}}` } } } },
  }),
};

const BASE = {
  issuers: { main: { issuer: 'https://login.example.com', audience: 'a' } },
  upstreams: { api: { url: 'http://api.internal' } },
  routes: [{ id: 'api', match: { path: '/**' }, auth: { issuers: ['main'] }, upstream: 'api' }],
};

const fifo = needs('mkfifo', () => spawnSync('mkfifo', ['--version']).error === undefined);

for (const [odd, reason] of Object.entries(ODD)) {
  for (const [field, document] of Object.entries(FIELDS)) {
    fifo(`${field} that names ${odd} is told of at once: ${reason}`, async (t) => {
      const folder = await temporaryFolder({ huge: '' });
      t.teardown(folder.remove);
      await mkdir(folder.file('folder'));
      truncateSync(folder.file('huge'), 2 ** 40);
      t.is(spawnSync('mkfifo', [folder.file('pipe')]).status, 0);
      const name = odd.startsWith('/') ? odd : folder.file(odd);
      await folder.write('gateway.yaml', JSON.stringify({ ...BASE, ...document(name) }));
      const loaded = loadConfig(folder.file('gateway.yaml'), { variables: {}, ...DISK });
      const problems = loaded.ok ? loaded.warnings : loaded.problems;
      const isGlobOfNothing = field.endsWith('glob') && odd === 'gone';
      const wanted = isGlobOfNothing ? 'no file matches' : reason;
      t.true(
        problems.some(({ message }) => message.includes(wanted)),
        problems.map(({ message }) => message).join('; '),
      );
      // A file of keys may come later; everything else has to be there.
      t.is(loaded.ok, field === 'keys.file');
    });
  }
}

test('check tells of a snapshot folder that can never be', async (t) => {
  const folder = await temporaryFolder({ file: '' });
  t.teardown(folder.remove);
  const told = async (snapshot: string) => {
    const main = { ...BASE.issuers.main, keys: { discovery: true, snapshot } };
    await folder.write('gateway.yaml', JSON.stringify({ ...BASE, issuers: { main } }));
    const loaded = loadConfig(folder.file('gateway.yaml'), { variables: {}, ...DISK, folderFlaw });
    t.true(loaded.ok, 'the gateway starts all the same');
    return (loaded.ok ? loaded.warnings : []).map(({ name, message }) => `${name}: ${message}`);
  };
  t.deepEqual(await told('file'), ['unusable-snapshot: `file` is not a folder']);
  t.deepEqual(await told('file/below/it'), [
    `unusable-snapshot: \`file/below/it\` cannot be made: \`${folder.file('file')}\` is not a folder`,
  ]);
  t.deepEqual(await told('/dev/null'), ['unusable-snapshot: `/dev/null` is not a folder']);
  t.deepEqual(await told('.'), []);
  t.deepEqual(await told('not/yet/there'), []);
});
