import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { isAuthority } from '../../request/head.ts';
import { hostName } from '../../route/host.ts';

/** The names by which the admin port may be called: `admin` of the configuration. */
export interface AdminNames {
  readonly host: string;
  readonly hosts: readonly string[];
}

/** Why a request to the admin port is not answered. */
export interface CallerFlaw {
  readonly status: 403 | 421;
  readonly error: string;
}

/**
 * Pages that probes and scrapers ask for, under whatever name they know the pod by. They hold no configuration and change
 * nothing.
 */
const OPEN_PATHS: ReadonlySet<string> = new Set(['/livez', '/readyz', '/metrics']);

/**
 * Keeps web pages away from the admin port, which the browser of an operator can reach. DNS rebinding: a page of
 * evil.example has its name resolved to 127.0.0.1 and is of one origin with the port, but its requests carry the foreign
 * Host. Cross-site requests: a page sends a POST blindly, and its browser adds the foreign Origin. Undefined where nothing
 * is wrong.
 */
export function callerFlaw(request: IncomingMessage, path: string, names: AdminNames): CallerFlaw | undefined {
  const hosts = request.headersDistinct.host ?? [];
  const [authority = ''] = hosts;
  if (!OPEN_PATHS.has(path) && (hosts.length !== 1 || !isOwnName(authority, names))) return MISDIRECTED;
  const origins = request.headersDistinct.origin ?? [];
  return origins.every((origin) => isSameOrigin(origin, authority)) ? undefined : FOREIGN;
}

/** Whether an authority is an address or one of the admin port's names; a name that resolves to it is not enough. */
function isOwnName(authority: string, { host, hosts }: AdminNames): boolean {
  if (!isAuthority(authority)) return false;
  const name = hostName(authority);
  const address = name.startsWith('[') ? name.slice(1, -1) : name;
  if (isIP(address) !== 0 || name === 'localhost') return true;
  return [host, ...hosts].some((own) => hostName(own) === name);
}

/** The admin port is plain http. `null`, which sandboxed pages and files send, never matches. */
function isSameOrigin(origin: string, authority: string): boolean {
  const own = `http://${authority}`;
  if (origin === own) return true;
  return URL.canParse(origin) && URL.canParse(own) && new URL(origin).href === new URL(own).href;
}

const MISDIRECTED: CallerFlaw = {
  status: 421,
  error: 'the admin port answers under an IP address, localhost, admin.host and the names in admin.hosts',
};
const FOREIGN: CallerFlaw = { status: 403, error: 'the admin port does not answer the web pages of other origins' };
