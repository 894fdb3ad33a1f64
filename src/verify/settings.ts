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
  /** The secret that a legacy issuer shares, in place of published keys. */
  readonly secret?: string;
  readonly algorithms: readonly Algorithm[];
  readonly tokenType: 'access' | 'any';
  readonly clockTolerance: number;
  readonly maxTokenAge: number | undefined;
  readonly requiredClaims: readonly string[];
}

/** An issuer whose tokens are opaque: it is asked about each of them (RFC 7662). Durations are milliseconds. */
export interface OpaqueIssuerSettings {
  readonly name: string;
  /** Must equal the answer's `iss`, where it has one. */
  readonly issuer: string;
  readonly audience: readonly string[];
  readonly clockTolerance: number;
  readonly maxTokenAge: number | undefined;
  readonly requiredClaims: readonly string[];
  readonly introspection: IntrospectionSettings;
}

export type AnyIssuerSettings = IssuerSettings | OpaqueIssuerSettings;

/** How an issuer is asked about a token. */
export interface IntrospectionSettings {
  readonly url: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly auth: 'basic' | 'post';
  readonly allowHttp: boolean;
  /** How long an answer is used. 0: not at all. */
  readonly cacheFor: number;
  readonly timeout: number;
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
  /** Folder for the last good keys; undefined keeps none. */
  readonly snapshot: string | undefined;
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
