import type { Assembly } from '../assembly.ts';
import { Peers } from './peers.ts';

/** One configuration at work, and how many requests still wait for what it finds out about them. */
export class World {
  readonly assembly: Assembly;
  readonly peers: Peers;
  #waiting = 0;
  #whenLeft: (() => void) | undefined;

  constructor(assembly: Assembly) {
    this.assembly = assembly;
    this.peers = new Peers(assembly.config.listen.trustedProxies);
  }

  /** A request waits for a decision. One that is decided at once need not say so: nothing changes meanwhile. */
  enter(): void {
    this.#waiting += 1;
  }

  /** It has been decided and handed on: an upstream counts it from then on. */
  leave(): void {
    this.#waiting -= 1;
    if (this.#waiting === 0) this.#whenLeft?.();
  }

  /** No request comes here any more. Calls back when the last one that waits has left. */
  retire(whenLeft: () => void): void {
    if (this.#waiting === 0) whenLeft();
    else this.#whenLeft = whenLeft;
  }
}
