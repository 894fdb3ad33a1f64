import { isIPv4 } from 'node:net';

/** An IP address as IPv4 if it is an IPv4-mapped IPv6 address (RFC 4291 §2.5.5.2), which dual-stack sockets report. */
export function unmapped(address: string): string {
  const rest = address.slice(MAPPED.length);
  return address.startsWith(MAPPED) && isIPv4(rest) ? rest : address;
}

const MAPPED = '::ffff:';

/** Whether a host is this machine alone: localhost, 127.0.0.0/8 or ::1, with or without the brackets of a URL. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || (host.startsWith('127.') && isIPv4(host));
}
