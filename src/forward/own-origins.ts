import type { UpstreamSettings } from '../config/config.ts';
import { hostName } from '../route/host.ts';

/** Which addresses in an answer mean the upstream that sent it, compiled when the configuration loads. */
export class OwnOrigins {
  /** Host names of the targets, and what `host` names. */
  readonly #names: ReadonlySet<string>;
  /** The same with their ports; these are own in either scheme. */
  readonly #hosts: ReadonlySet<string>;
  /** The further origins of `origins`, with their schemes. */
  readonly #further: ReadonlySet<string>;
  readonly #furtherNames: ReadonlySet<string>;
  /** Scheme and port of each target. */
  readonly #ports: ReadonlySet<string>;
  /** The name that is sent as Host, where it is a fixed one. */
  readonly #givenName: string | undefined;
  readonly #keepsHost: boolean;

  constructor({ urls, host, origins }: Pick<UpstreamSettings, 'urls' | 'host' | 'origins'>) {
    const targets = urls.map((url) => new URL(url));
    const further = origins.map((origin) => new URL(origin));
    this.#keepsHost = host === 'keep';
    this.#givenName = host === 'keep' || host === 'upstream' ? undefined : hostName(host);
    const given =
      this.#givenName === undefined ? [] : ['http:', 'https:'].flatMap((scheme) => urlOf(scheme, host) ?? []);
    this.#hosts = new Set([...targets.flatMap(hostsOf), ...given.map(hostOf)]);
    this.#names = new Set([...targets.flatMap(namesOf), ...given.map(nameOf)]);
    this.#further = new Set(further.map(originOf));
    this.#furtherNames = new Set(further.map(nameOf));
    this.#ports = new Set(targets.map(portOf));
  }

  /** Whether an address is the upstream's own. `authority` is the Host of the request that it answers. */
  has(url: URL, authority: string): boolean {
    const host = hostOf(url);
    if (this.#hosts.has(host) || this.#further.has(originOf(url))) return true;
    if (this.#keepsHost) {
      const sent = urlOf(url.protocol, authority);
      if (sent !== undefined && hostOf(sent) === host) return true;
    }
    // nginx joins the name that it was asked by and the port that it listens on (`port_in_redirect`).
    return nameOf(url) === this.#sentName(authority) && this.#ports.has(portOf(url));
  }

  /** Whether the Domain of a cookie is the upstream's own name. */
  hasName(domain: string, authority: string): boolean {
    const name = hostName(domain.startsWith('.') ? domain.slice(1) : domain);
    return this.#names.has(name) || this.#furtherNames.has(name) || name === this.#sentName(authority);
  }

  #sentName(authority: string): string | undefined {
    return this.#keepsHost ? hostName(authority) : this.#givenName;
  }
}

/** Whether two addresses have one host and port, in whichever scheme. */
export function isSameHost(one: URL, other: URL): boolean {
  return hostOf(one) === hostOf(other);
}

/** Undefined for a host that no URL has. */
export function urlOf(scheme: string, authority: string): URL | undefined {
  const text = `${scheme}//${authority}`;
  return URL.canParse(text) ? new URL(text) : undefined;
}

/** URL has the host in lower case already; a dot at its end means nothing more. */
function nameOf({ hostname }: URL): string {
  return hostname.endsWith('.') ? hostname.slice(0, -1) : hostname;
}

/** The port only where it is another than the scheme's own. */
function hostOf(url: URL): string {
  return url.port === '' ? nameOf(url) : `${nameOf(url)}:${url.port}`;
}

function originOf(url: URL): string {
  return `${url.protocol}//${hostOf(url)}`;
}

function portOf({ protocol, port }: URL): string {
  return protocol + (port || USUAL_PORTS[protocol]);
}

const USUAL_PORTS: Readonly<Record<string, string>> = { 'http:': '80', 'https:': '443' };

/** Servers on the same machine call themselves by any of these. */
const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];

function namesOf(target: URL): string[] {
  const name = nameOf(target);
  return LOOPBACK.includes(name) ? LOOPBACK : [name];
}

/** With the usual port written out too, as it is in an address of the other scheme. */
function hostsOf(target: URL): string[] {
  const { protocol, port } = target;
  return namesOf(target).flatMap((name) =>
    port === '' ? [name, `${name}:${USUAL_PORTS[protocol]}`] : [`${name}:${port}`],
  );
}
