import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { forged } from './issuer.mjs';

const GUARDED = '/orders/4711';
const PUBLIC = '/catalogue/4711';

/** About half of what saturates HAProxy; `rest` is how long, in ms, each connection pauses between two requests. */
export const HALF_LOAD = { connections: 64, rest: 16 };

/** Enough for every token of a scenario that remembers them. */
const ROOMY = 100_000;
/**
 * Far fewer than there are tokens. They are sent in turn, so a least-recently-used cache has always just forgotten the
 * one that comes: each request pays for its signature, as with a token never seen, and a run can be of any length. A
 * token that comes again and again in between stays.
 */
const TINY = 100;

/**
 * What is measured, by the tables it stands in. Each has a process of its own, so that none runs on code that another one
 * warmed up. `subject` is who is measured (subjects.mjs); `tokens` is a file with one token a line; `expect`, with
 * `share`, is what the gateway's own counters have to say of a run, so that a mistake in the set-up can't pass for a figure.
 */
export function scenariosFor(files) {
  const hot = { tokens: files.one, path: GUARDED, status: 200, guards: true };
  const gateway = { subject: 'bearergate', cacheEntries: ROOMY, expect: 'hit', ...hot };
  const open = { path: GUARDED, status: 200 };
  const proxies = [
    { name: 'nginx, no check', subject: 'nginx', ...open },
    { name: 'haproxy, no check', subject: 'haproxy', ...open },
    { name: 'undici, no check', subject: 'undici', ...open },
    { name: 'http-proxy, no check', subject: 'http-proxy', ...open },
    { name: 'haproxy RS256', subject: 'haproxy', alg: 'RS256', ...hot },
    { name: 'haproxy ES256', subject: 'haproxy', alg: 'ES256', ...hot, tokens: files.oneES256 },
    { name: 'fastify, cache on', subject: 'fastify', ...hot },
    { name: 'express', subject: 'express', ...hot },
    { name: 'bearergate', ...gateway },
  ];
  const tokens = [
    { name: 'bearergate', ...gateway },
    { name: 'public', ...gateway, tokens: undefined, path: PUBLIC, guards: false, expect: 'none' },
    { name: 'many tokens', ...gateway, tokens: files.many },
    { name: 'ES256', ...gateway, tokens: files.oneES256 },
    { name: '1% new', ...gateway, cacheEntries: TINY, tokens: files.many, newIn: 100, expect: 'miss', share: 0.01 },
    { name: '10% new', ...gateway, cacheEntries: TINY, tokens: files.many, newIn: 10, expect: 'miss', share: 0.1 },
    { name: 'uncached', ...gateway, cacheEntries: TINY, tokens: files.many, expect: 'miss' },
    { name: 'forged', ...gateway, cacheEntries: TINY, tokens: files.forged, status: 401, expect: 'miss' },
  ];
  const shapes = [
    { name: 'bearergate', ...gateway },
    { name: '500 routes', ...gateway, routes: 500 },
    { name: 'access log off', ...gateway, access: false },
    // On the one core too: what it costs to be several. Two cores carry twice as much over this ratio.
    { name: '2 workers', ...gateway, workers: 2 },
    ...[1, 32, 512].map((connections) => ({ name: `${connections} connections`, ...gateway, connections })),
    ...['1KiB', '100KiB', '10MiB'].map((size) => ({ name: `answers of ${size}`, ...gateway, path: `/orders/${size}` })),
    { name: 'haproxy, answers of 100KiB', subject: 'haproxy', alg: 'RS256', ...hot, path: '/orders/100KiB' },
    { name: 'uploads of 1KiB', ...gateway, bodySize: 1024 },
    { name: 'uploads of 100KiB', ...gateway, bodySize: 100 * 1024 },
  ];
  const latency = [
    { name: 'haproxy RS256', subject: 'haproxy', alg: 'RS256', ...hot, ...HALF_LOAD },
    { name: 'fastify, cache on', subject: 'fastify', ...hot, ...HALF_LOAD },
    { name: 'bearergate', ...gateway, ...HALF_LOAD },
  ];
  return { proxies, tokens, shapes, latency };
}

/**
 * Three loads on one process, which remembers few tokens: good ones, forged ones, and one of each in turn. What the third
 * costs beyond the mean of the others, the good ones pay for the forged ones beside them.
 */
export function floodFor(files) {
  const load = { subject: 'bearergate', cacheEntries: TINY, path: GUARDED, guards: true };
  return {
    good: { name: 'good', ...load, tokens: files.one, status: 200, expect: 'hit' },
    forged: { name: 'forged', ...load, tokens: files.forged, status: 401, expect: 'miss' },
    both: {
      name: 'in turn',
      ...load,
      tokens: files.flood,
      status: 200,
      newIn: 2,
      expect: 'miss',
      share: 0.5,
      refused: 0.5,
    },
  };
}

/** Writes the tokens that the scenarios send, and answers where. */
export function writeTokens(folder, { RS256, ES256 }) {
  const write = (name, list) => {
    const file = join(folder, name);
    writeFileSync(file, `${list.join('\n')}\n`, { mode: 0o600 });
    return file;
  };
  return {
    one: write('one.txt', RS256.slice(0, 1)),
    oneES256: write('one-es256.txt', ES256),
    many: write('many.txt', RS256),
    forged: write('forged.txt', RS256.map(forged)),
    flood: write('flood.txt', [RS256[0], ...RS256.map(forged)]),
  };
}
