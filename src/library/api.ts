/// <reference types="node" preserve="true" />
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

// The public types. This file imports types of Node only, since its declarations ship as they are.

/** One mistake in a configuration, as `bearergate check --format json` prints it. */
export interface ConfigProblem {
  readonly severity: 'error' | 'warning';
  /** Stable, in kebab-case. */
  readonly name: string;
  readonly file: string;
  /** 1-based. */
  readonly line: number;
  /** 1-based. */
  readonly column: number;
  readonly message: string;
  readonly hint?: string;
}

/** What a configuration is rejected with: every problem of it. */
export interface ConfigError extends Error {
  readonly name: 'ConfigError';
  readonly problems: readonly ConfigProblem[];
}

/** A verified token: what the gateway knows about the caller. */
export interface Auth {
  /** Verified claims, or the members of an introspection answer. */
  readonly claims: Readonly<Record<string, unknown>>;
  /** The issuer identifier (`iss`). */
  readonly issuer: string;
  readonly scopes: readonly string[];
}

/** A rule for one claim, as a route has it under `auth.claims`. */
export type ClaimRule = string | number | boolean | Readonly<Record<string, unknown>>;

export interface TokenOptions {
  /** Equals the claim `iss` exactly. Keys are found from here unless `keys` names another place. */
  readonly issuer: string;
  /** The claim `aud` must be or have one of these. */
  readonly audience: string | readonly string[];
  /** All of these, or one of `any`. */
  readonly scopes?: readonly string[] | { readonly any: readonly string[] };
  /** By the path of the claim, such as `realm_access.roles`. */
  readonly claims?: Readonly<Record<string, ClaimRule>>;
  /** As `issuers.<name>.keys` in a configuration file, such as `{ url: 'https://…/jwks' }`. Default: discovery. */
  readonly keys?: Readonly<Record<string, unknown>>;
  /** Called when the keys of the issuer cannot be fetched. Requests get 503 while there are no usable keys. */
  readonly onKeysFailed?: (error: unknown) => void;
}

/** A request that has passed `requireToken`. */
export type AuthenticatedRequest = IncomingMessage & { auth: Auth };

/** Connect middleware (Express, Connect, and others). It sets `req.auth`, or answers the request itself. */
export interface TokenMiddleware {
  (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void): void;
  /** Stops fetching keys. */
  close(): Promise<void>;
}

/** What the hook uses of a Fastify request. */
export interface FastifyRequestLike {
  readonly raw: IncomingMessage;
  auth?: Auth;
}

/** What the hook uses of a Fastify reply. */
export interface FastifyReplyLike {
  code(status: number): unknown;
  header(name: string, value: string | string[]): unknown;
  send(body: Buffer): unknown;
}

/** An `onRequest` hook of Fastify. It sets `request.auth`, or answers the request itself. */
export interface TokenHook {
  (request: FastifyRequestLike, reply: FastifyReplyLike): Promise<unknown>;
  /** Stops fetching keys. */
  close(): Promise<void>;
}

/** A handler of the Web standard: Hono, Deno, Bun, service workers. */
export interface TokenFetch {
  (request: Request): Promise<Response>;
  /** Stops fetching keys. */
  close(): Promise<void>;
}

export interface RequireToken {
  (options: TokenOptions): TokenMiddleware;
  fastify(options: TokenOptions): TokenHook;
  fetch(options: TokenOptions, handler: (request: Request, auth: Auth) => Response | Promise<Response>): TokenFetch;
}

export type GatewaySource =
  /** A configuration file. Paths in it are relative to it; `${NAME}` is replaced from the environment. */
  | { readonly configFile: string }
  /** What a configuration file would contain, as an object. Paths in it are relative to the working directory. */
  | { readonly config: object };

/** A gateway without ports of its own: it takes requests from a server of yours. */
export interface Gateway {
  /** Takes a request, for the events `request` and `checkContinue` of a server. Nothing may have read its body before. */
  handle(request: IncomingMessage, response: ServerResponse): void;
  /** Takes a request to upgrade, for the event `upgrade` of a server. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /**
   * Reads the configuration again, or takes another one. Requests under way finish under the one before. Rejects with
   * ConfigError if it has mistakes; the one in force stays.
   */
  reload(source?: GatewaySource): Promise<void>;
  /** Waits up to `drain.timeout` for requests under way, ends WebSockets, and resolves when everything is released. */
  close(): Promise<void>;
}

/** An issuer for tests, on loopback. */
export interface TestIssuer {
  /** The issuer identifier. */
  readonly url: string;
  /**
   * An access token (RFC 9068) with these claims, signed with the key that the issuer publishes. `iss`, `iat`, `exp` (in an hour),
   * `jti`, `sub` and `client_id` are set unless given; a claim that is undefined is left out.
   */
  token(claims?: Readonly<Record<string, unknown>>): Promise<string>;
  close(): Promise<void>;
}
