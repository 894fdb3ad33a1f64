import type { Code } from './catalogue.ts';

/** The one reason why a request goes no further: a row of the catalogue and what is particular to this case. */
export interface Fault {
  readonly code: Code;
  /** One or two sentences for the client. Holds our own facts and what a signature has proved, never the client's bytes. */
  readonly detail?: string;
  /** A fix more exact than the catalogue's. */
  readonly fix?: string;
  /** For the log alone: an error, an upstream's words. Never part of a reply. */
  readonly cause?: unknown;
  /**
   * The verdict as it is at another moment, for one whose words tell a time; undefined when it does not hold then. `now` is
   * in milliseconds since 1970.
   */
  readonly at?: (now: number) => Fault | undefined;
  /** The same token may pass in a moment, whatever the code says, so that the refusal is not to be remembered. */
  readonly heals?: true;
  /** RFC 9457 extension members, such as `expiredAt`. */
  readonly members?: Readonly<Record<string, string | number | readonly string[]>>;
  /** The scopes that would do, for the `scope` parameter of a 403 challenge (RFC 6750 §3). */
  readonly scope?: readonly string[];
  /** The methods that would do, for `Allow` on a 405 (RFC 9110 §10.2.1). */
  readonly allow?: readonly string[];
  /** Seconds, for `Retry-After` on a 503. The reply says 1 when it is absent. */
  readonly retryAfter?: number;
  /** The connection can't be used after this: the reply says `Connection: close` and the socket is closed. */
  readonly close?: boolean;
}
