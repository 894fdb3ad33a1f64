import { isIPv4, type Socket } from 'node:net';
import { networks } from '../config/fields.ts';
import { Holdings } from '../forward/share.ts';
import type { Peer } from '../journey.ts';
import { unmapped } from '../request/address.ts';
import { clientAddress } from '../request/client-address.ts';
import { Http2Lane } from './http2/lane.ts';
import { subjectOf } from './tls.ts';

/** Knows the client of each connection, and whether it is a trusted proxy. */
export class Peers {
  readonly #trusted: ReturnType<typeof networks>;
  readonly #known = new WeakMap<Socket, Peer>();

  /** `trustedProxies`: addresses and CIDRs. */
  constructor(trustedProxies: readonly string[]) {
    this.#trusted = networks(trustedProxies);
  }

  readonly #trusts = (address: string): boolean => this.#trusted.check(address, isIPv4(address) ? 'ipv4' : 'ipv6');

  /** Looked up once for each connection. */
  of(socket: Socket): Peer {
    const known = this.#known.get(socket);
    if (known) return known;
    if (socket instanceof Http2Lane) return this.of(socket.connection);
    const address = unmapped(socket.remoteAddress ?? '');
    const trusted = address !== '' && this.#trusts(address);
    const encrypted = 'encrypted' in socket;
    const peer: Peer = {
      address,
      encrypted,
      trusted,
      subject: encrypted ? subjectOf(socket) : undefined,
      holdings: trusted ? undefined : holdingsOf(socket),
      ...(trusted && { clientOf: (forwarded) => clientAddress(address, forwarded, this.#trusts) }),
    };
    this.#known.set(socket, peer);
    return peer;
  }
}

/** Kept across configurations, so that a reload does not give a client a second share. */
const held = new WeakMap<Socket, Holdings>();

function holdingsOf(socket: Socket): Holdings {
  let holdings = held.get(socket);
  if (holdings === undefined) {
    holdings = new Holdings();
    held.set(socket, holdings);
  }
  return holdings;
}
