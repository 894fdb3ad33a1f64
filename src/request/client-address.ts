import { isIP } from 'node:net';
import { unmapped } from './address.ts';
import { trimBlanks } from './lists.ts';

/** So many proxies are looked past: whoever adds more hides behind the last of them. */
const MAX_HOPS = 32;

/**
 * The address of the client, past the trusted proxies between it and us: the last one in X-Forwarded-For, or in Forwarded
 * (RFC 7239) where there is no such field, that is not itself a trusted proxy's. What is no address hides what is in front of
 * it. `peer` is trusted; `forwarded` are names and values in turn.
 */
export function clientAddress(
  peer: string,
  forwarded: readonly string[],
  isTrusted: (address: string) => boolean,
): string {
  const hops = hopsOf(forwarded);
  let client = peer;
  for (let at = hops.length - 1; at >= Math.max(0, hops.length - MAX_HOPS); at -= 1) {
    const address = readAddress(hops[at] as string);
    if (address === undefined) break;
    client = address;
    if (!isTrusted(address)) break;
  }
  return client;
}

function hopsOf(forwarded: readonly string[]): string[] {
  const hops: string[] = [];
  const elements: string[] = [];
  for (let at = 0; at < forwarded.length; at += 2) {
    const name = (forwarded[at] as string).toLowerCase();
    const value = forwarded[at + 1] as string;
    if (name === 'x-forwarded-for') hops.push(...value.split(','));
    else if (name === 'forwarded') elements.push(...splitOutsideQuotes(value, ','));
  }
  return hops.length > 0 ? hops : elements.map(forOf);
}

/** The `for` of an element of Forwarded; empty where it has none. */
function forOf(element: string): string {
  for (const pair of splitOutsideQuotes(element, ';')) {
    const text = trimBlanks(pair);
    if (text.slice(0, 4).toLowerCase() === 'for=') return text.slice(4);
  }
  return '';
}

function splitOutsideQuotes(text: string, separator: string): string[] {
  const parts: string[] = [];
  let from = 0;
  let isQuoted = false;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (character === '\\' && isQuoted) at += 1;
    else if (character === '"') isQuoted = !isQuoted;
    else if (character === separator && !isQuoted) {
      parts.push(text.slice(from, at));
      from = at + 1;
    }
  }
  parts.push(text.slice(from));
  return parts;
}

/**
 * An address as proxies write it: some add the port (`203.0.113.7:5678`, `[2001:db8::1]:443`), and the brackets and quotes
 * that Forwarded asks for. IPv4 in IPv6 is given as IPv4. Undefined for anything else, such as `unknown`.
 */
export function readAddress(text: string): string | undefined {
  const word = unquoted(trimBlanks(text));
  const host = withoutPort(word);
  // A zone (`fe80::1%eth0`) means something on that machine alone.
  if (isIP(host) === 0 || host.includes('%')) return undefined;
  return unmapped(host.toLowerCase());
}

function withoutPort(word: string): string {
  if (word.startsWith('[')) return word.slice(1, Math.max(1, word.indexOf(']')));
  const [host = '', ...more] = word.split(':', 3);
  return more.length === 1 ? host : word;
}

function unquoted(text: string): string {
  return text.length > 1 && text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1) : text;
}
