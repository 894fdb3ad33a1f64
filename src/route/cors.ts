import type { CorsSettings } from '../config/config.ts';
import type { Reply } from '../errors/reply.ts';

/** What CORS reads of a request. Header names are lower-case. */
interface Asked {
  readonly method: string;
  headerValues(name: string): readonly string[];
}

/** What a page may read of an answer beyond the headers that are always readable: our refusals speak in these too. */
const EXPOSED = 'WWW-Authenticate, X-Request-Id, Retry-After, Allow';

/** Headers of the upstream's that would contradict ours, lower-case. Its Access-Control-Expose-Headers may add to ours. */
export const CORS_ANSWERS: readonly string[] = [
  'access-control-allow-origin',
  'access-control-allow-credentials',
  'access-control-allow-methods',
  'access-control-allow-headers',
  'access-control-allow-private-network',
  'access-control-max-age',
];

/** The method that a preflight asks about (Fetch §3.2.2), or undefined where the request is none. */
export function preflightMethod(asked: Asked): string | undefined {
  if (asked.method !== 'OPTIONS' || asked.headerValues('origin').length !== 1) return undefined;
  const [method, ...more] = asked.headerValues('access-control-request-method');
  return more.length === 0 ? method : undefined;
}

/** Which pages may call a route, compiled when the configuration is loaded. */
export class CorsPolicy {
  readonly #origins: ReadonlySet<string>;
  /** Every page may, without credentials. */
  readonly #anybody: boolean;
  readonly #credentials: boolean;
  readonly #preflight: readonly string[];

  constructor({ origins, methods, headers, credentials, maxAge }: CorsSettings) {
    this.#origins = new Set(origins);
    this.#anybody = this.#origins.has('*');
    this.#credentials = credentials;
    this.#preflight = [
      'Access-Control-Allow-Methods',
      methods.join(', '),
      'Access-Control-Allow-Headers',
      headers.join(', '),
      'Access-Control-Max-Age',
      String(Math.floor(maxAge / 1000)),
    ];
  }

  /** Whether an origin is named, and not just one of all. */
  names(origin: string): boolean {
    return origin !== '*' && this.#origins.has(origin);
  }

  /**
   * The answer to a preflight, which never carries a token. A page that may not call gets an answer without the headers
   * that would allow it: the browser then refuses for us.
   */
  preflight(asked: Asked): Reply {
    const allowed = this.#allowedOrigin(asked);
    const vary = ['Vary', 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers'];
    const headers = allowed === undefined ? vary : [...this.#originHeaders(allowed), ...this.#preflight, ...vary];
    return { status: 204, headers, body: '' };
  }

  /** Names and values in turn for an answer: the upstream's or a refusal, so that a page can read why. */
  headersFor(asked: Asked): readonly string[] {
    const allowed = this.#allowedOrigin(asked);
    if (allowed === undefined) return VARY;
    return [...this.#originHeaders(allowed), 'Access-Control-Expose-Headers', EXPOSED, ...VARY];
  }

  #allowedOrigin(asked: Asked): string | undefined {
    const [origin, ...more] = asked.headerValues('origin');
    if (origin === undefined || more.length > 0) return undefined;
    if (this.#origins.has(origin)) return origin;
    return this.#anybody ? '*' : undefined;
  }

  #originHeaders(origin: string): string[] {
    const headers = ['Access-Control-Allow-Origin', origin];
    if (this.#credentials) headers.push('Access-Control-Allow-Credentials', 'true');
    return headers;
  }
}

/** The answer differs by who asks, and a cache between must know (Fetch §3.2.5). */
const VARY = ['Vary', 'Origin'];
