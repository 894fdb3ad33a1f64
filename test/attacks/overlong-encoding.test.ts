import test from 'ava';
import { codeOf, requestBytes, startBehind } from '../support/gateway.ts';

// %C0%AE is a dot to a decoder that does not refuse overlong UTF-8; %00 ends the path for C programs; a raw control or
// byte above 0x7F is whatever the next server makes of it. node refuses raw ones in part, and encoded ones not at all.

const ENCODED = [
  '/public/%c0%ae%c0%ae/admin',
  '/public/%C0%AFadmin',
  '/public/%e0%80%ae/x',
  '/public/%f0%80%80%ae/x',
  '/public/%ed%a0%80',
  '/public/%f5%80%80%80',
  '/public/%ff',
  '/public/%80',
  '/public/%c3',
  '/public/a%00',
  '/admin%00/public',
  '/public/%0d%0aX-User-Id:%20root',
  '/public/%0a',
  '/public/%09',
  '/public/%1b',
  '/public/%7f',
];
const RAW = [
  '/public/\x00',
  '/public/\x01',
  '/public/\x7f',
  '/public/\xc3\xa9',
  '/public/\xff',
  '/public/\x0b',
  '/public/a\x1f?b',
  '/public/a?\x01',
  '/public/a?\xe9',
];

test('controls, NUL and what is not UTF-8 are refused, raw and encoded', async (t) => {
  const { gateway, upstream } = await startBehind(t, {
    routes: [{ id: 'all', match: { path: '/**' }, auth: 'public' }],
  });
  for (const target of ENCODED) t.is(codeOf(await gateway.ask(requestBytes({ target }))), 'route.target', target);
  for (const target of RAW) t.is((await gateway.ask(requestBytes({ target }))).status, 400, JSON.stringify(target));
  t.is(upstream.connections.length, 0);

  t.is((await gateway.ask(requestBytes({ target: '/public/%c3%a9/%e6%bc%a2/%f0%9f%98%80?x=%00' }))).status, 200);
  t.is(upstream.requests[0]?.target, '/public/%C3%A9/%E6%BC%A2/%F0%9F%98%80?x=%00');
});
