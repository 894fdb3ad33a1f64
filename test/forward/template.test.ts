import test from 'ava';
import fc from 'fast-check';
import { readTemplate } from '../../src/config/template.ts';
import { compileTemplate, headerSafe } from '../../src/forward/template.ts';
import { permitFor, routeOf } from './facts.ts';

const SAFE: readonly (readonly [text: string, header: string])[] = [
  ['user-1', 'user-1'],
  ['', ''],
  ['a b', 'a b'],
  ['100%', '100%'],
  ['a,b', 'a,b'],
  ['a\r\nX-Admin: 1', 'a%0D%0AX-Admin: 1'],
  ['a\nb', 'a%0Ab'],
  ['a\rb', 'a%0Db'],
  ['a\tb', 'a%09b'],
  ['a\x00b', 'a%00b'],
  ['a\x7fb', 'a%7Fb'],
  ['a\x85b', 'a%C2%85b'],
  ['\u6f22\u5b57', '%E6%BC%A2%E5%AD%97'],
  ['\u00e9', '%C3%A9'],
  ['\u{1f600}', '%F0%9F%98%80'],
  ['\ud83d', '%EF%BF%BD'],
  ['a\ude00b', 'a%EF%BF%BDb'],
  ['\u2028', '%E2%80%A8'],
  ['\u560d\u560a', '%E5%98%8D%E5%98%8A'], // their low bytes are CR and LF
  ['\ufdd0', '%EF%B7%90'],
  [' a', '%20a'],
  ['a ', 'a%20'],
  ['  a b  ', '%20%20a b%20%20'],
  [' ', '%20'],
  ['100% \u00e9', '100%25 %C3%A9'],
  ['%41\n', '%2541%0A'],
];

test('a text stands in a header as it is, or percent-encoded as UTF-8 where it has to be', (t) => {
  for (const [text, header] of SAFE) t.is(headerSafe(text), header, JSON.stringify(text));
});

test('no text makes more than one printable line, and what was encoded decodes to the text', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 20 }), (text) => {
      const header = headerSafe(text);
      if (!/^(?:[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)?$/.test(header)) throw new Error(JSON.stringify(header));
      return header === text || decodeURIComponent(header) === text.toWellFormed();
    }),
    { numRuns: 5000 },
  );
  t.pass();
});

const CLAIMS = {
  sub: 'user-1',
  name: '\u00e9',
  groups: ['users', 'a,b', ' c ', '\u6f22', 7, true, null, { x: 1 }],
  empty: [],
  blank: '',
  zero: 0,
  yes: true,
  no: false,
  nothing: null,
  price: 1.5,
  both: 'users,admin',
  dn: 'CN=a,O=b%2Cc',
  realm_access: { roles: ['admin'] },
  'https://example.com/tenant': 'acme',
  evil: 'x\r\nX-Admin: 1',
};

const RENDERED: readonly (readonly [template: string, value: string | undefined])[] = [
  ['fixed', 'fixed'],
  ['{claims.sub}', 'user-1'],
  ['{claims.name}', '%C3%A9'],
  ['{claims.evil}', 'x%0D%0AX-Admin: 1'],
  ['{claims.groups}', 'users,a%2Cb,%20c%20,%E6%BC%A2,7,true,null,{"x":1}'],
  ['{claims.empty}', ''],
  ['{claims.blank}', ''],
  ['{claims.zero}', '0'],
  ['{claims.yes}', 'true'],
  ['{claims.no}', 'false'],
  ['{claims.price}', '1.5'],
  ['{claims.both}', 'users%2Cadmin'],
  ['{claims.dn}', 'CN=a%2CO=b%252Cc'],
  ['{claims.sub},{claims.both}', 'user-1,users%2Cadmin'],
  ['{claims.nothing}', undefined],
  ['{claims.absent}', undefined],
  ['{claims.sub.deeper}', undefined],
  ['{claims.constructor}', undefined],
  ['{claims.__proto__}', undefined],
  ['{claims.realm_access.roles}', 'admin'],
  ['{claims.realm_access}', '{"roles":["admin"]}'],
  ['{claims.https://example.com/tenant}', 'acme'],
  ['{params.id}', 'a%2Fb'],
  ['{params.list}', 'a%2Cb'],
  ['{params.absent}', undefined],
  ['{params.constructor}', undefined],
  ['{params.__proto__}', undefined],
  ['{request.id}', '01X'],
  ['{request.host}', 'api.example.com:8080'],
  ['{issuer}', 'https://login.example.com'],
  ['{client.subject}', 'CN=J%C3%BCrgen%2CO=a\\%2C b'],
  ['user={claims.sub}; id={params.id}', 'user=user-1; id=a%2Fb'],
  ['user={claims.sub}; mail={claims.absent}', undefined],
];

test('a template gives the value of what it speaks of, and nothing when that is absent', (t) => {
  const permit = permitFor(routeOf(), CLAIMS, { id: 'a%2Fb', list: 'a,b' });
  for (const [source, value] of RENDERED) {
    const template = readTemplate(source);
    if ('flaw' in template) t.fail(`${source}: ${template.flaw}`);
    else
      t.is(
        compileTemplate(template)({
          permit,
          requestId: '01X',
          host: 'api.example.com:8080',
          subject: 'CN=Jürgen,O=a\\, b',
        }),
        value,
        source,
      );
  }
});

test('on a public route there is no token for a template to speak of', (t) => {
  const permit = permitFor(routeOf({ auth: 'public' }));
  for (const source of ['{claims.sub}', '{issuer}', 'x{issuer}']) {
    const template = readTemplate(source);
    if ('flaw' in template) t.fail(template.flaw);
    else
      t.is(compileTemplate(template)({ permit, requestId: '01X', host: 'h', subject: undefined }), undefined, source);
  }
});
