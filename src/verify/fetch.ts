import { KeysError } from './jwks.ts';

const MAX_BYTES = 512 * 1024;

export type Fetch = typeof globalThis.fetch;

/**
 * Fetches one JSON document of an issuer: status 200, at most 512 KiB after decompression, no redirects (they turn a
 * fixed address into one of the answerer's choice), all within `timeout` ms. Throws KeysError that says what was seen.
 */
export async function fetchJson(url: string, timeout: number, fetch: Fetch, cancel: AbortSignal): Promise<unknown> {
  const signal = AbortSignal.any([cancel, AbortSignal.timeout(timeout)]);
  let text: string;
  try {
    const response = await fetch(url, { redirect: 'manual', signal, headers: { accept: 'application/json' } });
    if (response.status !== 200) {
      await response.body?.cancel();
      throw new KeysError(`${url} answered ${response.status}`);
    }
    text = await readAtMost(response, url);
  } catch (error) {
    throw error instanceof KeysError ? error : new KeysError(`${url} ${failure(error, timeout)}`, { cause: error });
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new KeysError(`${url} did not answer JSON`);
  }
}

async function readAtMost(response: Response, url: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    if (size > MAX_BYTES) throw new KeysError(`${url} answered more than ${MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
}

/** What went wrong, in words: fetch itself says just "fetch failed" and hides the reason in its cause. */
function failure(error: unknown, timeout: number): string {
  if (!(error instanceof Error)) return 'could not be fetched';
  if (error.name === 'TimeoutError') return `did not answer within ${timeout} ms`;
  const cause = error.cause as { code?: string; message?: string } | undefined;
  return `could not be fetched: ${cause?.code ?? cause?.message ?? error.message}`;
}

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/** Whether keys may be asked for at this address: https, or http to this very machine, or where that is allowed. */
export function mayFetch(url: string, allowHttp: boolean): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol, hostname } = new URL(url);
  return protocol === 'https:' || (protocol === 'http:' && (allowHttp || LOOPBACK.test(hostname)));
}
