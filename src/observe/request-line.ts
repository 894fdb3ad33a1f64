import type { Level } from 'pino';
import { rowOf, type Source } from '../errors/catalogue.ts';
import type { Fault } from '../errors/fault.ts';
import type { Journey } from '../journey.ts';

/** How a request ended, beside what its journey tells. */
export interface Ending {
  /** Of the answer that was sent; undefined when none was. */
  readonly status: number | undefined;
  readonly durationMs: number;
  /** The client went away before the answer was complete. */
  readonly aborted: boolean;
  /** The upstream broke off in the middle of its answer. */
  readonly broken?: Error | undefined;
}

/** Whose business a refusal is decides how loud it is: a client's mistake wakes nobody. */
const LEVELS: Record<Source, Level> = { client: 'info', upstream: 'warn', gateway: 'error' };

/** How loud the line of a request is. */
export function levelOf({ fault }: Journey, { broken }: Ending): 'info' | 'warn' | 'error' {
  if (broken) return 'warn';
  if (!fault) return 'info';
  const row = rowOf(fault.code);
  const level = row.source === 'gateway' && row.status !== 500 ? 'warn' : LEVELS[row.source];
  return level as 'info' | 'warn' | 'error';
}

/**
 * The line of a request, as pino would write it: JSON, with those of these fields that there are, and nothing else.
 * `beginning` is what every line begins with, from `{` on. Put together by hand, since this is what pino's way costs most
 * of: a seventh of a request.
 */
export function requestLine(beginning: string, journey: Journey, ending: Ending): string {
  const { head, target, route, permit, fault } = journey;
  const { broken } = ending;
  // What is not quoted here has been held to characters that need no escape: ids, addresses, names of the configuration.
  let line = `${beginning},"id":"${journey.id}","trace":"${journey.trace.traceId}","span":"${journey.trace.spanId}","client":"${clientOf(journey)}"`;
  if (head) line += `,"method":${quoted(head.method)}`;
  if (journey.authority !== '') line += `,"host":${quoted(journey.authority)}`;
  if (target) line += `,"path":${quoted(target.path)}`;
  if (ending.status !== undefined) line += `,"status":${ending.status}`;
  line += `,"durationMs":${microseconds(ending.durationMs)}`;
  if (route) line += `,"route":"${route.settings.id}"`;
  if (permit) {
    const { upstream } = permit.route;
    line += `,"upstream":"${upstream.name}"`;
    if (upstream.urls.length > 1 && journey.servedBy !== undefined) line += `,"target":${quoted(journey.servedBy)}`;
  }
  if (journey.upstreamMs !== undefined) line += `,"upstreamMs":${microseconds(journey.upstreamMs)}`;
  if (permit?.token) {
    const { issuer, claims } = permit.token;
    line += `,"issuer":"${issuer.name}"`;
    if (typeof claims.sub === 'string') line += `,"sub":${quoted(claims.sub)}`;
  }
  if (fault) line += refusal(fault, broken);
  else if (broken) line += `,"cause":${quoted(broken.message)}`;
  if (ending.aborted) line += ',"aborted":true';
  if (journey.ended !== undefined) line += `,"ended":${quoted(journey.ended)}`;
  return `${line},"msg":"${messageOf(fault, ending)}"}\n`;
}

/** The address of the client, past the trusted proxies in between. */
function clientOf({ peer, head }: Journey): string {
  return head !== undefined && peer.clientOf !== undefined ? peer.clientOf(head.forwarded) : peer.address;
}

function refusal({ code, detail, cause }: Fault, broken: Error | undefined): string {
  const reason = cause === undefined ? broken?.message : errorText(cause);
  const told = detail === undefined ? '' : `,"detail":${quoted(detail)}`;
  return `,"code":"${code}"${told}${reason === undefined ? '' : `,"cause":${quoted(reason)}`}`;
}

function messageOf(fault: Fault | undefined, { broken, aborted }: Ending): string {
  return fault ? 'refused' : broken ? 'broken off' : aborted ? 'aborted' : 'served';
}

/** Printable ASCII but `"` and `\`: what JSON has as it is. */
const PLAIN = /^[ !#-[\]-~]*$/;

function quoted(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text);
}

/** Milliseconds with three places. */
function microseconds(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

/** What an error says, with its code where that is more. */
export function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as { code?: string };
  return code && !error.message.includes(code) ? `${error.message} (${code})` : error.message || error.name;
}
