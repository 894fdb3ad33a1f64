import type { UpstreamSettings } from '../config/config.ts';
import type { Target } from './target.ts';

/** What choosing goes by, beside the targets themselves. */
export interface Choice {
  readonly balance: UpstreamSettings['balance'];
  /** The index that is looked at first: it moves on with each choice, so that equals take turns. */
  readonly turn: number;
  /** Targets that have just failed this request. */
  readonly avoid: readonly Target[];
  /** Whether it needs one of the pool's connections. */
  readonly pooled: boolean;
}

/**
 * The target for a request; undefined while all that are well are busy. One whose time of being left out is over is tried
 * first: nothing else would find out. When none is well, the likeliest one is better than none.
 */
export function chooseTarget(targets: readonly Target[], { balance, turn, avoid, pooled }: Choice): Target | undefined {
  let best: Target | undefined;
  let likeliest: Target | undefined;
  let anyWell = false;
  for (let step = 0; step < targets.length; step++) {
    const target = targets[(turn + step) % targets.length] as Target;
    const { isWell } = target;
    anyWell ||= isWell;
    if ((pooled && !target.hasRoom) || avoid.includes(target)) continue;
    if (target.isDue) return target;
    if (isWell) {
      if (best === undefined || (balance === 'least-busy' && target.load < best.load)) best = target;
    } else if (likeliest === undefined || target.isLikelierThan(likeliest)) {
      likeliest = target;
    }
  }
  return best ?? (anyWell ? undefined : likeliest);
}
