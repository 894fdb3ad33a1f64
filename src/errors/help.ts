import { type Outcome, pass, stop } from '../outcome.ts';
import { CODES, type Code, isCode, rowOf } from './catalogue.ts';
import { ERRORS_PATH, type ErrorStyle, fillIssuers, RESOURCE_METADATA_PATH } from './problem.ts';
import { type Reply, replyWith } from './reply.ts';

/** What the pages for developers know of this gateway. */
export interface Help {
  readonly style: ErrorStyle;
  readonly issuers: readonly { readonly issuer: string; readonly tokenEndpoint: string | undefined }[];
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
 * Answers what the gateway publishes of itself: the meaning of its codes, and RFC 9728 metadata. Undefined where the
 * path is none of these, so that the request goes on to the routes. `path` is canonical.
 */
export function helpFor(path: string, asked: Asked, help: () => Help): Outcome<Reply> | undefined {
  if (!path.startsWith(OWN_PREFIX)) return undefined;
  const answer = isBelow(path, ERRORS_PATH)
    ? errorPage(path.slice(ERRORS_PATH.length + 1), asked, help())
    : isBelow(path, RESOURCE_METADATA_PATH)
      ? resourceMetadata(path.slice(RESOURCE_METADATA_PATH.length).replace(/^\/$/, ''), help())
      : isBelow(path, '/.well-known/bearergate')
        ? stop({ code: 'route.not-found' })
        : undefined;
  if (answer?.ok && asked.method !== 'GET' && asked.method !== 'HEAD') {
    return stop({ code: 'route.method', allow: ['GET', 'HEAD'] });
  }
  return answer;
}

function isBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

function errorPage(name: string, asked: Asked, help: Help): Outcome<Reply> {
  if (name !== '' && !isCode(name))
    return stop({ code: 'route.not-found', detail: 'There is no error code of this name.' });
  const codes = isCode(name) ? [name] : CODES;
  const entries = codes.map((code) => describe(code, help));
  const wantsPage = asked.headerValues('accept').some((accept) => accept.includes('text/html'));
  if (wantsPage) return pass(replyWith(200, 'text/html; charset=utf-8', renderPage(entries), PAGE_HEADERS));
  const body = isCode(name) ? entries[0] : { errors: entries };
  return pass(replyWith(200, 'application/json', `${JSON.stringify(body)}\n`));
}

interface Entry {
  readonly code: Code;
  readonly title: string;
  readonly status: number;
  readonly causes: readonly string[];
  readonly fix: string;
}

function describe(code: Code, { issuers }: Help): Entry {
  const { title, status, causes, fix } = rowOf(code);
  return { code, title, status, causes, fix: fillIssuers(fix, unique(issuers.map((entry) => entry.issuer))) };
}

/** Nothing is loaded and nothing runs: the page holds our own words, and stays inert even if it did not. */
const PAGE_HEADERS = [
  'Content-Security-Policy',
  "default-src 'none'; style-src 'unsafe-inline'",
  'X-Content-Type-Options',
  'nosniff',
];

function renderPage(entries: readonly Entry[]): string {
  const [first] = entries;
  const title = entries.length === 1 && first ? `${first.code}: ${first.title}` : 'What this gateway refuses, and why';
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escapeHtml(title)}</title>
<style>:root{color-scheme:light dark}body{font:1rem/1.5 system-ui,sans-serif;max-width:42rem;margin:2rem auto;padding:0 1rem}code{font-size:.95em}</style></head>
<body>
${entries.map(renderEntry).join('\n')}
</body></html>
`;
}

function renderEntry({ code, title, status, causes, fix }: Entry): string {
  return `<h1>${escapeHtml(title)}</h1>
<p><code>${code}</code>, HTTP status ${status}</p>
<h2>Usual causes</h2>
<ul>${causes.map((cause) => `<li>${escapeHtml(cause)}</li>`).join('')}</ul>
<h2>What to do</h2>
<p>${escapeHtml(fix)}</p>`;
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

/** RFC 9728 §3: which authorization servers issue tokens for a resource. Readable from any page, as clients need it. */
function resourceMetadata(resourcePath: string, help: Help): Outcome<Reply> {
  const { publicUrl } = help.style;
  if (publicUrl === undefined) {
    return stop({
      code: 'route.not-found',
      detail: 'Metadata is published when `publicUrl` is set in the configuration.',
    });
  }
  const issuers = unique(help.issuers.map((entry) => entry.issuer));
  const scopes = unique(
    help.guarded.filter(({ prefix }) => covers(prefix, resourcePath)).flatMap((route) => route.scopes),
  );
  const metadata = {
    resource: resourcePath === '' ? publicUrl : `${new URL(publicUrl).origin}${resourcePath}`,
    // RFC 9728 §3.2: members without values are left out.
    ...(issuers.length > 0 ? { authorization_servers: issuers } : {}),
    bearer_methods_supported: ['header'],
    ...(scopes.length > 0 ? { scopes_supported: scopes } : {}),
  };
  const headers = ['Access-Control-Allow-Origin', '*'];
  return pass(replyWith(200, 'application/json', `${JSON.stringify(metadata)}\n`, headers));
}

/** Whether a route lies under a resource's path, or the resource under the route. */
function covers(prefix: string, resourcePath: string): boolean {
  return isBelow(prefix, resourcePath) || isBelow(resourcePath, prefix) || resourcePath === '' || prefix === '';
}

function unique(texts: readonly string[]): string[] {
  return [...new Set(texts)];
}
