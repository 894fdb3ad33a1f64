import { execFile, execFileSync } from 'node:child_process';
import { createServer } from 'node:http';
import { promisify } from 'node:util';
import type { ExecutionContext } from 'ava';
import { closeNow, listenOnLoopback } from './listen.ts';
import { needs } from './needs.ts';
import { startSecure } from './secure-gateway.ts';

const run = promisify(execFile);

/** How many requests a client sends: far more than any bound on floods allows at once. */
export const MANY = 20_000;
/** For one test, in ms, on a machine that is busy with others. */
export const LOAD_TIMEOUT = 300_000;

export const isFlood = ({ msg }: Readonly<Record<string, unknown>>) => /flood/.test(String(msg));

/** A `test` that loads the gateway with h2load, a client of its own making (nghttp2). */
export const needsH2load = needs('h2load (Debian: nghttp2-client)', () => {
  try {
    execFileSync('h2load', ['--version']);
    return true;
  } catch {
    return false;
  }
});

/**
 * A gateway for HTTPS in front of an upstream that answers `ok` and records nothing, with a route for each way to be
 * refused: `/guarded` 401, `/scoped` 403 with the token of `bearer`, `/small` 413 above 1 KiB, everything but `/open` 404.
 */
export async function startLoaded(t: ExecutionContext, log: object = {}) {
  let reached = 0;
  const server = createServer((request, response) => {
    reached += 1;
    request.resume().on('end', () => response.end('ok'));
  });
  const { url } = await listenOnLoopback(server);
  const started = await startSecure(t, {
    log: { level: 'info', ...log },
    upstreams: { plain: { url } },
    routes: [
      { id: 'open', match: { path: '/open' }, auth: 'public', upstream: 'plain' },
      { id: 'small', match: { path: '/small' }, auth: 'public', upstream: 'plain', maxBody: '1KiB' },
      { id: 'guarded', match: { path: '/guarded' }, upstream: 'plain' },
      { id: 'scoped', match: { path: '/scoped' }, auth: { scopes: ['orders:admin'] }, upstream: 'plain' },
    ],
  });
  t.teardown(() => closeNow(server));
  const count = (isIt: (line: Readonly<Record<string, unknown>>) => boolean) =>
    started.gateway.lines.filter(isIt).length;
  return { ...started, count, reached: () => reached };
}

export interface LoadResult {
  /** Requests that were answered, with whatever status. */
  readonly done: number;
  /** Answers by the first digit of their status. */
  readonly statuses: Readonly<Record<'2xx' | '3xx' | '4xx' | '5xx', number>>;
}

/** Has h2load send so many requests. Rejects where it can't be run or takes more than four minutes. */
export async function h2load(
  url: string,
  requests: number,
  { connections, streams, args = [] }: { connections: number; streams: number; args?: readonly string[] },
): Promise<LoadResult> {
  const amounts = ['-n', String(requests), '-c', String(connections), '-m', String(streams)];
  const { stdout } = await run('h2load', [...amounts, ...args, url], { timeout: 240_000, killSignal: 'SIGKILL' });
  const number = (pattern: RegExp) => Number(pattern.exec(stdout)?.[1] ?? Number.NaN);
  const digits = ['2xx', '3xx', '4xx', '5xx'] as const;
  const statuses = Object.fromEntries(digits.map((digit) => [digit, number(new RegExp(`(\\d+) ${digit}`))]));
  return { done: number(/(\d+) done/), statuses: statuses as LoadResult['statuses'] };
}
