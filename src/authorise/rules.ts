import type { GuardSettings } from '../config/config.ts';
import type { ClaimRule, ScopesRule } from '../config/schema.ts';
import type { Fault } from '../errors/fault.ts';
import type { JsonObject } from '../token/compact.ts';
import { claimAt } from '../verify/claim-path.ts';
import { listing } from '../verify/wording.ts';

/** What the scopes of a token lack, if anything (RFC 6750 §3.1, insufficient_scope). */
export function scopeFault(
  rule: ScopesRule | undefined,
  granted: readonly string[],
  claims: JsonObject = {},
): Fault | undefined {
  if (rule === undefined) return undefined;
  const { scopes } = rule;
  const enough =
    rule.kind === 'all'
      ? scopes.every((scope) => granted.includes(scope))
      : scopes.some((scope) => granted.includes(scope));
  if (enough) return undefined;
  const needed = rule.kind === 'all' ? scopes.join(' ') : `one of ${scopes.join(', ')}`;
  const has = granted.length ? listing(granted) : 'no scope at all';
  return {
    code: 'authorise.scope',
    detail: `This needs ${needed}; the token has ${has}.${scopeHint(scopes, granted, claims)}`,
    scope: scopes,
    members: { requiredScopes: scopes },
  };
}

/** The first claim rule that refuses. It is named, but not what it would take: that is nobody's business who fails it. */
export function claimFault(rules: GuardSettings['claims'], claims: JsonObject): Fault | undefined {
  for (const [path, rule] of rules) {
    if (!holds(rule, claimAt(claims, path))) {
      return {
        code: 'authorise.claim',
        detail: `The rule on the claim ${path} refuses this token${claimHint(claims, path)}.`,
        members: { claim: path },
      };
    }
  }
  return undefined;
}

function holds(rule: ClaimRule, value: unknown): boolean {
  switch (rule.kind) {
    case 'equals':
      return value === rule.value;
    case 'in':
      return (rule.values as readonly unknown[]).includes(value);
    // An issuer that has one value to list may write it without the list, as JWT does with `aud`.
    case 'contains':
      return Array.isArray(value) ? value.includes(rule.value) : value === rule.value;
    case 'exists':
      return (value !== undefined && value !== null) === rule.exists;
  }
}

/** What of the token looks like the scope that is missing, in a sentence of its own. */
function scopeHint(needed: readonly string[], granted: readonly string[], claims: JsonObject): string {
  if (granted.some((scope) => scope.includes(',')))
    return ' Its scopes stand behind each other with commas; spaces belong between them.';
  const folded = new Set(granted.map((scope) => scope.toLowerCase()));
  if (needed.some((scope) => !granted.includes(scope) && folded.has(scope.toLowerCase())))
    return ' Scopes differ by capital and small letters.';
  const elsewhere = ['permissions', 'roles', 'scopes'].find((name) => {
    const value = Object.hasOwn(claims, name) ? claims[name] : undefined;
    return Array.isArray(value) && needed.some((scope) => value.includes(scope));
  });
  return elsewhere
    ? ` It has it in its claim ${elsewhere}, which is no claim for scopes: a rule on it would see it.`
    : '';
}

/** Whether a token lacks the claim that a rule is about, and where it has one of that name instead. */
function claimHint(claims: JsonObject, path: string): string {
  if (claimAt(claims, path) !== undefined) return '';
  const name = path.slice(path.lastIndexOf('.') + 1);
  const found = placesOf(claims, name)[0];
  return found ? `: it has no such claim, but one at ${listing([found])}` : ': it has no such claim';
}

/** The paths of a member's name within claims, not deeper and not more than a person nests them. */
function placesOf(claims: JsonObject, name: string, depth = 0): string[] {
  return Object.entries(claims).flatMap(([key, value]) => {
    if (key === name) return [key];
    if (depth >= 3 || typeof value !== 'object' || value === null || Array.isArray(value)) return [];
    return placesOf(value as JsonObject, name, depth + 1).map((rest) => `${key}.${rest}`);
  });
}
