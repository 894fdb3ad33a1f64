import { isIP, isIPv6 } from 'node:net';
import { didYouMean } from './suggest.ts';

// Hosts and addresses as a configuration writes them. Each function answers what is wrong with one, or nothing.

interface AddressFlaw {
  readonly flaw: string;
  readonly hint?: string | undefined;
}

/** RFC 1123 §2.1, and the underscore that internal names have. */
const LABEL = /^[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?$/i;
const MAX_LABEL = 63;
const MAX_NAME = 253;

/** Whether a text is the name of a host, without a dot at its end. */
export function isHostName(text: string): boolean {
  return text.length <= MAX_NAME && text.split('.').every((label) => label.length <= MAX_LABEL && LABEL.test(label));
}

/** A host of a route, in lower case. */
export function hostFlaw(host: string): AddressFlaw | undefined {
  if (host.startsWith('[')) return literalFlaw(host);
  if (isHostName(host.startsWith('*.') ? host.slice(2) : host)) return undefined;
  return {
    flaw: 'a host is a name such as api.example.com or *.example.com, without scheme, port or path',
    hint: withoutPort(host),
  };
}

/** IPv6 in brackets. It is compared as text, so it has to be the spelling that clients send (RFC 5952 §4). */
function literalFlaw(host: string): AddressFlaw | undefined {
  const inner = host.slice(1, -1);
  if (!host.endsWith(']') || !isIPv6(inner) || inner.includes('%'))
    return { flaw: 'is not an IPv6 address in brackets, such as [2001:db8::1]' };
  const usual = new URL(`http://${host}`).hostname;
  return usual === host ? undefined : { flaw: 'is not how clients write this address', hint: `write ${usual}` };
}

function withoutPort(host: string): string | undefined {
  const [, name = ''] = /^(.+?)(?::\d+|\.)$/.exec(host) ?? [];
  return isHostName(name) ? `write ${name}` : undefined;
}

/** An address to listen on. */
export function listenHostFlaw(text: string): AddressFlaw | undefined {
  if (isIP(text) !== 0 || isHostName(text)) return undefined;
  const flaw = 'expected an address such as 127.0.0.1, 0.0.0.0 or ::, without brackets or a port';
  if (text === '*') return { flaw, hint: 'every address is 0.0.0.0, or :: with IPv6' };
  return { flaw };
}

/** The Host that an upstream gets. */
export function upstreamHostFlaw(text: string): AddressFlaw | undefined {
  const meant = ['keep', 'upstream'].find((word) => word !== text && word === text.toLowerCase());
  const [name = '', port] = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(text)?.slice(1) ?? [];
  const isHost = name.startsWith('[') ? literalFlaw(name.toLowerCase()) === undefined : isHostName(name);
  if (!meant && isHost && isPort(port)) return undefined;
  return { flaw: 'expected keep, upstream or a host name', hint: meant && didYouMean(text, [meant]) };
}

function isPort(port: string | undefined): boolean {
  return port === undefined || (Number(port) > 0 && Number(port) <= 65_535);
}

/**
 * Whether a text is an http or https address of a host that can be one. The URL parser alone takes blanks around it,
 * backslashes, no slashes at all, port 0, and hosts such as `*.example.com`.
 */
export function isServerAddress(text: string): boolean {
  if (!/^https?:\/\/[^/\\]/i.test(text) || /[\s\\\p{Cc}]/u.test(text) || !URL.canParse(text)) return false;
  const { hostname, port } = new URL(text);
  const name = hostname.endsWith('.') ? hostname.slice(0, -1) : hostname;
  return (hostname.startsWith('[') || isHostName(name)) && port !== '0';
}
