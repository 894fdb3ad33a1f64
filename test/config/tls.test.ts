import { execFileSync } from 'node:child_process';
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
