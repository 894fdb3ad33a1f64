import { isIP } from 'node:net';
import { unmapped } from './address.ts';
import { forwardedElements, unquoted } from './forwarded.ts';
import { trimBlanks } from './lists.ts';

/** At most this many proxies are skipped: a longer chain hides the client. */
const MAX_HOPS = 32;

/**
 * The address of the client behind trusted proxies: the last address in X-Forwarded-For that is not a trusted proxy's. If
 * there is no such field, Forwarded (RFC 7239) is read instead. An entry that is not an address hides the entries before it. `peer` is trusted; `forwarded` are names and values in turn.
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
  const others: string[] = [];
  for (let at = 0; at < forwarded.length; at += 2) {
    const name = (forwarded[at] as string).toLowerCase();
    const value = forwarded[at + 1] as string;
    if (name === 'x-forwarded-for') hops.push(...value.split(','));
    else if (name === 'forwarded') others.push(...forwardedElements(value).map((element) => element.get('for') ?? ''));
  }
  return hops.length > 0 ? hops : others;
}

/**
 * Reads an address as proxies write it: some add the port (`203.0.113.7:5678`, `[2001:db8::1]:443`), and the brackets and
 * quotes that Forwarded requires. Undefined for anything else, such as `unknown`.
 */
export function readAddress(text: string): string | undefined {
  const word = unquoted(trimBlanks(text));
  const host = withoutPort(word);
  // A zone (`fe80::1%eth0`) is valid on that machine only.
  if (isIP(host) === 0 || host.includes('%')) return undefined;
  return unmapped(host.toLowerCase());
}

function withoutPort(word: string): string {
  if (word.startsWith('[')) return word.slice(1, Math.max(1, word.indexOf(']')));
  const [host = '', ...more] = word.split(':', 3);
  return more.length === 1 ? host : word;
}
