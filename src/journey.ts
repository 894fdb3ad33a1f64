import type { Assembly, GatewayRoute } from './assembly.ts';
import type { Permit } from './authorise/permit.ts';
import type { Fault } from './errors/fault.ts';
import type { Refused } from './errors/problem.ts';
import type { RequestFacts } from './forward/headers.ts';
import type { Holdings } from './forward/share.ts';
import { OWN_NAME, type RequestHead } from './request/head.ts';
import { type Trace, traceOf } from './request/trace.ts';
import { hostName } from './route/host.ts';
import type { Target } from './route/target.ts';

/** Who is at the other end of the connection. */
export interface Peer {
  readonly address: string;
  readonly encrypted: boolean;
  /** Whether it is one of `listen.trustedProxies`. */
  readonly trusted: boolean;
  /** Of the certificate that the client has shown, where it had to (RFC 4514). */
  readonly subject?: string | undefined;
  /** Of a trusted proxy: the address of the client that it speaks for, by its X-Forwarded-For or Forwarded. */
  readonly clientOf?: (forwarded: readonly string[]) => string;
  /** What its connection holds of upstreams. Not counted for a trusted proxy, whose connection carries many users. */
  readonly holdings?: Holdings | undefined;
}

/** One request and what became known of it on its way: the record that its log line and metrics are written from. */
export class Journey {
  readonly id: string;
  readonly peer: Peer;
  /** What it met when it came. It is decided, answered and refused by that, whatever has changed since. */
  readonly assembly: Assembly;
  /** Undefined when the head could not be read. */
  readonly head: RequestHead | undefined;
  /** Milliseconds by the monotonic clock. */
  readonly startedAt: number;
  /** Its ids stand in the log line; whatever exports spans one day begins here. */
  readonly trace: Trace;
  target: Target | undefined;
  /** The host that the client addressed, port included. */
  authority = '';
  route: GatewayRoute | undefined;
  permit: Permit | undefined;
  /** Address of the upstream's target that it went to last. */
  servedBy: string | undefined;
  /** From when it was sent on until the headers of the answer were there, or the failure. */
  upstreamMs: number | undefined;
  fault: Fault | undefined;
  /** Whether its closing line is written. */
  closed = false;
  /** Why an upgraded connection or an event stream ended, where that has to be told. */
  ended: string | undefined;
  /** Set when the upstream broke off in the middle of its answer. */
  broken: Error | undefined;

  constructor(id: string, peer: Peer, head: RequestHead | undefined, assembly: Assembly) {
    this.id = id;
    this.peer = peer;
    this.head = head;
    this.assembly = assembly;
    this.trace = traceOf(head);
    this.startedAt = performance.now();
  }

  /** What forwarding needs of it, under a permit. */
  factsFor(head: RequestHead, permit: Permit): RequestFacts {
    const { id: requestId, trace, authority, peer } = this;
    return { head, permit, requestId, trace, authority, peer };
  }

  /** What a refusal needs of it. */
  refusedWith(fault: Fault): Refused {
    const { id: requestId, route, authority } = this;
    return {
      fault,
      requestId,
      issuers: route?.issuerNames ?? [],
      host: hostName(authority) || OWN_NAME,
      prefix: route?.prefix ?? '',
    };
  }

  /** Whether a body follows the head; taken for granted where the head could not be read. */
  get hasBody(): boolean {
    return this.head?.hasBody ?? true;
  }
}
