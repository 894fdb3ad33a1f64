import { execFileSync } from 'node:child_process';
import { changesBetween, needingRestart } from '../../src/config/changes.ts';
import { makeAuthority, makeSelfSigned, needsOpenssl } from '../support/certificates.ts';
import { load, loadGood, problemsOf } from './support.ts';

const FOLDER = '/etc/bearergate';

function yaml(tls: string, address = 'https://orders.internal'): string {
  return `upstreams:
  orders:
    url: ${address}
    tls: ${tls}
routes:
  - { id: all, match: { path: "/**" }, auth: public, upstream: orders }
`;
}

const at = (text: string, files: Readonly<Record<string, string>> = {}) =>
  problemsOf(
    text,
    {},
    Object.fromEntries(Object.entries(files).map(([name, content]) => [`${FOLDER}/${name}`, content])),
  );

needsOpenssl('certificates are read when the configuration is, and their files are named to be watched', (t) => {
  const authority = makeAuthority();
  const { cert, key } = authority.issue();
  const text = yaml('{ ca: tls/ca.pem, cert: /run/cert.pem, key: key.pem, serverName: orders.test }');
  const files = { [`${FOLDER}/tls/ca.pem`]: authority.cert, '/run/cert.pem': cert, [`${FOLDER}/key.pem`]: key };
  const { config, files: read } = loadGood(text, {}, files);
  t.deepEqual(config.upstreams[0]?.tls, { ca: authority.cert, cert, key, serverName: 'orders.test' });
  for (const file of Object.keys(files)) t.true(read.includes(file), file);
});

needsOpenssl('a file that cannot be read is a problem where it is named, and is watched for', (t) => {
  const text = yaml('{ ca: ca.pem }');
  const loaded = load(text);
  t.false(loaded.ok);
  t.true(loaded.files.includes(`${FOLDER}/ca.pem`));
  t.like(at(text)[0], { name: 'unreadable-file', line: 4, column: 16, message: 'the file of `ca` does not exist' });
});

needsOpenssl('every mistake in certificates and keys is told at once, at its file', (t) => {
  const { cert, key } = makeSelfSigned();
  const other = makeSelfSigned();
  const damaged = cert.replace(/\n[^\n]{20}/, '\nAAAAAAAAAAAAAAAAAAAA');
  const locked = execFileSync('openssl', ['pkey', '-aes256', '-passout', 'pass:x'], { input: key }).toString();
  const files = { cert, key, damaged, locked, both: cert + damaged, 'other-key': other.key, text: 'no PEM', empty: '' };
  const cases: readonly (readonly [tls: string, ...told: (readonly [name: string, message: RegExp])[]])[] = [
    ['{ ca: text }', ['bad-pem', /`ca` holds no certificate in PEM/]],
    ['{ ca: empty }', ['bad-pem', /`ca` holds no certificate in PEM/]],
    ['{ ca: key }', ['bad-pem', /`ca` holds no certificate in PEM/]],
    ['{ ca: damaged }', ['bad-pem', /`ca` holds a damaged certificate$/]],
    ['{ ca: both }', ['bad-pem', /`ca` holds a damaged certificate, number 2$/]],
    ['{ cert: cert }', ['missing', /`key` is missing/]],
    ['{ key: key }', ['missing', /`cert` is missing/]],
    ['{ cert: cert, key: cert }', ['bad-pem', /`key` holds no private key in PEM/]],
    ['{ cert: cert, key: locked }', ['bad-pem', /`key` is locked by a passphrase/]],
    ['{ cert: cert, key: other-key }', ['key-mismatch', /not the key of the certificate/]],
    ['{ ca: none, cert: text, key: text }', ['unreadable-file', /ca/], ['bad-pem', /cert/], ['bad-pem', /key/]],
    ['{ cert: cert, key: key, ca: cert }'],
  ];
  for (const [tls, ...told] of cases) {
    const problems = at(yaml(tls), files);
    t.deepEqual(
      problems.map(({ name }) => name),
      told.map(([name]) => name),
      tls,
    );
    for (const [index, [, message]] of told.entries()) t.regex(problems[index]?.message ?? '', message, tls);
    t.false(JSON.stringify(problems).includes(key.split('\n')[1] as string));
  }
});

