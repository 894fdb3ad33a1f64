import test from 'ava';
import { hostName } from '../../src/route/host.ts';

const NAMES: Readonly<Record<string, string>> = {
  'api.example.com': 'api.example.com',
  'API.Example.COM': 'api.example.com',
  'api.example.com:8080': 'api.example.com',
  'api.example.com.': 'api.example.com',
  'API.EXAMPLE.COM.:443': 'api.example.com',
  'api.example.com..': 'api.example.com.',
  localhost: 'localhost',
  '127.0.0.1:80': '127.0.0.1',
  '[::1]': '[::1]',
  '[::1]:8080': '[::1]',
  '[2001:DB8::1]': '[2001:db8::1]',
};

test('a host is compared in lower case, without its port and without one trailing dot', (t) => {
  for (const [authority, name] of Object.entries(NAMES)) t.is(hostName(authority), name, authority);
});
