import type { Assembly } from '../assembly.ts';

/** A configuration that was not taken. The one before is in force: that is no reason to send requests elsewhere. */
export interface RefusedConfiguration {
  /** RFC 3339. */
  readonly at: string;
  /** The first thing that is wrong with it, with its position. */
  readonly problem: string;
}

export interface WorkerCount {
  readonly serving: number;
  readonly wanted: number;
}

/** Whether requests should be sent here, and what stands against it. */
export interface Readiness {
  readonly ready: boolean;
  readonly draining: boolean;
  /** For each issuer whether its keys are usable, and the last error if there is one. */
  readonly issuers: Readonly<
    Record<string, { readonly usable: boolean; readonly ageSeconds?: number; readonly error?: string }>
  >;
  /** Where requests are carried by several processes: how many of them take some, and how many there should be. */
  readonly workers?: WorkerCount;
  /** Limits of the configuration that were reached within the last minute: it is ready, and refuses some all the same. */
  readonly limitsReached?: readonly string[];
  /** The last change of the configuration, where it could not be made. */
  readonly refusedConfiguration?: RefusedConfiguration;
}

/** Ready: the config is loaded, the keys of every issuer can be used, and nobody is shutting us down. */
export function readiness(
  world: Assembly,
  draining: boolean,
  now: number,
  refused: RefusedConfiguration | undefined,
  workers?: WorkerCount,
  limits: readonly string[] = [],
): Readiness {
  const issuers: Record<string, { usable: boolean; ageSeconds?: number; error?: string }> = {};
  for (const [name, keys] of world.keyRings) {
    const { usable, age, error } = keys.status(now);
    issuers[name] = {
      usable,
      ...(age === undefined ? {} : { ageSeconds: Math.round(age / 1000) }),
      ...(error === undefined ? {} : { error }),
    };
  }
  const ready = !draining && workers?.serving !== 0 && Object.values(issuers).every(({ usable }) => usable);
  return {
    ...{ ready, draining, issuers },
    ...(workers && { workers }),
    ...(limits.length > 0 && { limitsReached: limits }),
    ...(refused && { refusedConfiguration: refused }),
  };
}
