import { sign } from 'node:crypto';
import test from 'ava';
import { codeOf, requestBytes, startBehind, type TestGateway } from '../support/gateway.ts';
import type { WireHeader } from '../support/http-bytes.ts';
import { accessClaims, compactToken } from '../support/keys.ts';

// An issuer with numbers for its users writes 9007199254740993; JavaScript reads 9007199254740992, which is another user.
// Whoever gets an account with a number beyond 2^53, or with enough digits behind the point, is their neighbour to an
// upstream that goes by a header, and to a rule on the claim.

/** Each of them is read as the number behind it. */
const ROUNDED = [
  ['9007199254740993', 9007199254740992],
  ['9007199254740992', 9007199254740992],
  ['-9007199254740993', -9007199254740992],
  ['9007199254740991.4', 9007199254740991],
  ['12345678901234567890', 12345678901234567000],
  ['42.00000000000000000001', 42],
  ['1e400', Number.POSITIVE_INFINITY],
  ['1e-400', 0],
] as const;

const ROUTES = [
  { id: 'told', match: { path: '/told' }, headers: { set: { 'X-User': '{claims.uid}' } } },
  { id: 'answered', match: { path: '/answered' }, responseHeaders: { set: { 'X-User': 'n={claims.uid}' } } },
  { id: 'ruled', match: { path: '/ruled' }, auth: { claims: { uid: 42 } } },
  { id: 'in', match: { path: '/in' }, auth: { claims: { uid: { in: [0, 42, 9007199254740991] } } } },
  { id: 'contains', match: { path: '/contains' }, auth: { claims: { uid: { contains: 42 } } } },
  { id: 'other', match: { path: '/other' }, auth: { claims: { uid: { exists: true } } } },
];

/** `Authorization` with a token whose claim is written as it stands here. */
function bearerWith({ key, keyServer }: TestGateway, uid: string): WireHeader {
  const claims = JSON.stringify(accessClaims({ iss: keyServer.issuer, uid: '@' })).replace('"@"', uid);
  const header = JSON.stringify({ alg: key.alg, typ: 'at+jwt', kid: key.kid });
  const token = compactToken(header, claims, (input) =>
    sign('sha256', input, { key: key.privateKey, dsaEncoding: 'ieee-p1363' }),
  );
  return ['Authorization', `Bearer ${token}`];
}

test('a number that would arrive as another is not passed on, nor does it satisfy a rule', async (t) => {
  const { gateway, upstream } = await startBehind(t, { routes: ROUTES });
  const ask = (target: string, uid: string) =>
    gateway.ask(requestBytes({ target, headers: [bearerWith(gateway, uid)] }));
  for (const [number, read] of ROUNDED) {
    t.is(Number(number), read, 'it is one that JavaScript reads so');
    for (const uid of [number, `["a", ${number}]`, `{"id":{"a":[${number}]}}`]) {
      for (const target of ['/told', '/answered', '/ruled', '/in', '/contains']) {
        for (const round of ['at first', 'remembered']) {
          const response = await ask(target, uid);
          t.is(response.status, 403, `${target} ${uid} ${round}`);
          t.is(codeOf(response), 'authorise.claim', `${target} ${uid}`);
        }
      }
    }
  }
  t.is(upstream.connections.length, 0);

  // Where nothing is made of it, it is nobody's business.
  t.is((await ask('/other', '9007199254740993')).status, 200);
  for (const [uid, value] of [
    ['42', '42'],
    ['42.0', '42'],
    ['4.2e1', '42'],
    ['1.5', '1.5'],
    ['9007199254740991', '9007199254740991'],
    ['"9007199254740993"', '9007199254740993'],
    ['[42,"1e400"]', '42,1e400'],
  ] as const) {
    t.is((await ask('/told', uid)).status, 200, uid);
    t.deepEqual(upstream.requests.at(-1)?.values('x-user'), [value], uid);
  }
  t.is((await ask('/ruled', '42')).status, 200);
  t.is((await ask('/contains', '[9007199254740993, 42]')).status, 200);
});
