#!/usr/bin/env node
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startIssuer } from './issuer.mjs';
import { outputOf, pinning, stop, stopAll } from './processes.mjs';
import { topFunctions } from './profile.mjs';
import { MeasuredProxy } from './proxy.mjs';
import { pageOf, summaryOf, tableOf } from './report.mjs';
import { scenariosFor, writeTokens } from './scenarios.mjs';
import { chooseLoad, startUpstream } from './tools.mjs';

// The whole measurement, top to bottom: options, one world on loopback, interleaved rounds, a table.

const USAGE = `usage: npm run bench -- [options]

  --seconds N        length of one run (default 2)
  --rounds N         runs of each scenario, of which the median counts (default 5)
  --connections N    connections, each with one request under way (default 64)
  --tokens N         different tokens where there are many (default 10000)
  --only A,B         only these scenarios, by a word of their names (public, cached, many, …); undici always runs
  --load NAME        wrk or autocannon (default: wrk where it is installed)
  --upstream NAME    nginx or node (default: nginx where it is installed)
  --gateway FILE     the gateway's entry file, to compare builds (default ../dist/main.js)
  --results FILE     where the page of results goes (default RESULTS.md here; '-': nowhere)
  --profile FOLDER   have each proxy write a CPU profile there and tell its top functions; no results are kept
`;

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const say = (text) => process.stdout.write(`${text}\n`);

