import test from 'ava';
import { foldName } from '../../src/request/fold.ts';
import { load, problemsOf } from './support.ts';

const errorsOf = (text: string) => problemsOf(text).flatMap(({ name, severity }) => (severity === 'error' ? name : []));

/** What a request is framed and routed by, what is of the hop, and what the gateway says of the client. */
const MANAGED = [
  'Connection',
  'Content-Length',
  'Expect',
  'Forwarded',
  'Host',
  'HTTP2-Settings',
  'Keep-Alive',
  'Proxy-Authenticate',
  'Proxy-Connection',
  'Sec-WebSocket-Accept',
  'Sec-WebSocket-Key',
  'Sec-WebSocket-Protocol',
  'Sec-WebSocket-Version',
  'TE',
  'Trailer',
  'Transfer-Encoding',
  'Upgrade',
  'Via',
  'X-Forwarded-For',
  'X-Forwarded-Host',
  'X-Forwarded-Proto',
];

const document = (owner: string, upstream: string) => `
issuers: { main: { issuer: "https://login.example.com", audience: api } }
upstreams: { api: { url: "http://api.internal:3000"${upstream} } }
routes:
  - { id: all, match: { path: "/**" }, auth: { issuers: [main] }, upstream: api${owner} }
`;

const PLACES: readonly (readonly [place: string, text: (name: string) => string])[] = [
  ['headers.set', (name) => document(`, headers: { set: { "${name}": x } }`, '')],
  ['headers.remove', (name) => document(`, headers: { remove: ["${name}"] }`, '')],
  ['responseHeaders.set', (name) => document(`, responseHeaders: { set: { "${name}": x } }`, '')],
  ['upstreams.api.headers.set', (name) => document('', `, headers: { set: { "${name}": x } }`)],
];

for (const [place, text] of PLACES) {
  test(`no header that the gateway manages can stand in ${place}, in whatever spelling`, (t) => {
    t.true(load(text('X-Own')).ok, 'another one can');
    for (const name of MANAGED) {
      for (const spelling of new Set([
        name,
        name.toLowerCase(),
        name.toUpperCase(),
        name.replaceAll('-', '_'),
        name.replace('-', '~'),
      ]))
        t.deepEqual(
          problemsOf(text(spelling)).map((problem) => problem.name),
          ['managed-header'],
          spelling,
        );
    }
  });
}

test('two names that a server reads as one are one rule too many', (t) => {
  const two = document(', headers: { set: { X-Key: a, X_Key: b } }', '');
  t.is(foldName('X_Key'), foldName('X-Key'));
  t.deepEqual(
    problemsOf(two).map(({ name }) => name),
    ['duplicate-header'],
  );
  t.true(load(document(', responseHeaders: { set: { X-Key: a, X_Key: b } }', '')).ok, 'browsers tell them apart');
});

test('two places of a token that a server reads as one are one too many', (t) => {
  const from = (places: string) =>
    errorsOf(document('', '').replace('issuers: [main] }, up', `issuers: [main], tokenFrom: [${places}] }, up`));
  t.deepEqual(from('{ cookie: session }, { query: session }, { header: session }'), []);
  for (const places of [
    '{ cookie: session }, { cookie: SESSION }',
    '{ query: access_token }, { query: access.token }',
    '{ header: X-Token }, { header: X_Token }',
    '{ header: X-Token }, { header: x-token }',
  ])
    t.deepEqual(from(places), ['duplicate-place'], places);
});

test('what is set, removed or managed can not be kept', (t) => {
  const keep = (headers: string) => errorsOf(document(`, headers: { ${headers} }`, ''));
  t.deepEqual(keep('keep: [Remote-User], set: { remote_user: x }'), ['managed-header']);
  t.deepEqual(keep('keep: [Remote-User], remove: [REMOTE-USER]'), ['kept-and-removed']);
  t.deepEqual(keep('keep: [Remote-User, remote-user]'), ['duplicate-header']);
  t.deepEqual(keep('keep: [X-Forwarded-Host]'), ['managed-header']);
  t.deepEqual(errorsOf(document(', headers: { keep: [Remote-User] }', ', headers: { set: { Remote-User: x } }')), [
    'managed-header',
  ]);
  t.true(load(document(', headers: { keep: [Remote-User, X-Forwarded-Uri] }', '')).ok);
});

test('a token cannot stand in a header that the gateway reads itself, in whatever spelling', (t) => {
  const text = (name: string) =>
    document('', '').replace('issuers: [main] }', `issuers: [main], tokenFrom: [{ header: "${name}" }] }`);
  t.true(load(text('X-Access-Token')).ok, 'another one can');
  const read = ['X-Request-Id', 'Proxy-Authorization', 'X-HTTP-Method-Override', 'traceparent', 'X-Forwarded-Port'];
  for (const name of [...MANAGED, ...read])
    for (const spelling of [name, name.toLowerCase(), name.replaceAll('-', '_')])
      t.deepEqual(
        problemsOf(text(spelling)).map((problem) => problem.name),
        ['managed-header'],
        spelling,
      );
});
