import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Reply } from '../errors/reply.ts';
import type { AuthenticatedRequest, FastifyReplyLike, FastifyRequestLike, RequireToken, TokenOptions } from './api.ts';
import { type AskedRequest, TokenGuard } from './token-guard.ts';

export type {
  Auth,
  AuthenticatedRequest,
  ClaimRule,
  ConfigError,
  ConfigProblem,
  TokenFetch,
  TokenHook,
  TokenMiddleware,
  TokenOptions,
} from './api.ts';

/**
 * Checks the bearer token of each request of an application, and answers the ones it refuses as the gateway does: status, RFC
 * 6750 challenge and RFC 9457 body with the cause and the fix. Throws ConfigError for options that cannot be used.
 */
export const requireToken: RequireToken = Object.assign(
  (options: TokenOptions) => {
    const guard = new TokenGuard(options);
    const middleware = (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void): void => {
      const settle = (verdict: Awaited<ReturnType<TokenGuard['check']>>) => {
        if ('auth' in verdict) {
          (request as AuthenticatedRequest).auth = verdict.auth;
          next();
          return;
        }
        if (response.headersSent || response.destroyed) return;
        const { status, headers, body } = verdict.reply;
        response.statusCode = status;
        for (const [name, value] of grouped(headers)) response.setHeader(name, value);
        response.end(request.method === 'HEAD' ? undefined : body);
      };
      const verdict = guard.check(askedOf(request));
      // A throw of the application's own handlers is not ours to catch: `next` would run them a second time.
      if (verdict instanceof Promise) void verdict.then(settle);
      else settle(verdict);
    };
    return Object.assign(middleware, { close: () => guard.close() });
  },
  {
    fastify(options: TokenOptions) {
      const guard = new TokenGuard(options);
      const hook = async (request: FastifyRequestLike, reply: FastifyReplyLike): Promise<unknown> => {
        const verdict = await guard.check(askedOf(request.raw));
        if ('auth' in verdict) {
          request.auth = verdict.auth;
          return undefined;
        }
        const { status, headers, body } = verdict.reply;
        reply.code(status);
        for (const [name, value] of grouped(headers)) reply.header(name, value);
        return reply.send(Buffer.from(body)); // to a text Fastify would add a charset
      };
      return Object.assign(hook, { close: () => guard.close() });
    },

    fetch(options: TokenOptions, handler: Parameters<RequireToken['fetch']>[1]) {
      if (typeof handler !== 'function')
        throw new TypeError('requireToken.fetch needs a handler: (request, auth) => Response');
      const guard = new TokenGuard(options);
      const answer = async (request: Request): Promise<Response> => {
        const verdict = await guard.check(askedOfFetch(request));
        return 'auth' in verdict ? handler(request, verdict.auth) : responseOf(verdict.reply, request.method);
      };
      return Object.assign(answer, { close: () => guard.close() });
    },
  },
);

function askedOf(request: IncomingMessage): AskedRequest {
  const authorization: string[] = [];
  // Not `headers`: node keeps the first of several Authorization fields there, and another reader may keep the last.
  for (let at = 0; at < request.rawHeaders.length; at += 2) {
    if (request.rawHeaders[at]?.toLowerCase() === 'authorization')
      authorization.push(request.rawHeaders[at + 1] as string);
  }
  const { host, accept } = request.headers;
  const authority = request.headers[':authority'];
  return {
    method: request.method ?? 'GET',
    url: request.url ?? '/',
    host: host ?? (typeof authority === 'string' ? authority : undefined),
    authorization,
    accept,
    encrypted: 'encrypted' in request.socket,
  };
}

/** Fetch joins several fields of one name by a comma, which no single token has: they are refused as what they are. */
function askedOfFetch(request: Request): AskedRequest {
  const { pathname, search, host, protocol } = new URL(request.url);
  const authorization = request.headers.get('authorization');
  return {
    method: request.method,
    url: pathname + search,
    host,
    authorization: authorization === null ? [] : [authorization],
    accept: request.headers.get('accept') ?? undefined,
    encrypted: protocol === 'https:',
  };
}

function responseOf({ status, headers, body }: Reply, method: string): Response {
  const fields = new Headers();
  for (const [name, value] of grouped(headers)) for (const one of [value].flat()) fields.append(name, one);
  return new Response(method === 'HEAD' || status === 204 ? null : body, { status, headers: fields });
}

/** Fields by their names; a name that occurs more than once has a list. */
function grouped(headers: readonly string[]): Map<string, string | string[]> {
  const fields = new Map<string, string | string[]>();
  for (let at = 0; at < headers.length; at += 2) {
    const [name, value] = [headers[at] as string, headers[at + 1] as string];
    const before = fields.get(name);
    fields.set(name, before === undefined ? value : [before, value].flat());
  }
  return fields;
}
