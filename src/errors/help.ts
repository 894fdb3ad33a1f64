import { STATUS_CODES } from 'node:http';
import { type Outcome, pass, stop } from '../outcome.ts';
import { CODES, type Code, isCode, rowOf } from './catalogue.ts';
import { isBelow, METADATA_PREFLIGHT, RESOURCE_METADATA_PATH, resourceMetadata, unique } from './metadata.ts';
import { type Entry, PAGE_HEADERS, renderEntryPage, renderListPage } from './page.ts';
import { ERRORS_PATH, type ErrorStyle, errorUrl, fillIssuers } from './problem.ts';
import { type Reply, replyWith } from './reply.ts';
import { type HelpIssuer, stepsFor } from './steps.ts';

/** What the pages for developers know of this gateway. */
export interface Help {
  readonly style: ErrorStyle;
  /** How the client that asks reaches us, where `publicUrl` does not say it: scheme and authority. */
  readonly address: string;
  readonly issuers: readonly HelpIssuer[];
  /** See StepFacts. */
  readonly adminUrl: string | undefined;
  /** The guarded routes: the fixed beginning of their paths, and the scopes they name. */
  readonly guarded: readonly { readonly prefix: string; readonly scopes: readonly string[] }[];
}

/** The method of a request, and how to read its headers. */
interface Asked {
  readonly method: string;
  headerValues(name: string): readonly string[];
}

/** Addresses below this are the gateway's own; no route may claim them. */
const OWN_PREFIX = '/.well-known/';

/**
 * Answers what the gateway publishes of itself: the meaning of its codes, and RFC 9728 metadata where `publicUrl` is set: an
 * upstream's own is left to the routes otherwise. Undefined where the path is none of these, so that the request goes on to
 * the routes. `path` is canonical.
 */
export function helpFor(path: string, asked: Asked, help: () => Help): Outcome<Reply> | undefined {
  if (!path.startsWith(OWN_PREFIX)) return undefined;
  const answer = isBelow(path, RESOURCE_METADATA_PATH)
    ? metadataFor(path.slice(RESOURCE_METADATA_PATH.length), asked, help())
    : isBelow(path, ERRORS_PATH)
      ? errorPage(path.slice(ERRORS_PATH.length + 1), asked, help())
      : isBelow(path, '/.well-known/bearergate')
        ? stop({ code: 'route.not-found' })
        : undefined;
  if (answer?.ok && answer.value !== METADATA_PREFLIGHT && asked.method !== 'GET' && asked.method !== 'HEAD') {
    return stop({ code: 'route.method', allow: ['GET', 'HEAD'] });
  }
  return answer;
}

function metadataFor(path: string, asked: Asked, { style, issuers, guarded }: Help): Outcome<Reply> | undefined {
  const { publicUrl } = style;
  if (publicUrl === undefined) return undefined;
  if (asked.method === 'OPTIONS') return pass(METADATA_PREFLIGHT);
  const resourcePath = path === '/' ? '' : path;
  const servers = issuers.map(({ issuer }) => issuer);
  return pass(resourceMetadata(resourcePath, { publicUrl, issuers: servers, guarded }));
}

function errorPage(name: string, asked: Asked, help: Help): Outcome<Reply> {
  if (name !== '' && !isCode(name))
    return stop({ code: 'route.not-found', detail: 'There is no error code of this name.' });
  const wantsPage = asked.headerValues('accept').some((accept) => accept.includes('text/html'));
  return pass(isCode(name) ? ofOne(describe(name, help), wantsPage, help) : ofAll(wantsPage, help));
}

function ofOne(entry: Entry, wantsPage: boolean, { style }: Help): Reply {
  return wantsPage ? htmlReply(renderEntryPage(entry, `${style.publicUrl ?? ''}${ERRORS_PATH}`)) : jsonReply(entry);
}

function ofAll(wantsPage: boolean, help: Help): Reply {
  const entries = CODES.map((code) => describe(code, help));
  return wantsPage
    ? htmlReply(renderListPage(entries, (code) => errorUrl(help.style, code)))
    : jsonReply({ errors: entries });
}

function htmlReply(page: string): Reply {
  return replyWith(200, 'text/html; charset=utf-8', page, PAGE_HEADERS);
}

function jsonReply(body: unknown): Reply {
  return replyWith(200, 'application/json', `${JSON.stringify(body)}\n`);
}

function describe(code: Code, { style, address, issuers, adminUrl }: Help): Entry {
  const { title, status, causes, fix } = rowOf(code);
  return {
    code,
    title,
    status,
    symptom: symptomOf(code),
    causes,
    fix: fillIssuers(fix, unique(issuers.map(({ issuer }) => issuer))),
    steps: stepsFor(code, { api: style.publicUrl ?? address, issuers, adminUrl }),
  };
}

/** What a client sees of a refusal, from its row. */
export function symptomOf(code: Code): string {
  const { status, challenge } = rowOf(code);
  const answer = `Requests are answered with \`${status} ${STATUS_CODES[status]}\` and \`"code": "${code}"\``;
  if (challenge === 'none') return `${answer}.`;
  if (challenge === 'bare') return `${answer}; the answer has \`WWW-Authenticate: Bearer …\` without an \`error\`.`;
  return `${answer}; the answer has \`WWW-Authenticate: Bearer error="${challenge}", …\`.`;
}
