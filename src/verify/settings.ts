import type { Algorithm } from './algorithms.ts';

/** One issuer as the config describes it. Durations are milliseconds. */
export interface IssuerSettings {
  /** Its name in the config. */
  readonly name: string;
  /** Must equal `iss`, exactly (RFC 9068 §4). */
  readonly issuer: string;
  /** `aud` must hold one of these. */
  readonly audience: readonly string[];
  readonly keys: KeySettings;
  readonly algorithms: readonly Algorithm[];
  readonly tokenType: 'access' | 'any';
  readonly clockTolerance: number;
  readonly maxTokenAge: number | undefined;
  readonly requiredClaims: readonly string[];
}

/** Where an issuer's public keys come from, and how long they are good. */
export interface KeySettings {
  readonly source: KeySource;
  readonly allowHttp: boolean;
  /** Age at which keys are fetched again in the background. */
  readonly refresh: number;
  /** At most one fetch for an unknown `kid` within this time. */
  readonly cooldown: number;
  /** Keys older than this are not used. */
  readonly maxStale: number;
  readonly timeout: number;
}

export type KeySource =
  | { readonly kind: 'discovery' }
  | { readonly kind: 'url'; readonly url: string }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'inline'; readonly keys: readonly Record<string, unknown>[] };

/** How verified and refused tokens are remembered. */
export interface TokenCacheSettings {
  readonly maxEntries: number;
  readonly maxAge: number;
  /** 0: refusals are not remembered. */
  readonly rejectedFor: number;
}
