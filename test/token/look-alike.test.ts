import test from 'ava';
import { hasLookAlikeCookie, hasLookAlikeParameter } from '../../src/token/look-alike.ts';

const COOKIES = [
  'access_token =x',
  'access_token\t=x',
  'access_token\u00a0=x',
  'access_token\u00c2\u00a0=x',
  '\u00a0access_token=x',
  'Access_Token=x',
  'ACCESS_TOKEN=x',
  'access.token=x',
  'access-token=x',
  'access token=x',
  'access[token=x',
  'access_token[]=x',
  'access_token[a]=x',
  'access%5ftoken=x',
  'access%2Etoken=x',
  'access+token=x',
  'access_token%00a=x',
  '=access_token=x',
  'a=1, access_token=x',
  'a=1,access_token=x',
  'a=1 access_token=x',
  'a=1\taccess_token = x',
  'a=1\u00a0Access.Token=x',
  'b=2; Access_Token=x; c=3',
];

for (const cookie of COOKIES) {
  test(`a server may take it for the cookie access_token: ${encodeURIComponent(cookie)}`, (t) => {
    t.true(hasLookAlikeCookie([cookie], 'access_token'));
    t.true(hasLookAlikeCookie(['a=1', `access_token=y; ${cookie}`], 'access_token'));
  });
}

const OTHER_COOKIES = [
  '',
  'access_token=x',
  'access_token="x"',
  'access_token',
  'accesstoken=x',
  'access_tokens=x',
  'access_token2=x',
  'my_access_token=x',
  'access__token=x',
  'a=access_token',
  'a=access_token; b==access_token',
  'a={"access_token":1}',
  '=',
  'a=b c',
  '%=%',
];

for (const cookie of OTHER_COOKIES) {
  test(`it is no variant of the cookie access_token: ${encodeURIComponent(cookie)}`, (t) => {
    t.false(hasLookAlikeCookie([cookie], 'access_token'));
  });
}

const QUERIES = [
  'access.token=x',
  'access%2Etoken=x',
  'access_token[]=x',
  'access_token[0]=x',
  'access_token%5B%5D=x',
  'access_token%00x=x',
  'Access_Token=x',
  '+access_token=x',
  '%20access_token=x',
  '%C2%A0access_token=x',
  'access+token=x',
  'access%20token=x',
  'access_token+=x',
  'access[token=x',
  'Access.Token',
  'a=1;access_token=x',
  'a=1;b=2;+access%5ftoken=x',
];

for (const query of QUERIES) {
  test(`a server may take it for the parameter access_token: ${query}`, (t) => {
    t.true(hasLookAlikeParameter(`?${query}`, 'access_token'));
    t.true(hasLookAlikeParameter(`access_token=y&${query}`, 'access_token'));
  });
}

const OTHER_QUERIES = [
  '',
  'access_token=x',
  'access%5ftoken=x',
  'access_token',
  'accesstoken=x',
  'access_token_type=x',
  'a[access_token]=x',
  'a=access.token',
  'q=a;b',
  '&&',
  '%',
];

for (const query of OTHER_QUERIES) {
  test(`it is no variant of the parameter access_token: ${query}`, (t) => {
    t.false(hasLookAlikeParameter(`?${query}`, 'access_token'));
  });
}

test('64 KiB of anything are read in a moment', (t) => {
  const size = 64 * 1024;
  const before = process.cpuUsage();
  for (const piece of [
    ' ',
    '\t',
    ',',
    ', ',
    '=',
    ';',
    'a=b;',
    'access_token ',
    'access_token\u00a0',
    '%',
    '%5',
    '[',
    '\0',
    'access_token%20',
  ]) {
    const text = piece.repeat(Math.ceil(size / piece.length));
    hasLookAlikeCookie([text, `a=${text}`], 'access_token');
    hasLookAlikeParameter(`?${text}`, 'access_token');
    hasLookAlikeParameter(`?a=1;${text}`, 'access_token');
  }
  const { user } = process.cpuUsage(before);
  // A few hundred milliseconds where the machine is slow; what is quadratic takes minutes.
  t.true(user < 10_000_000, `${user} µs`);
});
