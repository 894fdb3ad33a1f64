import type { Tokens } from './tokens.ts';
import type { Arrival } from './upstream.ts';

/** What must never happen, with the case that did it as far as it is known. */
export interface Violation {
  readonly what: string;
  readonly case: string;
  readonly seen: unknown;
}

const ADMIN_ROUTES = new Set(['admin', 'me', 'delete']);

/** Checks what arrives at the upstream by what only the gateway could have known, and afterwards against its log. */
export class Judge {
  readonly violations: Violation[] = [];
  readonly #nonce: () => string;
  readonly #tokens: () => Tokens;
  readonly #arrived = new Map<string, { readonly arrival: Arrival; readonly route: string }>();

  constructor(nonce: () => string, tokens: () => Tokens) {
    this.#nonce = nonce;
    this.#tokens = tokens;
  }

  get arrivals(): number {
    return this.#arrived.size;
  }

  report(what: string, number: string, seen: unknown): void {
    this.violations.push({ what, case: number, seen });
  }

  /** A request has arrived: it needs its permit, the identity of its token and no other, and one framing. */
  arrived(arrival: Arrival): void {
    const values = (wanted: string) =>
      arrival.headers.filter(([name]) => name.toLowerCase().replace(/[_.]/g, '-') === wanted).map(([, value]) => value);
    const wrong = (what: string) => this.report(what, arrival.case, arrival);
    const [permit = '', ...more] = values('x-permit');
    const [route = '', id = ''] = permit.split(' ');
    if (values('x-nonce').join() !== this.#nonce() || more.length > 0 || id === '') wrong('no permit');
    if (values('x-request-id').join() !== id) wrong('another request id than the permit has');
    if (values('host').length !== 1) wrong('not one Host');
    if (values('content-length').length + values('transfer-encoding').length > 1) wrong('framed in two ways');
    const hop = ['te', 'upgrade', 'trailer', 'keep-alive', 'proxy', 'expect'].find(
      (name) =>
        values(name).join() !==
        (name === 'te'
          ? values('te')
              .filter((value) => value === 'trailers')
              .join()
          : ''),
    );
    if (hop !== undefined) wrong(`${hop} went on`);
    if (route !== 'open') this.#checkIdentity(route, values, wrong);
    else if (values('x-user-id').length + values('x-jti').length > 0) wrong('an identity on a public route');
    const meant = meaningOf(arrival.target);
    if (/^\/admin(?:\/|$)/.test(meant) && route !== 'admin') wrong(`/admin by the rules of ${route}`);
    if (meant === '/@me' && route !== 'me') wrong(`/@me by the rules of ${route}`);
    this.#arrived.set(id, { arrival, route });
  }

  #checkIdentity(route: string, values: (name: string) => string[], wrong: (what: string) => void): void {
    const issued = this.#tokens().issued.get(values('x-jti').join());
    if (!issued?.good || values('x-user-id').join() !== issued.sub) wrong('an identity that no good token has');
    else if (ADMIN_ROUTES.has(route) && !issued.admin) wrong('a token without the scope of the route');
    if (values('authorization').length > 0) wrong('the token went on');
  }

  /** What the gateway logged: each arrival has a line of its own, for the same path, and no line tells of a defect. */
  logged(lines: readonly Record<string, unknown>[]): void {
    const byId = new Map<string, Record<string, unknown>>();
    for (const line of lines) {
      if (line.code === 'gateway.internal' || line.msg === 'a defect of the gateway')
        this.report('a defect', '?', line);
      if (typeof line.id === 'string') {
        if (byId.has(line.id)) this.report('two lines for one request', '?', [byId.get(line.id), line]);
        byId.set(line.id, line);
      }
    }
    for (const [id, { arrival, route }] of this.#arrived) {
      const line = byId.get(id);
      const [path] = arrival.target.split('?');
      if (line === undefined) this.report('no log line', arrival.case, arrival);
      else if (line.path !== path || line.route !== route)
        this.report('another path or route in the log', arrival.case, [line, arrival]);
    }
  }
}

/** The path as a careless server reads it: decoded once, backslashes as slashes, parameters cut, dots resolved. */
function meaningOf(target: string): string {
  const [path = ''] = target.split('?');
  const decoded = path.replace(/%[0-9A-Fa-f]{2}/g, (octet) => String.fromCharCode(Number.parseInt(octet.slice(1), 16)));
  const segments: string[] = [];
  for (const part of decoded.replaceAll('\\', '/').split('/')) {
    const [name = ''] = part.split(';');
    if (name === '..') segments.pop();
    else if (name !== '' && name !== '.') segments.push(name);
  }
  return `/${segments.join('/')}`;
}
