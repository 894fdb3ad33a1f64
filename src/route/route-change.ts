import type { RouteSettings } from '../config/config.ts';
import { writeDuration, writeSize } from '../config/units.ts';
import { between, type Change, type Shown, subsetChange } from './guard-change.ts';
import { goesTo } from './view.ts';

/** How two routes differ beside their guards: limits, what reaches the upstream, and which upstream that is. */
export function limitChanges(before: Shown, after: Shown): Change[] {
  const [old, now] = [before.route, after.route];
  return [
    ...subsetChange('match.allow', old.allow, now.allow),
    ...bodyChange(old, now),
    ...removedHeaders(before, after),
    ...subsetChange('headers.keep', old.headers.keep, now.headers.keep, [
      before.lists.keptHeaders,
      after.lists.keptHeaders,
    ]),
    ...corsChanges(before, after),
    ...streamChanges(old, now),
    ...changed('token', old.token, now.token),
    ...changed('goes to', goesTo(before.view), goesTo(after.view)),
    ...changed('headers.set', headersOf(old), headersOf(now)),
  ];
}

function changed(what: string, from: string, to: string): Change[] {
  return from === to ? [] : [{ effect: 'changed', what, from, to }];
}

function bodyChange({ maxBody: old }: RouteSettings, { maxBody: now }: RouteSettings): Change[] {
  const size = (bytes: number | undefined) => (bytes === undefined ? 'no limit' : writeSize(bytes));
  const [was, is] = [old ?? Number.POSITIVE_INFINITY, now ?? Number.POSITIVE_INFINITY];
  return between('maxBody', was <= is, is <= was, size(old), size(now));
}

/** A header that was removed and no longer is: clients can send it. */
function removedHeaders(before: Shown, after: Shown): Change[] {
  const [was, is] = [before.route.headers.remove, after.route.headers.remove];
  const words = ({ lists }: Shown) => (lists.removedHeaders.length > 0 ? lists.removedHeaders.toSorted() : undefined);
  const isKept = was.some((name) => !is.includes(name));
  const isMore = is.some((name) => !was.includes(name));
  return between('headers.remove', !isMore, !isKept, words(before), words(after));
}

function corsChanges(before: Shown, after: Shown): Change[] {
  const [old, now] = [before.route.cors, after.route.cors];
  const [was, is] = [old?.origins ?? [], now?.origins ?? []];
  const any = (origins: readonly string[]) => origins.includes('*');
  const covers = (all: readonly string[], some: readonly string[]) =>
    any(all) || some.every((one) => all.includes(one));
  const words = ({ lists }: Shown) => (lists.corsOrigins.length > 0 ? lists.corsOrigins : undefined);
  return [
    ...between('cors.origins', covers(is, was), covers(was, is), words(before), words(after)),
    ...(old?.credentials !== true && now?.credentials === true
      ? [{ effect: 'opened', what: 'cors.credentials', from: 'false', to: 'true' } as const]
      : []),
  ];
}

/** A stream that outlives its token is a check that comes too late. */
function streamChanges(
  { streams: old, websocket: was }: RouteSettings,
  { streams: now, websocket: is }: RouteSettings,
): Change[] {
  const lifetime = ({ endWithToken, grace }: typeof old) => (endWithToken ? grace : Number.POSITIVE_INFINITY);
  const words = ({ endWithToken, grace }: typeof old) =>
    endWithToken ? `${writeDuration(grace)} after the token` : 'never';
  const [before, after] = [lifetime(old), lifetime(now)];
  return [
    ...changed('websocket', String(was), String(is)),
    ...between('streams end', before <= after, after <= before, words(old), words(now)),
  ];
}

/** Names and templates; values that came from `${…}` are not shown. */
function headersOf({ headers }: RouteSettings): string {
  const rules = headers.set.map(([name, { source, secret }]) => `${name}: ${secret ? '(from elsewhere)' : source}`);
  return rules.length > 0 ? rules.sort().join(', ') : 'none';
}
