import { isLoopback } from '../request/address.ts';
import { parseExactly } from '../token/exact-json.ts';
import type { Answer, Ask, Question } from './ask.ts';

/** More than any JWK Set or metadata document has. */
export const MAX_BYTES = 512 * 1024;

/** What is read of an issuer: JSON under whatever name it comes (RFC 7517 §8.5.2 has one for key sets). */
export const ACCEPT = 'application/json, application/jwk-set+json, */*;q=0.1';

/** Why an issuer could not be asked: it is out of reach, or its answer is not what the protocol says. */
export class ProviderError extends Error {}

/**
 * Why an asking is given up by ourselves. Made once: an error keeps alive whoever was at work when it was made, and this
 * one would be kept by the keys of an issuer, and they by its remembered tokens.
 */
export const GIVEN_UP = new Error('it is not asked any more');

/** How to ask. */
export interface Asking {
  /** Milliseconds for all of it. */
  readonly timeout: number;
  readonly ask: Ask;
  readonly cancel: AbortSignal;
  /** Method, headers and body, where it is more than a GET. */
  readonly question?: Question;
}

/**
 * Fetches one JSON document of an issuer: status 200, at most 512 KiB after decompression, no redirects (they turn a
 * fixed address into one of the answerer's choice), all within the time. Throws ProviderError that says what was seen.
 */
export async function fetchJson(url: string, { timeout, ask, cancel, question }: Asking): Promise<unknown> {
  const deadline = startDeadline(timeout, cancel);
  const shown = shownUrl(url);
  let text: string;
  try {
    const { signal } = deadline;
    const answer = await ask(url, { headers: { accept: ACCEPT }, ...question, signal });
    if (answer.status !== 200) {
      await answer.body?.cancel();
      throw new ProviderError(`${shown} answered ${answer.status}`);
    }
    text = await readAtMost(answer, shown);
  } catch (error) {
    throw error instanceof ProviderError
      ? error
      : new ProviderError(`${shown} ${failure(error, timeout)}`, { cause: error });
  } finally {
    deadline.end();
  }
  try {
    return parseExactly(text);
  } catch {
    throw new ProviderError(`${shown} did not answer JSON`);
  }
}

/** An address as it may stand in a message: a query can hold a key to it. */
export function shownUrl(url: string): string {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname}`;
}

/**
 * A signal that aborts after `timeout` ms or with `cancel`, until `end`. AbortSignal.any over AbortSignal.timeout would
 * say the same, but Node 20 may collect the two as garbage before the time is up: the fetch then hangs for ever, and with
 * it every later refresh of the keys, which waits for the one under way.
 */
function startDeadline(timeout: number, cancel: AbortSignal): { readonly signal: AbortSignal; end(): void } {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new DOMException('no answer in time', 'TimeoutError')), timeout);
  const giveUp = () => controller.abort(cancel.reason);
  if (cancel.aborted) giveUp();
  cancel.addEventListener('abort', giveUp, { once: true });
  return {
    signal: controller.signal,
    end() {
      clearTimeout(timer);
      cancel.removeEventListener('abort', giveUp);
    },
  };
}

async function readAtMost(answer: Answer, url: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of answer.body ?? []) {
    size += chunk.byteLength;
    if (size > MAX_BYTES) throw new ProviderError(`${url} answered more than ${MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
}

/** What went wrong, in words. */
function failure(error: unknown, timeout: number): string {
  if (!(error instanceof Error)) return 'could not be fetched';
  if (error.name === 'TimeoutError') return `did not answer within ${timeout} ms`;
  return `could not be fetched: ${(error as { code?: string }).code ?? error.message}`;
}

/** All names and addresses that end at this very machine, whatever a URL calls it: IPv4 in IPv6, and the unspecified one. */
const THIS_MACHINE =
  /^(?:(?:[^.]+\.)*localhost\.?|127(?:\.\d{1,3}){3}|0\.0\.0\.0|\[::(?:1|ffff:7f[0-9a-f]{2}:[0-9a-f]{1,4}|ffff:0:0|7f[0-9a-f]{2}:[0-9a-f]{1,4})?\])$/;

/** Whether keys may be asked for at this address: https, or http to this very machine, or where that is allowed. */
export function mayFetch(url: string, allowHttp: boolean): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol, hostname } = new URL(url);
  return protocol === 'https:' || (protocol === 'http:' && (allowHttp || isLoopback(hostname)));
}

/**
 * Whether an address that an issuer's document names may be asked. The document is outside input: http to
 * this machine is allowed only for an issuer that is configured to be here. Otherwise any issuer could make the gateway
 * request services that listen on loopback for this machine alone.
 */
export function mayFollow(url: string, from: string, allowHttp: boolean): boolean {
  if (!mayFetch(url, allowHttp)) return false;
  const { protocol, hostname } = new URL(url);
  return protocol === 'https:' || !THIS_MACHINE.test(hostname) || isLoopback(new URL(from).hostname);
}
