import { guardOf } from './guard.ts';
import type { PathPattern } from './pattern.ts';
import { errorAt, type Path } from './problem.ts';
import { type Judgement, judge, type Scene } from './scene.ts';
import type { RouteEntry } from './schema.ts';
import { didYouMean } from './suggest.ts';
import type { Reference, Template } from './template.ts';

/**
 * What a route's header templates refer to and the route can't have. Headers of an upstream serve many routes: what one
 * of them has no value for is just not sent there.
 */
export function templateRules(route: RouteEntry, path: Path, { draft, isSecret }: Scene): Judgement[] {
  const isPublic = guardOf(route, draft.defaultAuth) === 'public';
  return (['headers', 'responseHeaders'] as const).flatMap((owner) =>
    Object.entries(route[owner].set).flatMap(([name, template]) => {
      const place = [...path, owner, 'set', name];
      const secret = isSecret(place);
      return referencesOf(template).flatMap((reference) => [
        ...knownParam(reference, route.match.path, place, [...path, 'match', 'path'], secret),
        ...(isPublic ? proved(reference, place, [...path, 'auth'], secret) : []),
        ...(draft.listen && !draft.listen.tls?.clientCa ? shown(reference, place) : []),
      ]);
    }),
  );
}

function referencesOf({ parts }: Template): Reference[] {
  return parts.filter((part) => typeof part !== 'string');
}

function knownParam(reference: Reference, pattern: PathPattern, place: Path, from: Path, secret: boolean): Judgement[] {
  if (reference.kind !== 'param') return [];
  const names = pattern.segments.flatMap((segment) => (segment.kind === 'named' ? segment.name : []));
  if (names.includes(reference.name)) return [];
  const message = secret ? 'the path has no segment of this name' : `the path has no segment \`{${reference.name}}\``;
  const likely = secret ? undefined : didYouMean(reference.name, names);
  const hint = likely ?? 'name one in `match.path`, such as `/orders/{id}`';
  return [judge(errorAt(place, 'unknown-param', message, hint), place, from)];
}

function proved(reference: Reference, place: Path, from: Path, secret: boolean): Judgement[] {
  if (reference.kind !== 'claim' && reference.kind !== 'issuer') return [];
  const what = reference.kind === 'issuer' ? '`{issuer}`' : secret ? 'a claim' : `\`{claims.${reference.path}}\``;
  const message = `a public route has no verified token, so nothing to put in for ${what}`;
  return [judge(errorAt(place, 'no-token', message), place, from)];
}

function shown({ kind }: Reference, place: Path): Judgement[] {
  if (kind !== 'client') return [];
  const message = 'clients show no certificate, so there is nothing to put in for `{client.subject}`';
  return [judge(errorAt(place, 'no-client-certificate', message, 'name `listen.tls.clientCa`'), place, ['listen'])];
}

/** Two rules for one header: names don't differ by their case. */
export function repeatedNames(names: readonly string[], path: Path): Judgement[] {
  return names.flatMap((name, index) => {
    const first = names.slice(0, index).find((other) => other.toLowerCase() === name.toLowerCase());
    if (first === undefined) return [];
    const message = `\`${name}\` and \`${first}\` are the same header`;
    return [judge(errorAt([...path, name], 'duplicate-header', message, undefined, 'key'))];
  });
}
