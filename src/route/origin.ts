import type { Fault } from '../errors/fault.ts';
import type { CorsPolicy } from './cors.ts';

/** The parts of a request that show which page sent it. Header names are lower-case. */
interface Asked {
  readonly method: string;
  readonly upgrade: boolean;
  /** In capitals. */
  readonly methodOverrides: readonly string[] | undefined;
  headerValues(name: string): readonly string[];
}

/** Methods that change nothing, so that a page of another site gains nothing by them: it can't read the answer (Fetch §3.2). */
const SAFE: readonly string[] = ['GET', 'HEAD', 'OPTIONS'];

/**
 * Whether a request acts in the name of its sender: any page can make a browser send it, with the cookies of the user
 * (RFC 6265 §8.2). An upgrade counts whatever its method: CORS does not apply to WebSockets (RFC 6455 §10.2).
 */
export function actsForItsSender({ method, upgrade, methodOverrides }: Asked): boolean {
  return upgrade || !SAFE.includes(method) || (methodOverrides?.some((asked) => !SAFE.includes(asked)) ?? false);
}

/**
 * Why a request is refused because of its origin; undefined if its origin is one of `own` or named in `cors`. "*" does not
 * count: it is for requests without cookies.
 */
export function originFault(
  asked: Asked,
  own: () => readonly string[],
  cors: CorsPolicy | undefined,
): Fault | undefined {
  const [origin, ...more] = asked.headerValues('origin');
  if (more.length > 0) return foreign('The request has more than one Origin header.');
  if (origin === undefined) return fromElsewhere(asked) ? foreign(ANOTHER_SITE) : undefined;
  if (cors?.names(origin) || own().includes(origin)) return undefined;
  return foreign(origin === 'null' ? NO_ORIGIN : ANOTHER_ORIGIN);
}

/** Browsers send Origin with all these requests. A client that is not a browser sends neither Origin nor Sec-Fetch-Site. */
function fromElsewhere(asked: Asked): boolean {
  return asked.headerValues('sec-fetch-site').some((site) => site !== 'same-origin' && site !== 'none');
}

const ANOTHER_ORIGIN = 'The Origin of the request is neither the origin of this API nor allowed for this route.';
const NO_ORIGIN = 'The Origin of the request is null: the page has an opaque origin, or hides it.';
const ANOTHER_SITE = 'The request has no Origin, and its Sec-Fetch-Site shows that a page of another origin sent it.';

function foreign(what: string): Fault {
  return {
    code: 'route.origin',
    detail: `The token came in a cookie, which browsers send with the requests of any page. ${what}`,
  };
}
