import type { Config, GuardSettings, RouteSettings } from '../config/config.ts';
import type { ClaimRule, ScopesRule } from '../config/schema.ts';
import { type GuardView, inWords, type RouteView, whoMayEnter } from './view.ts';

/**
 * What a change does to access: opened lets more in, tightened less, replaced takes one check for another, changed is
 * about something else.
 */
export type Effect = 'opened' | 'tightened' | 'replaced' | 'changed';

/** One change, in words: "scopes: orders:read → orders:read, orders:list". */
export interface Change {
  readonly effect: Effect;
  readonly what: string;
  readonly from: string;
  readonly to: string;
}

/** One of the two configurations that are compared. */
export interface Version {
  readonly config: Config;
}

/** A route, and how it may be shown. */
export interface Shown {
  readonly route: RouteSettings;
  readonly view: RouteView;
  /** Lists of it that the view does not have, as they may be shown. */
  readonly lists: {
    readonly corsOrigins: readonly string[];
    readonly removedHeaders: readonly string[];
    readonly keptHeaders: readonly string[];
  };
}

/** Whether something that was asked for is asked for no longer. */
export function losesCheck({ effect }: { readonly effect: string }): boolean {
  return effect === 'opened' || effect === 'replaced';
}

/** How the checks of two routes differ, as a request meets them: first the one, now the other. */
export function guardChanges(before: Shown, after: Shown): Change[] {
  const [old, now] = [before.route.guard, after.route.guard];
  if (old === 'public' || now === 'public') {
    if (old === now) return [];
    const effect = now === 'public' ? 'opened' : 'tightened';
    return [{ effect, what: 'auth', from: whoMayEnter(before.view), to: whoMayEnter(after.view) }];
  }
  const [was, is] = [before.view.auth as GuardView, after.view.auth as GuardView];
  const names = ({ issuers }: GuardSettings) => issuers.map(({ name }) => name);
  const places = ({ tokenFrom }: GuardSettings) => tokenFrom.map((place) => JSON.stringify(place));
  return [
    ...between('issuers', isSubset(names(old), names(now)), isSubset(names(now), names(old)), was.issuers, is.issuers),
    ...between(
      'scopes',
      scopesImply(old.scopes, now.scopes),
      scopesImply(now.scopes, old.scopes),
      was.scopes,
      is.scopes,
    ),
    ...claimChanges(old, now, was, is),
    ...between(
      'tokenFrom',
      isSubset(places(old), places(now)),
      isSubset(places(now), places(old)),
      was.tokenFrom,
      is.tokenFrom,
    ),
  ];
}

/** A change in a list of what may pass: more entries let more in. `shown` where the lists may not be shown as they are. */
export function subsetChange(
  what: string,
  from: readonly string[],
  to: readonly string[],
  shown: readonly [from: readonly string[], to: readonly string[]] = [from, to],
): Change[] {
  return between(what, isSubset(from, to), isSubset(to, from), ...shown);
}

/** `oldPasses`: what passed the old check passes the new one; `newPassed`: the other way round. */
export function between(what: string, oldPasses: boolean, newPassed: boolean, from: unknown, to: unknown): Change[] {
  if (oldPasses && newPassed) return [];
  const effect = oldPasses ? 'opened' : newPassed ? 'tightened' : 'replaced';
  return [{ effect, what, from: said(from), to: said(to) }];
}

function said(value: unknown): string {
  if (value === undefined) return 'none';
  return Array.isArray(value) ? value.map(inWords).join(', ') : inWords(value);
}

function isSubset<T>(some: readonly T[], all: readonly T[]): boolean {
  return some.every((one) => all.includes(one));
}

/** Whether a token that satisfies the one rule satisfies the other. */
function scopesImply(one: ScopesRule | undefined, other: ScopesRule | undefined): boolean {
  const [have, need] = [one?.scopes ?? [], other?.scopes ?? []];
  const isAny = one?.kind === 'any';
  if (other?.kind === 'any') return isAny ? isSubset(have, need) : need.some((scope) => have.includes(scope));
  // Of a token with any of some scopes nothing is known but that it has one of them.
  return isAny ? have.every((scope) => isSubset(need, [scope])) : isSubset(need, have);
}

function claimChanges(old: GuardSettings, now: GuardSettings, was: GuardView, is: GuardView): Change[] {
  const [rules, newRules] = [new Map(old.claims), new Map(now.claims)];
  return [...new Set([...rules.keys(), ...newRules.keys()])].flatMap((name) => {
    const [one, other] = [rules.get(name), newRules.get(name)];
    const [from, to] = [was.claims?.[name], is.claims?.[name]];
    return between(`claim ${name}`, ruleImplies(one, other), ruleImplies(other, one), from, to);
  });
}

/** Whether a claim that satisfies the one rule satisfies the other; in doubt not. */
function ruleImplies(one: ClaimRule | undefined, other: ClaimRule | undefined): boolean {
  if (other === undefined) return true;
  if (one === undefined) return false;
  if (one.kind === 'exists' || other.kind === 'exists') {
    const isThere = one.kind === 'exists' ? one.exists : true;
    return other.kind === 'exists' && other.exists === isThere;
  }
  if (one.kind === 'contains' || other.kind === 'contains') {
    return one.kind === 'contains' && other.kind === 'contains' && one.value === other.value;
  }
  const valuesOf = (rule: typeof one) => (rule.kind === 'in' ? rule.values : [rule.value]);
  return isSubset<unknown>(valuesOf(one), valuesOf(other));
}
