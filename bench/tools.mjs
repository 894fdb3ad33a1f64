import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CORE, outputOf, run, start, startServer, stop, wait } from './processes.mjs';
import { SIZES } from './upstream/answer.mjs';
import { nginxConfig } from './upstream/nginx.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

/**
 * Chooses what makes the load: wrk where it is installed, else autocannon from npm. Each is `{ name, run }`; `run`
 * takes one load and resolves to `{ requests, seconds, refused, failed, p50, p99 }`, latencies in milliseconds.
 */
export function chooseLoad(wanted) {
  const wrk = outputOf('wrk', ['-v'])?.match(/wrk \S+/)?.[0];
  if (wrk && wanted !== 'autocannon') return { name: wrk, run: runWrk };
  if (wanted === 'wrk') throw new Error('wrk is not installed (Debian: apt-get install wrk)');
  const version = autocannonVersion();
  if (version) return { name: `autocannon ${version}`, run: runAutocannon };
  throw new Error('nothing makes load: install wrk (apt-get install wrk), or run `npm --prefix bench install`');
}

function autocannonVersion() {
  try {
    return JSON.parse(readFileSync(here('node_modules/autocannon/package.json'), 'utf8')).version;
  } catch {
    return undefined;
  }
}

async function runWrk(load) {
  const { origin, path, tokens, first, seconds, connections, newIn = 1, bodySize = 0, rest = 0 } = load;
  const { cores = CORE.rest, threads = 1 } = load;
  const script = ['-s', here('load/requests.lua')];
  const options = [`-t${threads}`, `-c${connections}`, `-d${seconds}s`, ...script];
  const how = [path, first, newIn, bodySize, rest].map(String);
  const input = [origin, '--', ...how, ...(tokens ? [tokens] : [])];
  return lastLine(await run(cores, 'wrk', [...options, ...input], seconds + 10));
}

async function runAutocannon({ origin, path, tokens, first, seconds, connections, newIn = 1, bodySize = 0, rest = 0 }) {
  if (rest > 0) throw new Error('only wrk can pause between requests: leave `latency` out, or install wrk');
  const how = [origin + path, seconds, connections, first, newIn, bodySize].map(String);
  const input = [...how, ...(tokens ? [tokens] : [])];
  return lastLine(await run(CORE.rest, process.execPath, [here('load/autocannon.mjs'), ...input], seconds + 10));
}

function lastLine(output) {
  return JSON.parse(output.trim().split('\n').at(-1));
}

/** Starts what stands behind the proxies: nginx where it is installed, else a Node server. Resolves to `{ name, url }`. */
export async function startUpstream(folder, wanted, nginx = { cores: CORE.rest, workers: 1 }) {
  const version = outputOf('nginx', ['-v'])?.match(/nginx\/\S+/)?.[0];
  if (version && wanted !== 'node') return startNginx(join(folder, `nginx-on-${nginx.cores}`), version, nginx);
  if (wanted === 'nginx') throw new Error('nginx is not installed (Debian: apt-get install nginx-light)');
  const started = await startServer(CORE.rest, process.execPath, [here('upstream/node.mjs')], { pattern: LISTENS });
  return { name: `node:http ${process.version}`, url: started.said[1] };
}

/** How the servers of this folder, and bearergate, tell where they listen. */
export const LISTENS = /listens on (http:\S+)(?: \(admin: (http:[^\s)]+)\))?.*\n/;

async function startNginx(folder, version, { cores, workers }) {
  mkdirSync(folder, { recursive: true });
  const port = await freePort();
  for (const [name, size] of Object.entries(SIZES)) writeFileSync(join(folder, name), Buffer.alloc(size, 'x'));
  const config = join(folder, 'nginx.conf');
  writeFileSync(config, nginxConfig(folder, port, workers));
  // At the level `notice` it would tell that it is ready, but every request's trouble too; so it is asked instead.
  const args = ['-e', 'stderr', '-p', folder, '-c', config];
  const flaw = outputOf('nginx', ['-t', ...args]);
  const child = start(cores, 'nginx', args);
  const url = `http://127.0.0.1:${port}`;
  for (let tries = 0; tries < 50; tries += 1) {
    const answer = await fetch(url).catch(() => undefined);
    if (answer?.ok) return { name: version, url };
    await wait(100);
  }
  await stop(child);
  throw new Error(`nginx did not start: ${flaw}`);
}

/** A port that is free at this moment. */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