needsOpenssl('tls on a target that is spoken to in the clear is an error, at that target', (t) => {
  const { cert } = makeSelfSigned();
  t.like(at(yaml('{ ca: ca.pem }', 'http://orders.internal'), { 'ca.pem': cert })[0], {
    name: 'tls-without-https',
    line: 3,
  });
  const several = yaml('{ ca: ca.pem }').replace(
    'url: https://orders.internal',
    'urls: [https://a.test, http://b.test]',
  );
  t.like(at(several, { 'ca.pem': cert })[0], { name: 'tls-without-https', line: 3, column: 28 });
});

needsOpenssl('there is no way to switch verification off', (t) => {
  for (const setting of ['rejectUnauthorized: false', 'insecure: true', 'verify: false', 'serverName: ""']) {
    t.is(at(yaml(`{ ${setting} }`)).length, 1, setting);
  }
});

const listening = (tls: string) => `listen:
  tls: ${tls}
upstreams: { orders: { url: "http://orders.internal" } }
routes:
  - { id: all, match: { path: "/**" }, auth: public, upstream: orders }
`;

needsOpenssl('what HTTPS is served with is read with the configuration, and its files are watched', (t) => {
  const { cert, key } = makeSelfSigned();
  const clients = makeAuthority();
  const files = { [`${FOLDER}/cert.pem`]: cert, [`${FOLDER}/key.pem`]: key, '/run/ca.pem': clients.cert };
  const text = listening('{ cert: cert.pem, key: key.pem, clientCa: /run/ca.pem }');
  const { config, files: read } = loadGood(text, {}, files);
  t.deepEqual(config.listen.tls, { cert, key, clientCa: clients.cert, minVersion: 'TLSv1.2' });
  for (const file of Object.keys(files)) t.true(read.includes(file), file);
  const plain = loadGood(listening('{ cert: cert.pem, key: key.pem }'), {}, files);
  t.is(plain.config.listen.tls?.clientCa, undefined);
});

needsOpenssl('mistakes in what HTTPS is served with are told like those of upstreams', (t) => {
  const { cert, key } = makeSelfSigned();
  const files = { cert, key, text: 'no PEM', other: makeSelfSigned().key };
  const cases: readonly (readonly [tls: string, name: string, message: RegExp])[] = [
    ['{ cert: cert }', 'missing', /`key` is missing/],
    ['{ key: key }', 'missing', /`cert` is missing/],
    ['{ cert: cert, key: other }', 'key-mismatch', /not the key of the certificate/],
    ['{ cert: cert, key: key, clientCa: text }', 'bad-pem', /`clientCa` holds no certificate/],
    ['{ cert: cert, key: key, clientCa: none }', 'unreadable-file', /`clientCa` does not exist/],
    ['{ cert: cert, key: key, minVersion: TLSv1.1 }', 'bad-value', /`TLSv1.2` or `TLSv1.3`/],
  ];
  for (const [tls, name, message] of cases) {
    const problems = at(listening(tls), files);
    t.is(problems.length, 1, tls);
    t.is(problems[0]?.name, name, tls);
    t.regex(problems[0]?.message ?? '', message, tls);
    t.is(problems[0]?.line, 2, tls);
  }
});

needsOpenssl(
  'that HTTPS is served, and that clients show certificates, needs a restart; other certificates do not',
  (t) => {
    const [one, other] = [makeAuthority(), makeAuthority()];
    const pair = (from: typeof one) => {
      const { cert, key } = from.issue();
      return { [`${FOLDER}/cert`]: cert, [`${FOLDER}/key`]: key, [`${FOLDER}/ca`]: from.cert };
    };
    const configOf = (tls: string, from = one) => loadGood(listening(tls), {}, pair(from)).config;
    const clear = loadGood(listening('{ cert: cert, key: key }').replace(/listen:\n.*\n/, '')).config;
    const own = configOf('{ cert: cert, key: key }');
    const mutual = configOf('{ cert: cert, key: key, clientCa: ca }');
    t.deepEqual(needingRestart(clear, own), ['listen.tls http → https']);
    t.deepEqual(needingRestart(own, mutual), ['listen.tls.clientCa none → certificates of clients']);
    const renewed = configOf('{ cert: cert, key: key, clientCa: ca, minVersion: TLSv1.3 }', other);
    t.deepEqual(needingRestart(mutual, renewed), []);
    const told = changesBetween(mutual, renewed);
    t.deepEqual(told.toSorted(), [
      'listen.tls.authorities changed',
      'listen.tls.cert changed',
      'listen.tls.key changed',
      'listen.tls.minVersion changed',
    ]);
  },
);
