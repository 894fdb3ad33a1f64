import { trimBlanks } from '../request/lists.ts';
import { type PathView, pathBack } from './path-view.ts';

/**
 * A Set-Cookie value whose Path and Domain are the client's (RFC 6265 §4.1.2); undefined where nothing has to change.
 * Everything else stays byte for byte. A Domain that is the upstream's own name goes: no browser would take it from us.
 */
export function cookieBack(value: string, view: PathView, isOwnName: (domain: string) => boolean): string | undefined {
  const [pair = '', ...attributes] = value.split(';');
  // A browser takes such a cookie with `Path=/` alone (RFC 6265bis §4.1.3.2).
  const bound = trimBlanks(pair).slice(0, HOST_PREFIX.length).toLowerCase() === HOST_PREFIX;
  let changed = false;
  const kept = attributes.flatMap((attribute) => {
    const { name, text } = readAttribute(attribute);
    const lower = name.toLowerCase();
    if (lower === 'domain' && text !== '' && isOwnName(text)) {
      changed = true;
      return [];
    }
    const back = lower === 'path' && !bound ? cookiePathBack(text, view) : undefined;
    if (back === undefined || back === text) return [attribute];
    changed = true;
    return [` ${name}=${back}`];
  });
  return changed ? [pair, ...kept].join(';') : undefined;
}

const HOST_PREFIX = '__host-';

function readAttribute(attribute: string): { readonly name: string; readonly text: string } {
  const equals = attribute.indexOf('=');
  if (equals === -1) return { name: '', text: '' };
  return { name: trimBlanks(attribute.slice(0, equals)), text: trimBlanks(attribute.slice(equals + 1)) };
}

/**
 * A cookie's path is a prefix: one above what the route shows covers all of the route. Only `/` stays, so that a session
 * holds on all routes to its upstream, unless the client sees everything that is there below one prefix.
 */
function cookiePathBack(path: string, view: PathView): string | undefined {
  const { ours, theirs } = view;
  if (ours === theirs || !path.startsWith('/')) return undefined;
  if (path === '/') return theirs === '' ? ours || '/' : undefined;
  const back = pathBack(path, view);
  if (back !== undefined) return back;
  return `${theirs}/`.startsWith(path.endsWith('/') ? path : `${path}/`) ? ours || '/' : undefined;
}
