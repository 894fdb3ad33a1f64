import test from 'ava';
import { isLoopback, unmapped } from '../../src/request/address.ts';

for (const [address, expected] of [
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['192.0.2.1', '192.0.2.1'],
  ['2001:db8::1', '2001:db8::1'],
  ['::ffff:c000:201', '::ffff:c000:201'],
  ['::ffff:', '::ffff:'],
  ['', ''],
] as const) {
  test(`"${address}" without an IPv4 mapping is "${expected}"`, (t) => t.is(unmapped(address), expected));
}

for (const host of ['localhost', '127.0.0.1', '127.255.0.3', '::1', '[::1]']) {
  test(`${host} is this machine`, (t) => t.true(isLoopback(host)));
}

for (const host of [
  '',
  '127.0.0.1.example.com',
  '127.1',
  '128.0.0.1',
  'localhost.example.com',
  '0.0.0.0',
  '::',
  '[::2]',
]) {
  test(`"${host}" is not certainly this machine`, (t) => t.false(isLoopback(host)));
}
