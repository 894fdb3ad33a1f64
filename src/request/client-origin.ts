import { forwardedElements } from './forwarded.ts';
import { isAuthority, type RequestHead } from './head.ts';
import { trimBlanks } from './lists.ts';

/** How the client asked. */
export interface Asked {
  readonly authority: string;
  readonly head: Pick<RequestHead, 'forwarded'>;
  readonly peer: { readonly encrypted: boolean; readonly trusted: boolean };
}

/** Scheme and authority as the client used them; a trusted proxy in between knows them better than we do. */
export function clientOrigin(asked: Asked): URL | undefined {
  const { authority, peer } = asked;
  const told = toldByProxy(asked);
  const address = `${told.proto ?? (peer.encrypted ? 'https' : 'http')}://${told.host ?? authority}`;
  return URL.canParse(address) ? new URL(address) : undefined;
}

/**
 * The origins (RFC 6454 §6.2) of pages that come from the address the client asked: of two where a proxy tells a port
 * beside a host that has none, since the host may have lost it, and the port may be one that no client sees.
 */
export function ownOrigins(asked: Asked): string[] {
  const url = clientOrigin(asked);
  if (url === undefined) return [];
  const { port } = toldByProxy(asked);
  const own = [url.origin];
  if (port !== undefined && url.port === '') {
    url.port = port;
    own.push(url.origin);
  }
  return own;
}

interface Told {
  proto?: string;
  host?: string;
  port?: string;
}

function toldByProxy({ head: { forwarded }, peer }: Asked): Told {
  const told: Told = {};
  if (!peer.trusted) return told;
  // What X-Forwarded-* says goes before Forwarded, which fewer proxies write and more pass on.
  for (let at = 0; at < forwarded.length; at += 2)
    if (nameAt(forwarded, at) === 'forwarded') readForwarded(forwarded[at + 1] as string, told);
  for (let at = 0; at < forwarded.length; at += 2) {
    // Of a list the first is the client's; the proxies behind it have added theirs.
    const value = forwarded[at + 1] as string;
    const comma = value.indexOf(',');
    believe(nameAt(forwarded, at), trimBlanks(comma === -1 ? value : value.slice(0, comma)).toLowerCase(), told);
  }
  return told;
}

function nameAt(fields: readonly string[], at: number): string {
  return (fields[at] as string).toLowerCase();
}

function believe(name: string, value: string, told: Told): void {
  if (name === 'x-forwarded-proto' && (value === 'http' || value === 'https')) told.proto = value;
  if (name === 'x-forwarded-host' && isAuthority(value)) told.host = value;
  if (name === 'x-forwarded-port' && /^[0-9]{1,5}$/.test(value)) told.port = value;
}

/** The first element is the one of the client's request: `for=192.0.2.1;proto=https;host="api.example.com:8443"`. */
function readForwarded(field: string, told: Told): void {
  const [first] = forwardedElements(field);
  for (const name of ['proto', 'host']) believe(`x-forwarded-${name}`, (first?.get(name) ?? '').toLowerCase(), told);
}