const options = readOptions();
const startedAt = new Date();
const busyBefore = loadavg()[0];
const folder = mkdtempSync(join(tmpdir(), 'bearergate-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));

try {
  process.exitCode = await bench();
} catch (error) {
  process.stderr.write(`bench: ${error.message}\n`);
  process.exitCode = 1;
}
await stopAll();
process.exit();

async function bench() {
  const load = chooseLoad(options.load);
  const upstream = await startUpstream(folder, options.upstream);
  const issuer = await startIssuer();
  say(`load ${load.name}, upstream ${upstream.name}; signing ${options.tokens} tokens …`);
  const files = writeTokens(folder, await issuer.tokens(options.tokens));
  const scenarios = chosen(scenariosFor(files));
  endIn(60 + scenarios.length * (options.rounds + 4) * (options.seconds + 2));

  const proxies = [];
  for (const scenario of scenarios) {
    const world = { main: options.gateway, issuer: issuer.url, upstream: upstream.url, nodeOptions };
    proxies.push(await MeasuredProxy.start(scenario, world));
  }
  const { rounds, flaws } = await measure(proxies, load);
  for (const { child } of proxies) await stop(child);
  report(rounds, flaws, { load, upstream });
  return flaws.length === 0 ? 0 : 1;
}

/** Round after round, each scenario once in each: what else happens on the machine then meets all of them alike. */
async function measure(proxies, load) {
  const { connections } = options;
  // A run begins with another token each time, or the tiny cache would still know the first ones from the last run.
  let first = 0;
  const runFor = (seconds) => (what) => {
    first += 1009;
    return load.run({ ...what, first, seconds, connections });
  };
  for (const proxy of proxies) {
    await proxy.check();
    await proxy.warmUp(runFor(1));
  }
  const rounds = new Map(proxies.map(({ scenario }) => [scenario.name, []]));
  const flaws = [];
  for (let round = 1; round <= options.rounds; round += 1) {
    for (const proxy of proxies) {
      const { name } = proxy.scenario;
      const { flaw, ...figures } = await proxy.measure(runFor(options.seconds));
      rounds.get(name).push(figures);
      if (flaw) flaws.push(`${name}, round ${round}: ${flaw}`);
    }
    say(`round ${round} of ${options.rounds}`);
  }
  return { rounds, flaws };
}

function report(rounds, flaws, tools) {
  const table = tableOf([...rounds].map(([name, figures]) => summaryOf(name, figures)));
  const facts = factsOf(tools);
  say(`\n${table}\n`);
  for (const [name, value] of Object.entries(facts)) say(`${name}: ${value}`);
  for (const flaw of flaws) say(`NOT TO BE TRUSTED: ${flaw}`);
  if (options.profile) {
    for (const name of rounds.keys()) {
      say(`\n${name}, self time:\n${topFunctions(join(options.profile, profileOf(name)), 30).join('\n')}`);
    }
  } else if (options.results !== '-') {
    writeFileSync(options.results, pageOf(facts, table, flaws));
  }
}

function factsOf({ load, upstream }) {
  const [{ model }] = cpus();
  const { seconds, rounds, connections, tokens } = options;
  const commit = outputOf('git', ['-C', here('..'), 'describe', '--always', '--dirty'])?.trim();
  return {
    date: startedAt.toISOString(),
    commit: commit ?? 'unknown',
    machine: `${model.trim()}, ${cpus().length} cores, ${process.platform} ${release()}`,
    'load average before': busyBefore.toFixed(2),
    node: process.version,
    load: load.name,
    upstream: upstream.name,
    pinning,
    'CPU time': existsSync('/proc/self/stat')
      ? '/proc/<pid>/stat, utime + stime'
      : 'not available: there is no /proc here',
    runs: `median of ${rounds} rounds of ${seconds} s, ${connections} connections, ${tokens} tokens where there are many`,
    command: `npm run bench -- ${process.argv.slice(2).join(' ')}`.replace(/ -- $/, ''),
  };
}

/** The scenarios that were asked for; all, when none was named. Throws for a word that names none. */
function chosen(scenarios) {
  if (options.only === undefined) return scenarios;
  const words = options.only.split(',');
  const has = (word) => scenarios.some(({ name }) => name.split(' ').includes(word));
  const unknown = words.find((word) => !has(word));
  if (unknown !== undefined) throw new Error(`--only: there is no scenario '${unknown}'`);
  return scenarios.filter(({ name }) => name === 'undici' || words.some((word) => name.split(' ').includes(word)));
}

function nodeOptions({ name }) {
  if (!options.profile) return [];
  return ['--cpu-prof', `--cpu-prof-dir=${options.profile}`, `--cpu-prof-name=${profileOf(name)}`];
}

function profileOf(name) {
  return `${name.replaceAll(' ', '-')}.cpuprofile`;
}

/** However something hangs, the script ends. */
function endIn(seconds) {
  const giveUp = () => {
    process.stderr.write(`bench: not done after ${seconds} s, so given up\n`);
    process.exit(1);
  };
  setTimeout(giveUp, seconds * 1000).unref();
}

function readOptions() {
  const text = (fallback) => ({ type: 'string', default: fallback });
  try {
    const { values } = parseArgs({
      options: {
        seconds: text('2'),
        rounds: text('5'),
        connections: text('64'),
        tokens: text('10000'),
        only: { type: 'string' },
        load: { type: 'string' },
        upstream: { type: 'string' },
        gateway: text(here('../dist/main.js')),
        results: text(here('RESULTS.md')),
        profile: { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (values.help) {
      process.stdout.write(USAGE);
      process.exit(0);
    }
    if (!existsSync(values.gateway)) throw new Error(`${values.gateway} is not there: npm run build makes it`);
    const profile = values.profile && resolve(values.profile);
    if (profile) mkdirSync(profile, { recursive: true });
    return {
      ...values,
      profile,
      load: oneOf('load', values.load, ['wrk', 'autocannon']),
      upstream: oneOf('upstream', values.upstream, ['nginx', 'node']),
      seconds: whole('seconds', values.seconds, 1),
      rounds: whole('rounds', values.rounds, 1),
      connections: whole('connections', values.connections, 1),
      // Fewer would fit into the cache that is to forget them.
      tokens: whole('tokens', values.tokens, 1000),
    };
  } catch (error) {
    process.stderr.write(`bench: ${error.message}\n\n${USAGE}`);
    process.exit(64);
  }
}

function whole(name, given, least) {
  const number = Number(given);
  if (!Number.isSafeInteger(number) || number < least) {
    throw new Error(`--${name} is a whole number, ${least} or more`);
  }
  return number;
}

function oneOf(name, given, known) {
  if (given === undefined || known.includes(given)) return given;
  throw new Error(`--${name} is ${known.join(' or ')}`);
}
