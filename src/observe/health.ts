import type { Assembly } from '../assembly.ts';

/** Whether requests should be sent here, and what stands against it. */
export interface Readiness {
  readonly ready: boolean;
  readonly draining: boolean;
  /** For each issuer whether its keys are usable, and the last error if there is one. */
  readonly issuers: Readonly<
    Record<string, { readonly usable: boolean; readonly ageSeconds?: number; readonly error?: string }>
  >;
}

/** Ready: the config is loaded, the keys of every issuer can be used, and nobody is shutting us down. */
export function readiness(world: Assembly, draining: boolean, now: number): Readiness {
  const issuers: Record<string, { usable: boolean; ageSeconds?: number; error?: string }> = {};
  for (const [name, keys] of world.keyRings) {
    const { usable, age, error } = keys.status(now);
    issuers[name] = {
      usable,
      ...(age === undefined ? {} : { ageSeconds: Math.round(age / 1000) }),
      ...(error === undefined ? {} : { error }),
    };
  }
  return { ready: !draining && Object.values(issuers).every(({ usable }) => usable), draining, issuers };
}
