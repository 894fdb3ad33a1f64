import type { Code } from '../errors/catalogue.ts';

/** What the gateway would do with a request, step by step. JSON as it stands; never a whole token or a secret in it. */
export interface Explanation {
  /** `answered`: by the gateway itself, as its own pages and preflights are. */
  readonly decision: 'forwarded' | 'refused' | 'answered';
  /** Of the answer that the gateway itself would give. */
  readonly status?: number;
  readonly code?: Code;
  /** One sentence each. */
  readonly cause: string;
  readonly fix?: string;
  readonly request: { readonly method: string; readonly host: string; readonly path: string };
  readonly steps: readonly Step[];
  readonly route?: ExplainedRoute;
  readonly token?: ExplainedToken;
  readonly upstream?: ExplainedUpstream;
}

/** One check, in the order in which the gateway makes them. */
export interface Step {
  readonly name: string;
  readonly result: 'pass' | 'fail' | 'not reached';
  readonly detail?: string;
}

export interface ExplainedRoute {
  readonly id: string;
  readonly upstream: string;
  /** The routes that match as well, or but for their method, and why they do not take it. */
  readonly others: readonly { readonly id: string; readonly lost: string }[];
}

export interface ExplainedToken {
  /** Where it was found. */
  readonly place: string;
  /** Its beginning and its length. */
  readonly shown: string;
  /** Whether what it says is proved. */
  readonly verified: boolean;
  readonly header?: unknown;
  readonly claims?: unknown;
}

export interface ExplainedUpstream {
  readonly name: string;
  readonly method: string;
  readonly url: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
}
