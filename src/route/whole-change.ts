import type { Config } from '../config/config.ts';
import type { Path } from '../config/problem.ts';
import { writeDuration } from '../config/units.ts';
import { foldName } from '../request/fold.ts';
import { claimOf } from '../request/withheld.ts';
import type { AnyIssuerSettings, IssuerSettings, OpaqueIssuerSettings } from '../verify/settings.ts';
import { between, type Change, subsetChange, type Version } from './guard-change.ts';
import { shownList } from './view.ts';

/** What changes for every route: how issuers' tokens are checked, and whom we believe. */
export function wholeChanges(before: Version, after: Version): Change[] {
  const names = new Map(after.config.issuers.map((issuer) => [issuer.name, issuer]));
  return [
    ...subsetChange('listen.trustedProxies', before.config.listen.trustedProxies, after.config.listen.trustedProxies, [
      proxiesOf(before),
      proxiesOf(after),
    ]),
    ...freedHeaders(before.config, after.config),
    ...before.config.issuers.flatMap((issuer) => {
      const now = names.get(issuer.name);
      return now ? issuerChanges(issuer, now, [before, after]) : [];
    }),
  ];
}

function proxiesOf({ config: { listen, written } }: Version): string[] {
  return shownList(listen.trustedProxies, ['listen', 'trustedProxies'], written);
}

/** A header that nothing sets any more is no longer taken off what clients send: they can be whoever they like. */
function freedHeaders(before: Config, after: Config): Change[] {
  const set = ({ routes, upstreams }: Config) =>
    new Map(
      [...routes.flatMap(({ headers }) => headers.set), ...upstreams.flatMap(({ headers }) => headers)].map(
        ([name]) => [name.toLowerCase(), name],
      ),
    );
  const still = set(after);
  return [...set(before)].flatMap(([key, name]): Change[] =>
    // What is withheld by default does not come from clients either.
    still.has(key) || claimOf(foldName(key)) !== undefined
      ? []
      : [{ effect: 'opened', what: `header ${name}`, from: 'set by the gateway alone', to: 'as clients send it' }],
  );
}

type Versions = readonly [before: Version, after: Version];

function issuerChanges(old: AnyIssuerSettings, now: AnyIssuerSettings, versions: Versions): Change[] {
  const path: Path = ['issuers', old.name];
  const own = [
    ...replaced('issuer', [old.issuer, now.issuer], [...path, 'issuer'], versions),
    ...subsetChange('audience', old.audience, now.audience),
    // More required claims let less in.
    ...subsetChange('requiredClaims', now.requiredClaims, old.requiredClaims).map(turned),
    ...atMost('clockTolerance', old.clockTolerance, now.clockTolerance),
    ...atMost('maxTokenAge', old.maxTokenAge, now.maxTokenAge),
    ...kindChanges(old, now, path, versions),
  ];
  const isSecret = versions.some(({ config: { written } }) =>
    ['audience', 'requiredClaims'].some((key) =>
      [
        [...path, key],
        [...path, key, 0],
      ].some((at) => written.referenceAt(at)),
    ),
  );
  return own.map((change) => ({
    ...change,
    what: `issuer ${old.name}: ${change.what}`,
    ...(isSecret && /^(?:audience|requiredClaims)$/.test(change.what) && { from: NOT_SHOWN, to: NOT_SHOWN }),
  }));
}

const NOT_SHOWN = '(not shown)';

function turned(change: Change): Change {
  return { ...change, from: change.to, to: change.from };
}

function kindChanges(old: AnyIssuerSettings, now: AnyIssuerSettings, path: Path, versions: Versions): Change[] {
  if ('introspection' in old || 'introspection' in now) {
    if ('introspection' in old && 'introspection' in now) return introspectionChanges(old, now, path, versions);
    const kind = (issuer: AnyIssuerSettings) => ('introspection' in issuer ? 'introspection' : 'keys');
    return [{ effect: 'replaced', what: 'verified by', from: kind(old), to: kind(now) }];
  }
  return keyChanges(old, now, path, versions);
}

function introspectionChanges(
  { introspection: old }: OpaqueIssuerSettings,
  { introspection: now }: OpaqueIssuerSettings,
  path: Path,
  versions: Versions,
): Change[] {
  return [
    ...replaced('introspection.url', [old.url, now.url], [...path, 'introspection', 'url'], versions),
    ...unlocked('introspection.allowHttp', old.allowHttp, now.allowHttp),
    ...atMost('introspection.cacheFor', old.cacheFor, now.cacheFor),
  ];
}

function keyChanges(old: IssuerSettings, now: IssuerSettings, path: Path, versions: Versions): Change[] {
  const place = (source: IssuerSettings['keys']['source']) => JSON.stringify(source);
  const words = ({ keys: { source } }: IssuerSettings) =>
    source.kind === 'url' ? source.url : source.kind === 'file' ? source.path : source.kind;
  const moved = place(old.keys.source) !== place(now.keys.source);
  const other = old.secret !== now.secret;
  return [
    ...(moved ? replaced('keys', [words(old), words(now)], [...path, 'keys', 'url'], versions, true) : []),
    ...(other ? [{ effect: 'replaced', what: 'keys.secret', from: NOT_SHOWN, to: NOT_SHOWN } as const] : []),
    ...unlocked('keys.allowHttp', old.keys.allowHttp, now.keys.allowHttp),
    ...atMost('keys.maxStale', old.keys.maxStale, now.keys.maxStale),
    ...subsetChange('algorithms', old.algorithms, now.algorithms),
    ...between(
      'tokenType',
      now.tokenType === 'any' || old.tokenType === 'access',
      old.tokenType === 'any' || now.tokenType === 'access',
      old.tokenType,
      now.tokenType,
    ),
  ];
}

/** Another authority: what was proved before is proved by somebody else now. */
function replaced(
  what: string,
  [from, to]: readonly [string, string],
  path: Path,
  [before, after]: Versions,
  always = false,
): Change[] {
  if (from === to && !always) return [];
  const shown = ({ config: { written } }: Version, text: string) => written.referenceAt(path) ?? text;
  return [{ effect: 'replaced', what, from: shown(before, from), to: shown(after, to) }];
}

function unlocked(what: string, old: boolean, now: boolean): Change[] {
  return between(what, now || !old, old || !now, String(old), String(now));
}

/** A limit in milliseconds; undefined: none. */
function atMost(what: string, old: number | undefined, now: number | undefined): Change[] {
  const [was, is] = [old ?? Number.POSITIVE_INFINITY, now ?? Number.POSITIVE_INFINITY];
  const words = (time: number | undefined) => (time === undefined ? 'no limit' : writeDuration(time));
  return between(what, was <= is, is <= was, words(old), words(now));
}
