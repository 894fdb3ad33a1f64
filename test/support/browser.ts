import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { closeNow, listenOnLoopback } from './listen.ts';
import { needs } from './needs.ts';

const CHROMIUM = '/usr/bin/chromium';

/** A test that needs a real browser. */
export const browserTest = needs(CHROMIUM, () => existsSync(CHROMIUM));

/** As root there is no sandbox to be had; without the rest it would call home, and wait for answers. */
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--disable-dev-shm-usage',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Runs Chromium with a profile of its own for as long as `use` takes, and ends it. */
async function withChromium<T>(args: readonly string[], use: (ended: Promise<void>) => Promise<T>): Promise<T> {
  const profile = await mkdtemp(join(tmpdir(), 'chromium-'));
  const child = spawn(CHROMIUM, [...FLAGS, `--user-data-dir=${profile}`, ...args], { stdio: 'ignore', detached: true });
  const ended = new Promise<void>((resolve, reject) => {
    child.once('close', () => resolve()).once('error', reject);
  });
  try {
    return await use(ended);
  } finally {
    // Its helpers are processes of their own, in its group.
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL');
    await ended;
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

/**
 * Opens a page on an origin of its own in headless Chromium, runs the body of an async function there, and answers what
 * it returns (JSON). `script` may speak of `input`, which is passed in. Rejects with what it throws, or after 30 s.
 */
export async function askBrowser(script: string, input: unknown, timeoutMs = 30_000): Promise<unknown> {
  let settle: (result: string) => void = () => {};
  const told = new Promise<string>((resolve) => {
    settle = resolve;
  });
  const server = createServer((request, response) => {
    if (request.method === 'POST') {
      readAll(request).then(settle);
      response.end();
      return;
    }
    response.writeHead(200, { 'content-type': 'text/html' }).end(pageWith(script, input));
  });
  const { url } = await listenOnLoopback(server);
  let timer: NodeJS.Timeout | undefined;
  try {
    const result = await withChromium([url], (ended) =>
      Promise.race([
        told,
        ended.then(() => Promise.reject(new Error('Chromium has ended before the page told anything'))),
        new Promise<never>((_, reject) => {
          timer = setTimeout(() => reject(new Error(`the page told nothing within ${timeoutMs} ms`)), timeoutMs);
        }),
      ]),
    );
    const { value, error } = JSON.parse(result) as { value?: unknown; error?: string };
    if (error !== undefined) throw new Error(`in the page: ${error}`);
    return value;
  } finally {
    clearTimeout(timer);
    await closeNow(server);
  }
}

/** Where the page of `askBrowser` will stand can't be known before, so that a configuration takes any origin or learns it. */
function pageWith(script: string, input: unknown): string {
  const json = JSON.stringify(input).replaceAll('<', '\\u003c');
  return `<!doctype html><title>test</title><script type="module">
const input = ${json};
const run = async () => { ${script} };
let result;
try { result = { value: await run() }; } catch (error) { result = { error: String(error && error.stack || error) }; }
await fetch('/result', { method: 'POST', body: JSON.stringify(result) });
</script>`;
}

async function readAll(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) text += chunk;
  return text;
}

/** Takes a picture of a page as a PNG file. */
export async function takeScreenshot(url: string, file: string, dark: boolean): Promise<void> {
  const mode = dark ? ['--blink-settings=preferredColorScheme=0'] : ['--blink-settings=preferredColorScheme=1'];
  await withChromium(
    [`--screenshot=${file}`, '--window-size=900,1400', '--hide-scrollbars', ...mode, url],
    (ended) => ended,
  );
}
