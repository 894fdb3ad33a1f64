import { type Code, type Row, rowOf } from './catalogue.ts';
import { challengeFor } from './challenge.ts';
import type { Fault } from './fault.ts';
import { metadataUrl } from './metadata.ts';
import { type Reply, replyWith } from './reply.ts';

/** Where the pages stand that explain each code. */
export const ERRORS_PATH = '/.well-known/bearergate/errors';

/** How refusals are worded. */
export interface ErrorStyle {
  /** How clients reach us, without a slash at the end; makes links absolute. */
  readonly publicUrl: string | undefined;
  readonly format: 'problem' | 'oauth' | 'text';
  readonly detail: 'minimal' | 'client';
}

/** What a reply needs to know of the request that it answers. */
export interface Refused {
  readonly fault: Fault;
  readonly requestId: string;
  /** The issuers whose tokens the route takes; empty where no route was found. */
  readonly issuers: readonly string[];
  /** The host that was addressed, without a port. */
  readonly host: string;
  /** The fixed beginning of the paths of the route, without a slash at its end. */
  readonly prefix: string;
}

/** Turns a fault into its answer: RFC 9457 body, RFC 6750 challenge, never the `cause`. */
export function replyFor(refused: Refused, style: ErrorStyle): Reply {
  const { fault, requestId } = refused;
  const row = rowOf(fault.code);
  const description = style.detail === 'client' && fault.detail ? fault.detail : `${row.title}.`;
  const headers = ['Cache-Control', 'no-store', 'X-Request-Id', requestId];
  const metadata = style.publicUrl === undefined ? undefined : metadataUrl(style.publicUrl, refused.prefix);
  const challenge = challengeFor(fault, description, { metadata, realm: refused.host });
  if (challenge) headers.push('WWW-Authenticate', challenge);
  if (fault.allow) headers.push('Allow', fault.allow.join(', '));
  if (row.status === 503) headers.push('Retry-After', String(fault.retryAfter ?? 1));
  if (fault.close || fault.code === 'gateway.draining') headers.push('Connection', 'close');
  const [contentType, body] = FORMATS[style.format](row, refused, style, description);
  return replyWith(row.status, contentType, body, headers);
}

type Format = (row: Row, refused: Refused, style: ErrorStyle, description: string) => readonly [string, string];

const FORMATS: Record<ErrorStyle['format'], Format> = {
  problem: (row, refused, style) => ['application/problem+json', `${JSON.stringify(problemOf(row, refused, style))}\n`],
  oauth: (row, { fault }, _style, description) => {
    const body = { error: oauthError(row), error_description: description, code: fault.code };
    return ['application/json', `${JSON.stringify(body)}\n`];
  },
  text: (row, refused, style, description) => {
    const lines = [`${row.status} ${row.title} (${refused.fault.code})`];
    if (style.detail === 'client') lines.push(description, fixFor(refused, row));
    lines.push(`Request id: ${refused.requestId}`);
    return ['text/plain; charset=utf-8', `${lines.join('\n')}\n`];
  },
};

function problemOf(row: Row, refused: Refused, style: ErrorStyle): Record<string, unknown> {
  const { fault, requestId } = refused;
  const problem: Record<string, unknown> = { type: errorUrl(style, fault.code), title: row.title, status: row.status };
  if (style.detail === 'client' && fault.detail) problem.detail = fault.detail;
  problem.code = fault.code;
  problem.instance = `urn:request:${requestId}`;
  if (style.detail === 'client') {
    problem.fix = fixFor(refused, row);
    Object.assign(problem, fault.members);
  }
  return problem;
}

/** RFC 6749 §5.2 and RFC 6750 §3.1 know few words; what they have none for is said in OAuth's own general ones. */
function oauthError(row: Row): string {
  if (row.challenge !== 'none' && row.challenge !== 'bare') return row.challenge;
  if (row.challenge === 'bare') return 'invalid_token';
  if (row.status === 503) return 'temporarily_unavailable';
  return row.status >= 500 ? 'server_error' : 'invalid_request';
}

function fixFor(refused: Refused, row: Row): string {
  return fillIssuers(refused.fault.fix ?? row.fix, refused.issuers);
}

/** Puts the issuers' names where a sentence of the catalogue says `{issuers}`. */
export function fillIssuers(sentence: string, issuers: readonly string[]): string {
  return sentence.replace('{issuers}', () => (issuers.length ? issuers.join(' or ') : 'the issuer of this API'));
}

/** The page that explains a code: absolute when we know how clients reach us. */
export function errorUrl(style: ErrorStyle, code: Code): string {
  return `${style.publicUrl ?? ''}${ERRORS_PATH}/${code}`;
}
