import test from 'ava';
import { ownOrigins } from '../../src/request/client-origin.ts';

interface Case {
  readonly title: string;
  readonly authority?: string;
  readonly encrypted?: boolean;
  readonly trusted?: boolean;
  readonly forwarded?: readonly string[];
  readonly own: readonly string[];
}

const CASES: readonly Case[] = [
  { title: 'the address as it came', own: ['http://api.example.com'] },
  { title: 'TLS', encrypted: true, own: ['https://api.example.com'] },
  { title: 'capitals', authority: 'API.Example.com', own: ['http://api.example.com'] },
  { title: 'the usual port', authority: 'api.example.com:80', own: ['http://api.example.com'] },
  { title: 'the usual port of TLS', authority: 'api:443', encrypted: true, own: ['https://api'] },
  { title: 'another port', authority: 'api:8080', own: ['http://api:8080'] },
  { title: 'IPv6', authority: '[::1]:8080', own: ['http://[::1]:8080'] },
  { title: 'a host that is none', authority: '1.2.3.4.5', own: [] },
  {
    title: 'a stranger',
    forwarded: ['X-Forwarded-Proto', 'https', 'Forwarded', 'proto=https'],
    own: ['http://api.example.com'],
  },
  {
    title: 'a proxy',
    trusted: true,
    forwarded: ['x-forwarded-proto', 'https', 'X-Forwarded-Host', 'Shop:8443'],
    own: ['https://shop:8443'],
  },
  {
    title: 'a chain of proxies',
    trusted: true,
    forwarded: ['X-Forwarded-Proto', 'https, http', 'X-Forwarded-Host', 'shop , api'],
    own: ['https://shop'],
  },
  {
    title: 'a port beside a host without one',
    trusted: true,
    forwarded: ['X-Forwarded-Port', '8443'],
    own: ['http://api.example.com', 'http://api.example.com:8443'],
  },
  {
    title: 'a port beside a host with one',
    authority: 'api:81',
    trusted: true,
    forwarded: ['X-Forwarded-Port', '8443'],
    own: ['http://api:81'],
  },
  {
    title: 'nonsense',
    trusted: true,
    forwarded: ['X-Forwarded-Proto', 'ftp', 'X-Forwarded-Host', 'a b', 'X-Forwarded-Port', '-1'],
    own: ['http://api.example.com'],
  },
  {
    title: 'Forwarded',
    trusted: true,
    forwarded: ['Forwarded', 'for="[2001:db8::1]:1"; Proto=HTTPS ;host="shop:8443", proto=http'],
    own: ['https://shop:8443'],
  },
  {
    title: 'Forwarded beside X-Forwarded',
    trusted: true,
    forwarded: ['X-Forwarded-Host', 'shop', 'Forwarded', 'host=other;proto=https'],
    own: ['https://shop'],
  },
  {
    title: 'Forwarded without sense',
    trusted: true,
    forwarded: ['Forwarded', '";=,host'],
    own: ['http://api.example.com'],
  },
];

for (const { title, authority = 'api.example.com', encrypted = false, trusted = false, forwarded = [], own } of CASES) {
  test(`the origins of own pages are known: ${title}`, (t) => {
    t.deepEqual(ownOrigins({ authority, head: { forwarded: [...forwarded] }, peer: { encrypted, trusted } }), own);
  });
}
