import test from 'ava';
import { forwardedElements } from '../../src/request/forwarded.ts';

for (const [field, expected] of [
  [
    'for=192.0.2.1;proto=https;host="api.example.com:8443"',
    [{ for: '192.0.2.1', proto: 'https', host: 'api.example.com:8443' }],
  ],
  ['For = 192.0.2.1 ; PROTO=http', [{ for: '192.0.2.1', proto: 'http' }]],
  ['for=a, for="b,c;host=d"', [{ for: 'a' }, { for: 'b,c;host=d' }]],
  ['for="a\\";host=b"', [{ for: 'a\\";host=b' }]],
  ['for=a;for=b', [{ for: 'a' }]],
  ['for="a;host=b', [{ for: '"a;host=b' }]],
  ['secret, by', [{}, {}]],
  ['', [{}]],
] as const) {
  test(`Forwarded: ${field}`, (t) =>
    t.deepEqual(
      forwardedElements(field).map((element) => Object.fromEntries(element)),
      expected.map((parameters) => ({ ...parameters })),
    ));
}
