import type { RouteSettings } from '../config/config.ts';
import { type Outcome, pass, stop } from '../outcome.ts';
import type { Params } from '../route/table.ts';
import type { Verified } from '../verify/verifier.ts';
import { inexactClaimFault } from './exact-claims.ts';
import { claimFault, scopeFault } from './rules.ts';

/**
 * The right to be forwarded on one route. Only this file makes one, and forwarding takes nothing less: to forward
 * without authorising can't be written.
 */
export class Permit {
  readonly route: RouteSettings;
  readonly params: Params;
  /** Undefined on a public route. */
  readonly token: Verified | undefined;

  private constructor(route: RouteSettings, params: Params, token: Verified | undefined) {
    this.route = route;
    this.params = params;
    this.token = token;
  }

  /** Lets a verified token in where the route's scopes and claim rules do. Fails with authorise.scope or authorise.claim. */
  static forToken(route: RouteSettings, params: Params, token: Verified): Outcome<Permit> {
    const { guard } = route;
    if (guard === 'public') return stop({ code: 'gateway.internal', cause: new Error(`route ${route.id} is public`) });
    const fault = scopeFault(guard.scopes, token.scopes, token.claims) ?? claimFault(guard.claims, token.claims);
    if (fault) return stop(fault);
    const inexact = token.hasInexact ? inexactClaimFault(route, token.claims) : undefined;
    return inexact ? stop(inexact) : pass(new Permit(route, params, token));
  }

  /** Lets anybody in, where the route says `auth: public`. */
  static forPublic(route: RouteSettings, params: Params): Outcome<Permit> {
    if (route.guard !== 'public')
      return stop({ code: 'gateway.internal', cause: new Error(`route ${route.id} is guarded`) });
    return pass(new Permit(route, params, undefined));
  }
}
