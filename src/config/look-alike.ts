import { type Finding, type Path, warningAt } from './problem.ts';
import type { GatewayFile } from './schema.ts';
import { editDistance } from './suggest.ts';

interface Use {
  readonly scope: string;
  readonly route: number;
  readonly path: Path;
}

/**
 * Scopes that one route alone asks for and that look like another route's: tokens have the one that was meant, so that
 * nobody could enter. By the index of their route.
 */
export function lookAlikeScopes({ routes, defaults }: GatewayFile): ReadonlyMap<number, readonly Finding[]> {
  const uses = routes.flatMap(({ auth }, route): Use[] => {
    const scopes = auth === undefined || auth === 'public' ? undefined : auth.scopes;
    const below: Path = ['routes', route, 'auth', 'scopes', ...(scopes?.kind === 'any' ? ['any'] : [])];
    return (scopes?.scopes ?? []).map((scope, index) => ({ scope, route, path: [...below, index] }));
  });
  const times = new Map<string, number>((defaults.auth?.scopes?.scopes ?? []).map((scope) => [scope, 2]));
  for (const { scope } of uses) times.set(scope, (times.get(scope) ?? 0) + 1);
  const findings = new Map<number, Finding[]>();
  for (const [index, { scope, route, path }] of uses.entries()) {
    if (times.get(scope) !== 1) continue;
    const earlier = uses.slice(0, index);
    const meant = [...times.keys()].find(
      (other) => areAlike(scope, other) && ((times.get(other) ?? 0) > 1 || earlier.some((use) => use.scope === other)),
    );
    if (meant === undefined) continue;
    const message = `the scope \`${scope}\` is asked for here alone, and looks like \`${meant}\``;
    const hint = `did you mean \`${meant}\`? If not: \`acknowledge: [look-alike-scope]\``;
    findings.set(route, [...(findings.get(route) ?? []), warningAt(path, 'look-alike-scope', message, hint)]);
  }
  return findings;
}

/** Alike but for their case, or for one letter of a word that is long enough for that to be a slip. */
function areAlike(one: string, other: string): boolean {
  if (one === other) return false;
  if (one.toLowerCase() === other.toLowerCase()) return true;
  const [words, others] = [one.split(/[^A-Za-z0-9]/), other.split(/[^A-Za-z0-9]/)];
  const differing = words.findIndex((word, index) => word !== others[index]);
  const [word = '', likeIt = ''] = [words[differing], others[differing]];
  const longEnough = Math.max(word.length, likeIt.length) >= 4;
  // `v1` and `v2`, `zone-a` and `zone-b` are meant to differ by one character.
  const numbered = word.replace(/\d+/, '') === likeIt.replace(/\d+/, '');
  return words.length === others.length && longEnough && !numbered && editDistance(one, other) === 1;
}
