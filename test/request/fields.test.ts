import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import test from 'ava';
import { type FieldKind, FieldSorter } from '../../src/request/fields.ts';

const sorter = () =>
  new FieldSorter(
    ['X-User-Id', 'X-Tenant', 'X_Legacy', 'Authorization', 'X-Forwarded-User'],
    ['X-Access_Token'],
    ['X-Cluster_Client-IP', 'Remote-User'],
  );

const KINDS: readonly (readonly [name: string, kind: FieldKind, why: string])[] = [
  ['Accept', 'keep', 'an ordinary field'],
  ['x_custom', 'keep', 'an underscore is no alias of anything we answer for'],
  ['X.Custom', 'keep', 'nor is a dot'],
  ['Cookie', 'keep', 'the client own, though it is guarded against aliases'],
  ['COOKIE', 'keep', 'in any case'],
  ['Via', 'via', 'an earlier hop says who it was'],
  ['Max-Forwards', 'max-forwards', 'counted down'],
  ['X-Original-URL', 'withheld', 'another path'],
  ['x-rewrite-url', 'withheld', 'the same'],
  ['X-Anything-Host-Override', 'withheld', 'another host'],
  ['X.Any!Host_Override', 'alias', 'of it'],
  ['X_Original_URL', 'alias', 'of it'],
  ['X-HTTP-Method-Override', 'method-override', 'another method'],
  ['X_HTTP.Method-Override', 'method-override', 'as CGI and PHP read it'],
  ['Authorization', 'authorization', 'also when a route sets it: the token is read first'],
  ['AUTHORIZATION', 'authorization', 'case means nothing'],
  ['Host', 'host', 'framing of the address'],
  ['Content-Length', 'content-length', 'framing'],
  ['transfer-encoding', 'transfer-encoding', 'framing'],
  ['Connection', 'connection', 'one hop'],
  ['TE', 'te', 'one hop'],
  ['Upgrade', 'upgrade', 'one hop'],
  ['Expect', 'expect', 'one hop'],
  ['X-Request-Id', 'request-id', 'ours'],
  ['Keep-Alive', 'drop', 'one hop'],
  ['Proxy-Connection', 'drop', 'one hop'],
  ['Proxy-Authorization', 'drop', 'meant for a proxy'],
  ['Proxy-Authenticate', 'drop', 'one hop'],
  ['Trailer', 'drop', 'trailers are never forwarded'],
  ['HTTP2-Settings', 'drop', 'belongs to an upgrade to h2c'],
  ['X-Forwarded-For', 'forwarded', 'believed from proxies alone'],
  ['x-forwarded-prefix', 'forwarded', 'the same'],
  ['x-forwarded-anything', 'withheld', 'nobody is believed in the rest of the family'],
  ['X-Forwarded-Uri', 'withheld', 'not even in this'],
  ['Forwarded', 'forwarded', 'RFC 7239'],
  ['X-Real-IP', 'withheld', 'the same in nginx, which many pass on unread'],
  ['True-Client-IP', 'withheld', 'an address'],
  ['X-Amzn-Oidc-Data', 'withheld', 'of a family'],
  ['X-AMZN-OIDC_Data', 'alias', 'of a family'],
  ['SSL_CLIENT_S_DN', 'withheld', 'as Apache itself spells it'],
  ['ssl-client-verify', 'withheld', 'as ingress-nginx does'],
  ['SSL_Client-Verify', 'alias', 'as nobody does'],
  ['REMOTE-USER', 'withheld', 'kept, in any case'],
  ['Remote_User', 'alias', 'of a kept one'],
  ['X-Cluster_Client-IP', 'withheld', 'kept in its own spelling'],
  ['X-Cluster-Client-IP', 'withheld', 'on the list itself'],
  ['X_Cluster_Client_IP', 'alias', 'of both'],
  ['X-Access_Token', 'keep', 'a route looks at it in this spelling'],
  ['X-Access-Token', 'alias', 'of a watched one'],
  ['X-User-Id', 'drop', 'managed'],
  ['x-USER-id', 'drop', 'managed, in any case'],
  ['X-Forwarded-User', 'drop', 'managed goes before the family: not even a trusted proxy may say it'],
  ['X_Legacy', 'drop', 'managed in its own spelling'],
  ['X-Legacy', 'alias', 'what CGI reads as X_Legacy'],
  ['X_User_Id', 'alias', 'what CGI reads as X-User-Id'],
  ['X.User.Id', 'alias', 'what PHP reads so'],
  ['x-user_ID', 'alias', 'mixed'],
  ...[..."!#$%&'*+^`|~"].map((mark) => [`X${mark}User${mark}Id`, 'alias', 'what CGI reads as X-User-Id'] as const),
  ['X~Forwarded-For', 'alias', 'of the family'],
  ['X!Original!URL', 'alias', 'of another path'],
  ['X-HTTP!Method~Override', 'method-override', 'as CGI reads it'],
  ['Content~Length', 'alias', 'of framing'],
  ['Transfer!Encoding', 'alias', 'of framing'],
  ['Proxy_Authorization', 'alias', 'of what is of the hop'],
  ['X-User-Id2', 'keep', 'another name'],
  ['~X-User-Id', 'keep', 'another variable'],
  ['X_Forwarded_For', 'alias', 'of the family'],
  ['x-forwarded.proto', 'alias', 'of the family'],
  ['X_Forwarded_User', 'alias', 'of a managed member of it'],
  ['X_Real-IP', 'alias', 'of X-Real-IP'],
  ['Content_Length', 'alias', 'of framing'],
  ['Transfer.Encoding', 'alias', 'of framing'],
  ['X_Request_Id', 'alias', 'of ours'],
  ['constructor', 'keep', 'no member of Object.prototype is a kind'],
  ['__proto__', 'keep', 'nor this one'],
];

test('every header field is of the kind that its name says, by reading and by remembering', (t) => {
  const fields = sorter();
  for (const round of ['first look', 'remembered']) {
    for (const [name, kind, why] of KINDS) t.is(fields.kindOf(name), kind, `${name}: ${why} (${round})`);
  }
});

test('without managed headers their names are nothing special', (t) => {
  const fields = new FieldSorter([]);
  t.is(fields.kindOf('X-User-Id'), 'keep');
  t.is(fields.kindOf('X_User_Id'), 'keep');
});

test('the order in which names come changes no kind', (t) => {
  const fields = sorter();
  for (const [name, kind] of [...KINDS].reverse()) t.is(fields.kindOf(name), kind, name);
});

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

test('a flood of invented names does not change what a name means, nor fill the memory', (t) => {
  const fields = sorter();
  const tail = Buffer.alloc(8000, 'x').toString('latin1');
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  // Names as a parser makes them: each a string of its own.
  for (let index = 0; index < 20_000; index += 1) fields.kindOf(Buffer.from(`x-${index}-${tail}`).toString('latin1'));
  collectGarbage();
  const grown = process.memoryUsage().heapUsed - before;
  // All of them are 160 MB, and the first 2,000 alone 16.
  t.true(grown < 4_000_000, `${grown} bytes`);
  for (const [name, kind] of KINDS) t.is(fields.kindOf(name), kind, name);
});
