import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../clock.ts';
import type { Ask } from '../verify/ask.ts';
import type { KeyRing } from '../verify/key-ring.ts';
import { type KeyObserver, KeySet } from '../verify/keys.ts';
import { IntrospectionVerifier } from '../verify/kinds/introspection.ts';
import { JwtVerifier } from '../verify/kinds/jwt.ts';
import { SharedSecret } from '../verify/secret.ts';
import type { AnyIssuerSettings, IssuerSettings } from '../verify/settings.ts';

/** An issuer at work. Remembered tokens are bound to it: with another one in its place they are proved anew. */
export type LiveIssuer = JwtVerifier | IntrospectionVerifier;

interface Surroundings {
  readonly clock: Clock;
  readonly ask: Ask;
  readonly keyPatience?: number;
}

/**
 * An issuer as its settings describe it. `before` is the one of that name until now: with the same settings it goes on, and
 * otherwise what still holds of it does.
 */
export function issuerFor(
  settings: AnyIssuerSettings,
  before: LiveIssuer | undefined,
  surroundings: Surroundings,
  observer: KeyObserver,
): LiveIssuer {
  if (before && isDeepStrictEqual(before.settings, settings)) return before;
  if ('introspection' in settings) return new IntrospectionVerifier(settings, surroundings.ask);
  const known = before instanceof JwtVerifier ? before : undefined;
  return new JwtVerifier(settings, keyRingFor(settings, known, surroundings, observer));
}

function keyRingFor(
  settings: IssuerSettings,
  before: JwtVerifier | undefined,
  { clock, ask, keyPatience }: Surroundings,
  observer: KeyObserver,
): KeyRing {
  if (settings.secret !== undefined) return new SharedSecret(settings.secret, settings.algorithms);
  const known = before && publishSameKeys(before.settings, settings) ? before : undefined;
  if (!(known?.keys instanceof KeySet)) return new KeySet(settings, clock, ask, observer, undefined, keyPatience);
  // What is asked of a token is no business of the keys; only how they are fetched is.
  if (isDeepStrictEqual(known.settings.keys, settings.keys)) return known.keys;
  return new KeySet(settings, clock, ask, observer, known.keys, keyPatience);
}

/** Whether keys of the one are keys of the other: whose they are and where they come from, and not when they are fetched. */
function publishSameKeys(one: IssuerSettings, other: IssuerSettings): boolean {
  const identity = ({ issuer, keys: { source, allowHttp } }: IssuerSettings) => ({ issuer, source, allowHttp });
  return isDeepStrictEqual(identity(one), identity(other));
}
