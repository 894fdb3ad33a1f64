import type { Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import test from 'ava';
import { Peers } from '../../src/server/peers.ts';
import { requestBytes, startBehind } from '../support/gateway.ts';

const TRUST: readonly (readonly [networks: readonly string[], address: string, trusted: boolean, shown?: string])[] = [
  [[], '127.0.0.1', false],
  [['10.0.0.0/8'], '10.1.2.3', true],
  [['10.0.0.0/8'], '::ffff:10.1.2.3', true, '10.1.2.3'],
  [['10.0.0.0/8'], '::ffff:11.1.2.3', false, '11.1.2.3'],
  [['10.0.0.0/8'], '11.1.2.3', false],
  [['10.0.0.1'], '::ffff:10.0.0.1', true, '10.0.0.1'],
  [['10.0.0.1'], '::ffff:10.0.0.2', false, '10.0.0.2'],
  [['::ffff:10.0.0.0/104'], '10.1.2.3', true],
  [['::ffff:10.0.0.0/104'], '::ffff:10.1.2.3', true, '10.1.2.3'],
  [['::ffff:10.0.0.0/104'], '11.1.2.3', false],
  [['fd00::/8'], 'fd12::1', true],
  [['fd00::/8'], '10.1.2.3', false],
  [['fd00::/8'], 'fe80::1', false],
  [['::1'], '::1', true],
  [['::1'], '127.0.0.1', false],
];

for (const [networks, address, trusted, shown = address] of TRUST) {
  test(`${address} is ${trusted ? '' : 'not '}one of ${networks.join() || 'nobody'}`, (t) => {
    const peer = new Peers(networks).of({ remoteAddress: address } as Socket);
    t.is(peer.trusted, trusted);
    t.is(peer.address, shown);
  });
}

const HAS_IPV6 = Object.values(networkInterfaces()).some((all) => all?.some(({ family }) => family === 'IPv6'));

(HAS_IPV6 ? test : test.skip)(
  `a client of a listener for both families is known by its IPv4 address${HAS_IPV6 ? '' : ' (skipped: this machine has no IPv6)'}`,
  async (t) => {
    for (const [trustedProxies, chain] of [
      [['127.0.0.0/8'], '203.0.113.1, 127.0.0.1'],
      [['10.0.0.0/8'], '127.0.0.1'],
    ] as const) {
      const { gateway, upstream } = await startBehind(t, { listen: { host: '::', trustedProxies } });
      const headers = [gateway.bearer(), ['X-Forwarded-For', '203.0.113.1']] as const;
      t.is((await gateway.ask(requestBytes({ headers }))).status, 200);
      t.deepEqual(upstream.requests[0]?.values('x-forwarded-for'), [chain]);
    }
  },
);
