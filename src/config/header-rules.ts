import { foldName } from '../request/fold.ts';
import { claimOf } from '../request/withheld.ts';
import type { Draft } from './draft.ts';
import { guardOf } from './guard.ts';
import type { PathPattern } from './pattern.ts';
import { errorAt, type Finding, type Path, warningAt } from './problem.ts';
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
  const credentials = credentialRules(route.headers.set, [...path, 'headers', 'set']);
  const templates = (['headers', 'responseHeaders'] as const).flatMap((owner) =>
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
  return [...credentials, ...templates];
}

/** Credentials of which only the scheme is left, or nothing: a variable or a value was forgotten. */
export function credentialRules(set: Readonly<Record<string, Template>>, path: Path): Judgement[] {
  return Object.entries(set).flatMap(([name, { parts }]) => {
    if (!CREDENTIALS.includes(name.toLowerCase()) || parts.some((part) => typeof part !== 'string')) return [];
    if (!ONLY_SCHEME.test(parts.join('').trim())) return [];
    const place = [...path, name];
    const finding = errorAt(place, 'empty-secret', 'the credentials are empty', 'write them behind the scheme');
    return [judge({ ...finding, masked: true }, place)];
  });
}

const CREDENTIALS = ['authorization', 'proxy-authorization'];
const ONLY_SCHEME = /^(?:basic|bearer|digest|negotiate|token|apikey)?$/i;

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

/** How clients read the name of a header: its case means nothing. */
export const inAnyCase = (name: string) => name.toLowerCase();

/** Two rules for one header, to those who `read` names: by default as the most careless upstream does. */
export function repeatedNames(names: readonly string[], path: Path, read = foldName): Judgement[] {
  return names.flatMap((name, index) => {
    const first = names.slice(0, index).find((other) => read(other) === read(name));
    if (first === undefined) return [];
    const [what, hint] =
      first.toLowerCase() === name.toLowerCase()
        ? ['are the same header', undefined]
        : ['are one header to servers that read both as one variable (CGI)', 'leave one of them away'];
    const message = `\`${name}\` and \`${first}\` ${what}`;
    return [judge(errorAt([...path, name], 'duplicate-header', message, hint, 'key'))];
  });
}

/** What a route can't let through, because another rule takes it out. */
export function keepRules({ headers }: RouteEntry, path: Path, { draft, shown, lineOf }: Scene): Judgement[] {
  const removed = new Set(headers.remove.map(foldName));
  return headers.keep.flatMap((name, index) => {
    const place = [...path, 'headers', 'keep', index];
    const folded = foldName(name);
    const own = shown(place, name);
    const at = (name: string, message: string, ...from: Path[]) => [
      judge(errorAt(place, name, message), place, ...from),
    ];
    if (headers.keep.slice(0, index).some((other) => foldName(other) === folded))
      return at('duplicate-header', `\`${own}\` is named already`);
    if (removed.has(folded))
      return at('kept-and-removed', `\`${own}\` is in \`remove\` too`, [...path, 'headers', 'remove']);
    const setAt = placesOfSet(draft).find((set) => foldName(set.at(-1) as string) === folded);
    if (!setAt) return [];
    const message = `\`${own}\` is set by the gateway (${lineOf(setAt, place)}): what clients send under this name never gets through`;
    return at('managed-header', message, setAt);
  });
}

/** Where the configuration sets headers towards upstreams. */
function placesOfSet({ routes, upstreams }: Draft): Path[] {
  const below = (headers: { readonly set: object } | undefined, path: Path): Path[] =>
    Object.keys(headers?.set ?? {}).map((name) => [...path, 'headers', 'set', name]);
  return [
    ...routes.flatMap((route, index) => below(route?.headers, ['routes', index])),
    ...[...upstreams].flatMap(([name, upstream]) => below(upstream?.headers, ['upstreams', name])),
  ];
}

const CLAIMS = {
  address: 'its own address',
  certificate: 'a certificate that it never showed',
  identity: 'who it is',
  target: 'another path, host or method than those that this route was chosen by',
} as const;

/** What a route lets through of what clients claim, and what it names in vain. */
export function keptClaims({ headers, auth }: RouteEntry, path: Path, { shown }: Scene): Finding[] {
  return headers.keep.flatMap((name, index): Finding[] => {
    const place = [...path, 'headers', 'keep', index];
    const claim = claimOf(foldName(name));
    if (claim === undefined) {
      const message = `\`${shown(place, name)}\` is not dropped by default: every route lets it through`;
      return [warningAt(place, 'useless-keep', message, 'take it out')];
    }
    const who = auth === 'public' ? 'anyone' : 'a client';
    const message = `${who} can claim ${CLAIMS[claim]} in \`${shown(place, name)}\`, and the upstream may believe it`;
    return [warningAt(place, 'header-kept', message, 'if the upstream does not: `acknowledge: [header-kept]`')];
  });
}
