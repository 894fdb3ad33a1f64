import type { Code } from '../errors/catalogue.ts';
import type { CompactJws } from '../token/compact.ts';
import type { KeyStatus } from '../verify/key-ring.ts';
import type { AnyIssuerSettings } from '../verify/settings.ts';
import { isoTime, listing, span } from '../verify/wording.ts';
import type { Step } from './explanation.ts';

/** What is known of a token under examination. */
export interface Examined {
  readonly issuer: AnyIssuerSettings | undefined;
  readonly jws: CompactJws | undefined;
  readonly keys: KeyStatus | undefined;
  readonly now: number;
}

/** One check on a token: the codes that it refuses with, and what can be said when it passes. */
interface Check {
  readonly name: string;
  readonly codes: readonly Code[];
  readonly passed: (examined: Examined) => string | undefined;
}

/** The check on a token from a cookie, which the browser of its owner sends for any page. */
const ORIGIN: Check = {
  name: 'origin',
  codes: ['route.origin'],
  passed: () => 'no page of another origin sent it, or one that the route names',
};

/** The checks on a signed token, in the order in which verify/ makes them. */
const SIGNED: readonly Check[] = [
  { name: 'format', codes: ['token.malformed'], passed: () => 'three parts, each in its one spelling' },
  { name: 'issuer', codes: ['token.issuer'], passed: ({ issuer }) => `iss is ${issuer?.issuer}` },
  { name: 'algorithm', codes: ['token.algorithm'], passed: ({ jws }) => `${jws?.header.alg} is accepted` },
  { name: 'key', codes: ['token.key-unknown', 'verify.keys-unavailable'], passed: keyFound },
  { name: 'signature', codes: ['token.signature'], passed: () => 'it verifies: what the token says is proved' },
  {
    name: 'type',
    codes: ['token.type'],
    passed: ({ jws }) => `${jws?.header.typ ?? 'no typ, and no marks of an ID token'}; not bound to a key`,
  },
  { name: 'claims', codes: ['token.claims'], passed: () => 'all that are required, in their types' },
  { name: 'audience', codes: ['token.audience'], passed: ({ issuer }) => `aud names ${issuer?.audience.join(' or ')}` },
  { name: 'time', codes: ['token.expired', 'token.not-yet-valid', 'token.too-old'], passed: timeLeft },
];

/** The checks on an opaque token: its issuer is asked about it. */
const OPAQUE: readonly Check[] = [
  {
    name: 'introspection',
    codes: ['verify.introspection-unavailable', 'token.inactive', 'token.malformed'],
    passed: ({ issuer }) => `${issuer?.issuer} says that it is active`,
  },
  { name: 'issuer', codes: ['token.issuer'], passed: ({ issuer }) => issuer?.issuer },
  ...SIGNED.filter(({ name }) => ['type', 'claims', 'audience'].includes(name)).map((check) =>
    check.name === 'type' ? { ...check, passed: () => undefined } : check,
  ),
  { name: 'time', codes: ['token.expired', 'token.not-yet-valid', 'token.too-old'], passed: () => 'it is valid now' },
];

/** What a route asks of a verified token. */
const AUTHORISED: readonly Check[] = [
  { name: 'scope', codes: ['authorise.scope'], passed: () => undefined },
  { name: 'claim rules', codes: ['authorise.claim'], passed: () => undefined },
];

/**
 * The checks as steps. Their order is fixed, so that one token has one answer: all that stand before the one that
 * refused have passed, and none behind it was reached. `acts`: whether the token came in a cookie, for a request that does
 * something. `code` is undefined where the token was let in.
 */
export function checkSteps(
  examined: Examined,
  { opaque, acts }: { readonly opaque: boolean; readonly acts: boolean },
  code: Code | undefined,
  detail: string,
): Step[] {
  const checks = [...(acts ? [ORIGIN] : []), ...(opaque ? OPAQUE : SIGNED), ...AUTHORISED];
  const failed = code === undefined ? -1 : failedAt(checks, code, examined);
  // What is no check on the token (a refusal of a later stage) has let the token pass.
  return checks.map(({ name, passed }, index): Step => {
    if (index === failed) return { name, result: 'fail', detail };
    if (failed !== -1 && index > failed) return { name, result: 'not reached' };
    const said = passed(examined);
    return said === undefined ? { name, result: 'pass' } : { name, result: 'pass', detail: said };
  });
}

/** Whether the signature, or the issuer's word, had been found good when the token was refused. */
export function isProved(steps: readonly Step[]): boolean {
  return steps.some(({ name, result }) => (name === 'signature' || name === 'introspection') && result === 'pass');
}

function failedAt(checks: readonly Check[], code: Code, { jws }: Examined): number {
  // The one claim that is needed before there is an issuer whose rules could be gone by.
  if (code === 'token.claims' && jws && typeof jws.payload.iss !== 'string')
    return checks.findIndex(({ name }) => name === 'issuer');
  return checks.findIndex(({ codes }) => codes.includes(code));
}

function keyFound({ jws, keys }: Examined): string {
  const { kid } = jws?.header ?? {};
  const which = kid === undefined ? 'no kid; the keys that fit the algorithm are tried' : 'the issuer publishes it';
  const age = keys?.age === undefined ? '' : `; fetched ${span(keys.age / 1000)} ago`;
  const error = keys?.error === undefined ? '' : `; the last attempt to renew them failed: ${keys.error}`;
  return `${which}${age}${error}`;
}

function timeLeft({ jws, now }: Examined): string | undefined {
  const { exp } = jws?.payload ?? {};
  if (typeof exp !== 'number') return undefined;
  const left = exp - Math.floor(now / 1000);
  return left > 0
    ? `valid for another ${span(left)}, until ${isoTime(exp)}`
    : `past ${isoTime(exp)} by ${span(-left)}, within the tolerance for clocks`;
}

/** The scopes of a token for a sentence. */
export function scopesShown(scopes: readonly string[]): string {
  return scopes.length > 0 ? `the token has ${listing(scopes)}` : 'the token has none';
}
