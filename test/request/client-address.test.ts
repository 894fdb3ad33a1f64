import test from 'ava';
import fc from 'fast-check';
import { clientAddress, readAddress } from '../../src/request/client-address.ts';
import { requestBytes, startBehind } from '../support/gateway.ts';
import type { WireHeader } from '../support/http-bytes.ts';
import { until } from '../support/until.ts';

const ADDRESSES: readonly (readonly [text: string, address: string | undefined])[] = [
  ['203.0.113.7', '203.0.113.7'],
  [' 203.0.113.7\t', '203.0.113.7'],
  ['203.0.113.7:5678', '203.0.113.7'],
  ['203.0.113.7:', '203.0.113.7'],
  ['"203.0.113.7:5678"', '203.0.113.7'],
  ['2001:DB8::1', '2001:db8::1'],
  ['[2001:db8::1]', '2001:db8::1'],
  ['[2001:db8::1]:443', '2001:db8::1'],
  ['"[2001:db8::1]:_port"', '2001:db8::1'],
  ['::1', '::1'],
  ['::ffff:203.0.113.7', '203.0.113.7'],
  ['[::ffff:203.0.113.7]:80', '203.0.113.7'],
  ['unknown', undefined],
  ['_hidden', undefined],
  ['', undefined],
  ['"', undefined],
  [':80', undefined],
  ['[', undefined],
  ['[]', undefined],
  ['203.0.113.777', undefined],
  ['fe80::1%eth0', undefined],
  ['api.example.com', undefined],
  ['1.2.3.4"}', undefined],
];

test('an address is read with a port, in brackets, in quotes', (t) => {
  for (const [text, address] of ADDRESSES) t.is(readAddress(text), address, text);
});

const PROXIES = new Set(['10.0.0.1', '10.0.0.2', '::1']);
const CHAINS: readonly (readonly [client: string, ...forwarded: string[]])[] = [
  ['10.0.0.1'],
  ['203.0.113.7', 'X-Forwarded-For', '203.0.113.7'],
  ['203.0.113.7', 'x-forwarded-for', '203.0.113.7:5678'],
  ['203.0.113.7', 'X-Forwarded-For', 'evil, 198.51.100.1, 203.0.113.7 , 10.0.0.2'],
  ['203.0.113.7', 'X-Forwarded-For', '198.51.100.1', 'X-Forwarded-For', '203.0.113.7:1, [::1]:2'],
  ['10.0.0.2', 'X-Forwarded-For', '203.0.113.7, unknown, 10.0.0.2'],
  ['10.0.0.1', 'X-Forwarded-For', '203.0.113.7,'],
  ['10.0.0.2', 'X-Forwarded-For', '10.0.0.2'],
  ['2001:db8::1', 'Forwarded', 'for=192.0.2.1, For="[2001:db8::1]:4711";proto=https;by=10.0.0.1'],
  ['203.0.113.7', 'Forwarded', 'host="a,b;for=192.0.2.1\\"" ; for=203.0.113.7'],
  ['10.0.0.1', 'Forwarded', 'proto=https'],
  ['203.0.113.7', 'Forwarded', 'for=192.0.2.1', 'X-Forwarded-For', '203.0.113.7', 'X-Forwarded-Host', 'x'],
  ['10.0.0.2', 'X-Forwarded-For', `203.0.113.7${', 10.0.0.2'.repeat(1000)}`],
];

test('the client is the last one in the chain that is no trusted proxy', (t) => {
  for (const [client, ...forwarded] of CHAINS) {
    const found = clientAddress('10.0.0.1', forwarded, (address) => PROXIES.has(address));
    t.is(found, client, forwarded.join(' '));
  }
});

test('whatever stands in the chain, what comes of it needs no escape in a log line', (t) => {
  const piece = fc.constantFrom('"', '\\', ',', ';', 'for=', '1.2.3.4', '::1', '[', ']', ':', '%', '\x7f', 'é', '}');
  fc.assert(
    fc.property(fc.array(piece), fc.constantFrom('X-Forwarded-For', 'Forwarded'), (pieces, name) => {
      t.regex(
        clientAddress('10.0.0.1', [name, pieces.join('')], () => false),
        /^[0-9a-f.:]+$/,
      );
    }),
  );
});

test('the log names the client behind a trusted proxy, and nobody else has a say in it', async (t) => {
  const chain: readonly WireHeader[] = [['X-Forwarded-For', '198.51.100.1, 203.0.113.7:5678']];
  for (const [trustedProxies, client] of [
    [['127.0.0.1'], '203.0.113.7'],
    [[], '127.0.0.1'],
  ] as const) {
    const { gateway, upstream } = await startBehind(t, { listen: { trustedProxies } });
    await gateway.ask(requestBytes({ headers: [gateway.bearer(), ...chain] }));
    await until(() => gateway.lines.some(({ msg }) => msg === 'served'), 'the line of the request');
    t.is(gateway.lines.find(({ msg }) => msg === 'served')?.client, client);
    const seen = upstream.requests[0]?.values('x-forwarded-for')[0];
    t.is(seen, client === '127.0.0.1' ? '127.0.0.1' : `${chain[0]?.[1]}, 127.0.0.1`);
  }
});
