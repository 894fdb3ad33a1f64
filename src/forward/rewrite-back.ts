import type { RouteSettings } from '../config/config.ts';
import { isAuthority, type RequestHead } from '../request/head.ts';
import { cookieBack } from './cookie-back.ts';
import { type PathView, pathBack } from './path-view.ts';

/** How the client asked. */
interface Asked {
  readonly authority: string;
  readonly head: Pick<RequestHead, 'forwarded'>;
  readonly peer: { readonly encrypted: boolean; readonly trusted: boolean };
}

/** Gives a header of an answer back in the client's terms. `name` is lower-case. */
export interface RewriteBack {
  /** Undefined where the value stays as it is. `sentTo` is the path and query that the upstream got. */
  header(name: string, value: string, asked: Asked, sentTo: string): string | undefined;
}

/**
 * What turns addresses of the upstream's into the client's, on a route that sends on other paths or another Host than
 * came; undefined on others, where an upstream knows how it is addressed. Only what names the upstream itself is changed.
 */
export function rewriteBack({ rewrite, upstream }: RouteSettings): RewriteBack | undefined {
  const view = { ours: rewrite.stripPrefix, theirs: rewrite.addPrefix };
  if (view.ours === view.theirs && upstream.host === 'keep') return undefined;
  const own = new Set([...upstream.urls.map((url) => new URL(url).host), ...givenName(upstream.host)]);
  const ownNames = new Set([...own].map(withoutPort));
  const { protocol } = new URL(upstream.urls[0]);
  return {
    header(name, value, asked, sentTo) {
      switch (name) {
        case 'location':
        case 'content-location':
          return locationBack(value, { view, own, protocol, asked, sentTo });
        case 'refresh':
          return refreshBack(value, { view, own, protocol, asked, sentTo });
        case 'set-cookie':
          return cookieBack(value, view, ownNames);
        default:
          return undefined;
      }
    },
  };
}

/** The name that an upstream is told to have, as URLs write it: without the port that goes without saying. */
function givenName(host: string): string[] {
  if (host === 'keep' || host === 'upstream') return [];
  return ['http', 'https'].map((scheme) => new URL(`${scheme}://${host}`).host);
}

interface Addressing {
  readonly view: PathView;
  /** Hosts that are the upstream, with their ports where those are not the usual ones. */
  readonly own: ReadonlySet<string>;
  /** By which the upstream is spoken to. */
  readonly protocol: string;
  readonly asked: Asked;
  readonly sentTo: string;
}

/** What a browser takes for the beginning of another host: a backslash is a slash to it (WHATWG URL §4.4). */
const OTHER_HOST = /^[/\\][/\\]/;
const SCHEME = /^[A-Za-z][A-Za-z0-9+.-]*:/;

/** RFC 9110 §10.2.2: a URI reference. */
function locationBack(value: string, addressing: Addressing): string | undefined {
  const text = asUtf8(value);
  if (text === undefined || text === '' || text.startsWith('#')) return undefined;
  return SCHEME.test(text) || OTHER_HOST.test(text) ? absoluteBack(text, addressing) : relativeBack(text, addressing);
}

function absoluteBack(text: string, { view, own, protocol, asked }: Addressing): string | undefined {
  const origin = clientOrigin(asked);
  if (!URL.canParse(text, origin)) return undefined;
  const url = new URL(text, origin);
  if (!/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '') return undefined;
  const path = pathBack(url.pathname, view);
  const rest = (path ?? url.pathname) + url.search + url.hash;
  if (own.has(url.host)) return origin + rest;
  if (path === undefined || url.host !== new URL(origin).host) return undefined;
  // The upstream knows the client's name. A scheme other than its own it means: http made https, which must not be undone.
  return url.protocol === protocol ? origin + rest : `${url.protocol}//${url.host}${rest}`;
}

/** Resolved as the upstream means it: `next` means something else beside `/orders` than beside the `/` that it got. */
function relativeBack(text: string, { view, sentTo }: Addressing): string | undefined {
  const base = `http://upstream.invalid${sentTo}`;
  if (view.ours === view.theirs || !URL.canParse(text, base)) return undefined;
  const { pathname, search, hash } = new URL(text, base);
  const path = pathBack(pathname, view);
  // Taking `/v1` off `/v1//evil.example` would leave what a browser reads as another host.
  return path === undefined || OTHER_HOST.test(path) ? undefined : path + search + hash;
}

/** `5; url=/next`: no standard, but what old pages redirect by. */
const REFRESH = /^(\s*[\d.]+\s*[;,]\s*(?:url\s*=\s*)?)(["']?)([^"']+)(\2\s*)$/i;

function refreshBack(value: string, addressing: Addressing): string | undefined {
  const [, start = '', quote = '', address, end = ''] = REFRESH.exec(value) ?? [];
  const back = address === undefined ? undefined : locationBack(address.trim(), addressing);
  return back === undefined ? undefined : start + quote + back + end;
}

/** Scheme and authority as the client used them; a trusted proxy in between knows them better than we do. */
function clientOrigin({ authority, head, peer }: Asked): string {
  let scheme = peer.encrypted ? 'https' : 'http';
  let host = authority;
  for (let at = 0; peer.trusted && at < head.forwarded.length; at += 2) {
    // Of a list the first is the client's; the proxies behind it have added theirs.
    const [first = ''] = (head.forwarded[at + 1] as string).split(',', 1);
    const value = first.trim().toLowerCase();
    const name = (head.forwarded[at] as string).toLowerCase();
    if (name === 'x-forwarded-proto' && (value === 'http' || value === 'https')) scheme = value;
    if (name === 'x-forwarded-host' && isAuthority(value)) host = value;
  }
  return `${scheme}://${host}`;
}

/** Header values come as Latin-1; browsers read addresses in UTF-8. Undefined for bytes that are neither's. */
function asUtf8(value: string): string | undefined {
  if (/^[\x20-\x7e]*$/.test(value)) return value;
  const text = Buffer.from(value, 'latin1').toString('utf8');
  return text.includes('\ufffd') ? undefined : text;
}

function withoutPort(host: string): string {
  return host.replace(/:\d+$/, '');
}
