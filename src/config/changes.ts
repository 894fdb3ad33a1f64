import { isDeepStrictEqual } from 'node:util';
import type { Config, ListenTls } from './config.ts';
import { type Fact, gatewayFacts, issuerFacts, routeFacts, upstreamFacts } from './facts.ts';
import { overlap, type Path } from './problem.ts';

/**
 * What differs between two configurations, in words: "route orders-read: scopes orders:read → orders:read, orders:list".
 * Of a value that is or may be a secret it tells no more than that it changed. Empty where nothing takes another effect.
 */
export function changesBetween(before: Config, after: Config): string[] {
  return [
    ...differences(undefined, gatewaySide(before), gatewaySide(after)),
    ...entryChanges('issuer', issuersOf(before), issuersOf(after)),
    ...entryChanges('upstream', upstreamsOf(before), upstreamsOf(after)),
    ...entryChanges('route', routesOf(before), routesOf(after)),
  ];
}

/** Settings that are bound to the sockets or the parser of a running server. */
const BOUND = [
  'listen.host',
  'listen.port',
  'listen.limits.headers',
  'listen.tls',
  'listen.tls.clientCa',
  'admin.host',
  'admin.port',
  'workers',
];

/** What of `wanted` cannot be had from a gateway that was started with `running`, in words. */
export function needingRestart(running: Config, wanted: Config): string[] {
  const bound = (config: Config) => {
    const { facts, secrets } = gatewaySide(config);
    return { facts: facts.filter(({ label }) => BOUND.includes(label)), secrets };
  };
  return differences(undefined, bound(running), bound(wanted));
}

/** What can be had of `wanted` from a gateway at work with `current`: what needs a restart stays as it is. */
export function attainable({ listen: bound, admin, workers }: Config, wanted: Config): Config {
  const limits = { ...wanted.listen.limits, headers: bound.limits.headers };
  const tls = attainableTls(bound.tls, wanted.listen.tls);
  const listen = { ...wanted.listen, host: bound.host, port: bound.port, limits, tls };
  return { ...wanted, listen, admin: { ...wanted.admin, host: admin.host, port: admin.port }, workers };
}

/** Certificates can be renewed. Whether it is HTTPS, and whether clients have to show one, stays. */
function attainableTls(current: ListenTls | undefined, wanted: ListenTls | undefined): ListenTls | undefined {
  if (!current || !wanted) return current;
  return { ...wanted, clientCa: current.clientCa && (wanted.clientCa ?? current.clientCa) };
}

/** One entry of a configuration, with what of it must not be shown. */
interface Side {
  readonly facts: readonly Fact[];
  /** Places of secrets within the entry, and those it may inherit from. */
  readonly secrets: { readonly own: readonly Path[]; readonly inherited: readonly Path[] };
}

interface Entry {
  readonly settings: object;
  /** Made only where something differs. */
  readonly side: () => Side;
  /** What is told of it when it is added. */
  readonly summary: (shown: (label: string) => string) => string;
}

type Entries = ReadonlyMap<string, Entry>;

function entryChanges(kind: string, before: Entries, after: Entries): string[] {
  const names = [...new Set([...before.keys(), ...after.keys()])];
  return names.flatMap((name) => {
    const subject = `${kind} ${name}`;
    const [was, is] = [before.get(name), after.get(name)];
    if (!is) return [`${subject} removed`];
    if (!was) return [`${subject} added: ${printable(summaryOf(is))}`];
    return isDeepStrictEqual(was.settings, is.settings) ? [] : differences(subject, was.side(), is.side());
  });
}

function summaryOf({ side, summary }: Entry): string {
  const described = side();
  const facts = byLabel(described);
  return summary((label) => {
    const fact = facts.get(label);
    return fact && isHidden(fact, described) ? '(hidden)' : shownOr(fact, 'none');
  });
}

function differences(subject: string | undefined, before: Side, after: Side): string[] {
  const [earlier, later] = [byLabel(before), byLabel(after)];
  return [...new Set([...earlier.keys(), ...later.keys()])].flatMap((label) => {
    const [was, is] = [earlier.get(label), later.get(label)];
    // Most are alike, and a deep look costs a hundred times as much.
    if (was?.value === is?.value || isDeepStrictEqual(was?.value, is?.value)) return [];
    const hidden = (was && isHidden(was, before)) || (is && isHidden(is, after));
    const change = hidden ? bareChange(was, is) : `${shownOr(was, 'none')} → ${shownOr(is, 'none')}`;
    return [printable(`${subject === undefined ? '' : `${subject}: `}${label} ${change}`)];
  });
}

function byLabel({ facts }: Side): ReadonlyMap<string, Fact> {
  return new Map(facts.map((fact) => [fact.label, fact]));
}

function bareChange(was: Fact | undefined, is: Fact | undefined): string {
  if (was?.value === undefined) return 'added';
  return is?.value === undefined ? 'removed' : 'changed';
}

function isHidden({ text, at, orAt = at, inheritedFrom }: Fact, { secrets }: Side): boolean {
  if (text === undefined || secrets.own.some((place) => overlap(place, at) || overlap(place, orAt))) return true;
  return inheritedFrom !== undefined && secrets.inherited.some((place) => overlap(place, inheritedFrom));
}

function shownOr(fact: Fact | undefined, nothing: string): string {
  return fact?.text ?? nothing;
}

function gatewaySide(config: Config): Side {
  return { facts: gatewayFacts(config), secrets: { own: config.secrets, inherited: [] } };
}

function issuersOf(config: Config): Entries {
  const entries = config.issuers.map((settings): [string, Entry] => {
    const side = () => sideOf(config, ['issuers', settings.name], issuerFacts(settings));
    return [settings.name, { settings, side, summary: (shown) => shown('issuer') }];
  });
  return new Map(entries);
}

function upstreamsOf(config: Config): Entries {
  const entries = config.upstreams.map((settings): [string, Entry] => {
    const side = () => sideOf(config, ['upstreams', settings.name], upstreamFacts(settings));
    return [settings.name, { settings, side, summary: (shown) => shown('url') }];
  });
  return new Map(entries);
}

function routesOf(config: Config): Entries {
  const entries = config.routes.map((settings, index): [string, Entry] => {
    const side = () => sideOf(config, ['routes', index], routeFacts(settings));
    return [settings.id, { settings, side, summary: summaryOfRoute }];
  });
  return new Map(entries);
}

function sideOf({ secrets }: Config, place: Path, facts: readonly Fact[]): Side {
  const own = secrets.flatMap((path) => (overlap(path, place) ? [path.slice(place.length)] : []));
  return { facts, secrets: { own, inherited: secrets } };
}

/** "GET api.example.com/orders/** → orders, issuers main, scopes orders:read", or "…, public". */
function summaryOfRoute(shown: (label: string) => string): string {
  const host = shown('host');
  const methods = shown('methods');
  const where = `${methods === 'any' ? 'any method' : methods} ${host === 'any' ? '' : host}${shown('path')}`;
  const access = shown('auth') === 'public' ? 'public' : `issuers ${shown('issuers')}, scopes ${shown('scopes')}`;
  return `${where} → ${shown('upstream')}, ${access}`;
}

const LONGEST = 300;

/** What comes from a file may hold controls or be endless, and this is read on terminals. */
function printable(text: string): string {
  const clean = text.replace(/\p{C}/gu, '\ufffd');
  return clean.length > LONGEST ? `${clean.slice(0, LONGEST)}…` : clean;
}
