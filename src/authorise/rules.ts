import type { GuardSettings } from '../config/config.ts';
import type { ClaimRule, ScopesRule } from '../config/schema.ts';
import type { Fault } from '../errors/fault.ts';
import type { JsonObject } from '../token/compact.ts';
import { claimAt } from '../verify/claim-path.ts';
import { listing } from '../verify/wording.ts';

/** What the scopes of a token lack, if anything (RFC 6750 §3.1, insufficient_scope). */
export function scopeFault(rule: ScopesRule | undefined, granted: readonly string[]): Fault | undefined {
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
    detail: `This needs ${needed}; the token has ${has}.`,
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
        detail: `The rule on the claim ${path} refuses this token.`,
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
