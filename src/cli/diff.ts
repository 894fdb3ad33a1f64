import { type Difference, differenceOf, type RequestChange } from '../route/difference.ts';
import { type Change, losesCheck, type Shown } from '../route/guard-change.ts';
import { goesTo, takes, whoMayEnter } from '../route/view.ts';
import { type CommandIo, EXIT } from './io.ts';
import { goodConfig } from './routes.ts';

interface DiffOptions {
  readonly before: string;
  readonly after: string;
  readonly format: 'text' | 'json';
}

/** `bearergate diff`: what a change of configuration does to access. Answers 3 where something becomes public or loses a check. */
export function diff({ before, after, format }: DiffOptions, io: CommandIo): number {
  const [old, now] = [goodConfig(before, io), goodConfig(after, io)];
  if (!old || !now) return EXIT.problems;
  const difference = differenceOf(old, now);
  io.stdout(format === 'json' ? `${JSON.stringify(asJson(difference))}\n` : asText(difference));
  return difference.opens ? EXIT.opened : EXIT.ok;
}

function asJson({ added, removed, changed, whole, requests, opens }: Difference): object {
  return {
    opens,
    routes: { added: added.map(({ view }) => view), removed: removed.map(({ view }) => view), changed },
    whole,
    requests: requests.map(({ before, after, host, ...rest }) => ({
      ...rest,
      host: host ?? null,
      methods: rest.methods ?? null,
      before: before?.view.id ?? null,
      after: after?.view.id ?? null,
    })),
  };
}

function asText(difference: Difference): string {
  const { added, removed, changed, whole, requests, opens } = difference;
  const sections = [
    section('Routes', [
      ...added.map((shown) => `+ ${described(shown)}`),
      ...removed.map((shown) => `- ${described(shown)}`),
      ...changed.flatMap(({ id, changes }) => [`~ ${id}`, ...changes.map((change) => `    ${changeLine(change)}`)]),
    ]),
    section('Issuers, headers, proxies', whole.map(changeLine)),
    section(
      'Requests that are decided differently',
      requests.filter(isWorthTelling).toSorted(worstFirst).flatMap(requestLines),
    ),
  ].filter((text) => text !== '');
  if (sections.length === 0) return 'Nothing changes in who may do what.\n';
  const verdict = opens
    ? 'Something becomes public, or loses a check.'
    : 'Nothing becomes public, and no check is lost.';
  return `${[...sections, `${verdict}\n`].join('\n')}`;
}

function section(title: string, lines: readonly string[]): string {
  return lines.length === 0 ? '' : `${title}:\n${lines.map((line) => `  ${line}\n`).join('')}`;
}

function described({ view }: Shown): string {
  return `${view.id}  ${takes(view)}  ${whoMayEnter(view)}  ${goesTo(view)}`;
}

function changeLine({ effect, what, from, to }: Change): string {
  return `${effect}: ${what}: ${from} → ${to}`;
}

function requestLines({
  effect,
  methods,
  exceptMethods,
  host,
  paths,
  before,
  after,
  changes,
}: RequestChange): string[] {
  const what = paths.map((path) => `${host ?? ''}${path}`).join(', ');
  return [
    `${effect}: ${methodsText(methods, exceptMethods)} ${what}`,
    `    was: ${fate(before)}`,
    `    now: ${fate(after)}`,
    ...(isSameRoute(before, after) ? [] : changes.filter(({ what }) => what !== 'auth')).map(
      (change) => `    ${changeLine(change)}`,
    ),
  ];
}

function methodsText(methods: readonly string[] | undefined, except: readonly string[]): string {
  if (methods) return methods.join(', ');
  return except.length > 0 ? `any method but ${except.join(', ')}` : 'any method';
}

function isSameRoute(before: Shown | undefined, after: Shown | undefined): boolean {
  return before !== undefined && before.route.id === after?.route.id;
}

/** Beside who may enter, what changes within one route is told of the route already. */
function isWorthTelling({ before, after, effect }: RequestChange): boolean {
  return effect !== 'changed' || !isSameRoute(before, after);
}

function fate(shown: Shown | undefined): string {
  return shown ? `${shown.view.id}, ${whoMayEnter(shown.view)}` : 'refused, by no route';
}

function worstFirst(one: RequestChange, other: RequestChange): number {
  return Number(losesCheck(other)) - Number(losesCheck(one));
}
