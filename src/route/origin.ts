import type { Fault } from '../errors/fault.ts';
import type { CorsPolicy } from './cors.ts';

/** What is read of a request to know which page sent it. Header names are lower-case. */
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
 * Whether a request does something in the name of whoever's browser sends it: any page can have the browser send one, and
 * the cookies go along (RFC 6265 §8.2). A WebSocket is one with whatever method: no CORS stands before it (RFC 6455 §10.2).
 */
export function actsForItsSender({ method, upgrade, methodOverrides }: Asked): boolean {
  return upgrade || !SAFE.includes(method) || (methodOverrides?.some((asked) => !SAFE.includes(asked)) ?? false);
}

/**
 * Why a request that is to be held against its origin is refused; undefined where a page may send it whose origin is one
 * of `own`, or that `cors` names. "*" names nobody here: it is for requests without cookies.
 */
export function originFault(
  asked: Asked,
  own: () => readonly string[],
  cors: CorsPolicy | undefined,
): Fault | undefined {
  const [origin, ...more] = asked.headerValues('origin');
  if (more.length > 0) return foreign('It has more than one Origin header.');
  if (origin === undefined) return fromElsewhere(asked) ? foreign(ANOTHER_SITE) : undefined;
  if (cors?.names(origin) || own().includes(origin)) return undefined;
  return foreign(origin === 'null' ? NO_ORIGIN : ANOTHER_ORIGIN);
}

/** Browsers send Origin with all these requests; what has none and is no browser sends no Sec-Fetch-Site either. */
function fromElsewhere(asked: Asked): boolean {
  return asked.headerValues('sec-fetch-site').some((site) => site !== 'same-origin' && site !== 'none');
}

const ANOTHER_ORIGIN = 'Its Origin is neither that of the address it was sent to nor one that may call this route.';
const NO_ORIGIN = 'Its Origin is null: the page hides where it comes from, or has no origin.';
const ANOTHER_SITE = 'It has no Origin, and its Sec-Fetch-Site is that of a request from another origin.';

function foreign(what: string): Fault {
  return {
    code: 'route.origin',
    detail: `The token came in a cookie, which browsers send with the requests of any page. ${what}`,
  };
}
