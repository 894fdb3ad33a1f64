import { isUtf8 } from 'node:buffer';
import { type Asked, clientOrigin } from '../request/client-origin.ts';
import { isSameHost, type OwnOrigins } from './own-origins.ts';
import { type PathView, pathBack } from './path-view.ts';

/** What an address in an answer is read by. */
export interface Addressing {
  readonly view: PathView;
  readonly own: OwnOrigins;
  /** By which the upstream is spoken to, such as `http:`. */
  readonly protocol: string;
  readonly asked: Asked;
  /** The path and query that the upstream got. */
  readonly sentTo: string;
}

/** Of no upstream's: an address that is resolved to it has named no host. */
const NO_HOST = 'upstream.invalid';

/**
 * A URI reference (RFC 9110 §10.2.2) in the client's terms; undefined where it stays as it is. It is read as browsers read
 * it, to whom a backslash is a slash and a tab is nothing (WHATWG URL §4.4), so that no two readings of one value differ in
 * the host.
 */
export function locationBack(value: string, addressing: Addressing): string | undefined {
  const { view, asked, sentTo } = addressing;
  const changesPaths = view.ours !== view.theirs;
  if (value === '' || value.startsWith('#') || (!changesPaths && isPlainPath(value))) return undefined;
  const text = asUtf8(value);
  const client = clientOrigin(asked);
  if (client === undefined) return undefined;
  const base = `${client.protocol}//${NO_HOST}${sentTo}`;
  if (!URL.canParse(text, base)) return undefined;
  const url = new URL(text, base);
  if (url.host !== NO_HOST) return absoluteBack(url, client, addressing);
  return changesPaths ? relativeBack(url, view) : undefined;
}

/** Whether a value is a path of the same host, to every reader. */
function isPlainPath(value: string): boolean {
  return value.startsWith('/') && !OTHER_HOST.test(value.charAt(1)) && value.charAt(1) !== '\t';
}

const OTHER_HOST = /^[/\\]/;

function absoluteBack(url: URL, client: URL, addressing: Addressing): string | undefined {
  const { view, own, protocol, asked } = addressing;
  if ((url.protocol !== 'http:' && url.protocol !== 'https:') || url.username !== '' || url.password !== '')
    return undefined;
  const path = view.ours === view.theirs ? undefined : pathBack(url.pathname, view);
  const rest = (path ?? url.pathname) + url.search + url.hash;
  if (isSameHost(url, client)) {
    // The upstream knows the client's name. A scheme other than its own it means: http made https, which must not be undone.
    const origin = url.protocol === protocol ? client.origin : url.origin;
    return path === undefined && origin === url.origin ? undefined : origin + rest;
  }
  return own.has(url, asked.authority) ? client.origin + rest : undefined;
}

/** Resolved as the upstream means it: `next` means something else beside `/orders` than beside the `/` that it got. */
function relativeBack({ pathname, search, hash }: URL, view: PathView): string | undefined {
  const path = pathBack(pathname, view);
  // Taking `/v1` off `/v1//evil.example` would leave what a browser reads as another host.
  return path === undefined || OTHER_HOST.test(path.charAt(1)) ? undefined : path + search + hash;
}

/**
 * Header values come as Latin-1; browsers read addresses in UTF-8. Bytes that are not UTF-8, as old applications send them,
 * go on percent-encoded one by one, which is what browsers ask for then.
 */
function asUtf8(value: string): string {
  if (/^[\x20-\x7e]*$/.test(value)) return value;
  const bytes = Buffer.from(value, 'latin1');
  return isUtf8(bytes) ? bytes.toString('utf8') : value.replace(/[\x80-\xff]/g, percentEncoded);
}

function percentEncoded(byte: string): string {
  return `%${byte.charCodeAt(0).toString(16).toUpperCase()}`;
}
