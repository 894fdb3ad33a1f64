#!/usr/bin/env node
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { measureFlood } from './flood.mjs';
import { startIssuer } from './issuer.mjs';
import { outputOf, pinning, stop, stopAll } from './processes.mjs';
import { topFunctions } from './profile.mjs';
import { MeasuredProxy, warmUpTwice } from './proxy.mjs';
import { pageOf, scenarioTable } from './report.mjs';
import { floodFor, scenariosFor, writeTokens } from './scenarios.mjs';
import { measureStartUp } from './startup.mjs';
import { SUBJECTS } from './subjects.mjs';
import { chooseLoad, startUpstream } from './tools.mjs';
import { measureWorkers } from './workers.mjs';

// The whole measurement, top to bottom: options, one world on loopback, interleaved rounds, a table.

const USAGE = `usage: npm run bench -- [options]

  --tables A,B       which tables: proxies, tokens, flood, shapes, latency,
                     workers, startup (default: all)
  --only A,B         only rows whose names contain one of these; the row that ratios are to always runs
  --seconds N        length of one run (default 2)
  --rounds N         runs of each scenario, of which the median counts (default 5)
  --starts N         how often all of that, with new processes each time (default 1)
  --connections N    connections, each with one request under way (default 64)
  --tokens N         different tokens where there are many (default 10000)
  --node FILE        node for the gateway and the peers written for node (default: the one that runs this)
  --load NAME        wrk or autocannon (default: wrk where it is installed)
  --upstream NAME    nginx or node (default: nginx where it is installed)
  --gateway FILE     the gateway's entry file, to compare builds (default ../dist/main.js)
  --results FILE     where the page of results goes (default RESULTS.md here; '-': nowhere)
  --profile FOLDER   have each proxy write a CPU profile there and tell its top functions; no results are kept
`;

/** Each table, by the word that chooses it, and the row that its ratios are to. */
const TABLES = {
  proxies: { title: 'One hot token, beside other proxies', peer: 'haproxy RS256' },
  tokens: { title: 'Kinds of tokens', peer: 'bearergate' },
  shapes: { title: 'Routes, connections, bodies, log', peer: 'bearergate' },
  latency: { title: 'Latency at about half of what saturates the slowest', peer: 'haproxy RS256' },
};

const FLOOD = 'Good tokens beside forged ones, in one process';
const WORKERS = 'Workers';
const ALL_TABLES = [...Object.keys(TABLES), 'flood', 'workers', 'startup'];

/** What the start is measured of. */
const NODE_STACKS = ['undici', 'fastify', 'express', 'bearergate'];

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const say = (text) => process.stdout.write(`${text}\n`);

const options = readOptions();
const startedAt = new Date();
const busyBefore = loadavg()[0];
const folder = mkdtempSync(join(tmpdir(), 'bearergate-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));

endIn(45 * 60 * options.starts);
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
  const RS256 = await issuer.tokens('RS256', options.tokens);
  const files = writeTokens(folder, { RS256, ES256: await issuer.tokens('ES256', 1) });
  const { gateway, node } = options;
  const keys = keyFiles(issuer);
  const world = { folder, gateway, node, nodeOptions, issuer: issuer.url, upstream: upstream.url, keys };

  const missing = new Set();
  const tables = {};
  const flaws = [];
  for (const [name, scenarios] of Object.entries(scenariosFor(files))) {
    if (!options.tables.includes(name)) continue;
    const { title, peer } = TABLES[name];
    const rounds = new Map();
    for (let start = 1; start <= options.starts; start += 1) {
      const proxies = await startAll(chosen(scenarios, peer), world, missing);
      if (proxies.length === 0) break;
      say(`\n${title}: ${proxies.length} rows, start ${start} of ${options.starts}`);
      const found = await measure(proxies, load, world, rounds);
      flaws.push(...found.map((flaw) => `${title}: start ${start}: ${flaw}`));
      for (const { child } of proxies) await stop(child);
    }
    if (rounds.size === 0) continue;
    tables[title] = scenarioTable(rounds, peer);
    say(`\n${tables[title]}`);
    if (options.profile) sayProfiles(rounds.keys());
  }
  if (options.tables.includes('flood')) {
    const { tables: both, flaws: more } = await measureFlood(floodFor(files), world, loadsOf(load), options);
    tables[FLOOD] = both.join('\n\n');
    flaws.push(...more.map((flaw) => `${FLOOD}: ${flaw}`));
    say(`\n${tables[FLOOD]}`);
  }
  if (options.tables.includes('startup')) {
    const scenarios = scenariosFor(files).proxies.filter(
      ({ subject }) => NODE_STACKS.includes(subject) && !missing.has(subject),
    );
    tables['Start-up and memory'] = await measureStartUp(scenarios, world, options.rounds);
    say(`\n${tables['Start-up and memory']}`);
  }
  if (options.tables.includes('workers')) {
    const { table, flaws: more } = await measureWorkers(scenariosFor(files).proxies.at(-1), world, load, options);
    tables[WORKERS] = table;
    flaws.push(...more.map((flaw) => `${WORKERS}: ${flaw}`));
    say(`\n${table}`);
  }
  report(tables, flaws, [...missing], { load, upstream });
  return flaws.length === 0 ? 0 : 1;
}

function keyFiles(issuer) {
  return Object.fromEntries(
    ['RS256', 'ES256'].map((alg) => {
      const file = join(folder, `${alg}.pem`);
      writeFileSync(file, issuer.pem(alg));
      return [alg, file];
    }),
  );
}

/** Starts what can be started here; what is missing is said, not left out silently. */
async function startAll(scenarios, world, missing) {
  const proxies = [];
  for (const scenario of scenarios) {
    const reason = SUBJECTS[scenario.subject].missing();
    if (reason) missing.add(reason);
    else proxies.push(await MeasuredProxy.start(scenario, world));
  }
  return proxies;
}

/** Loads of so many seconds, each in the terms of its scenario. */
function loadsOf(load) {
  // A run begins with another token each time, or the tiny cache would still know the first ones from the last run.
  let first = 0;
  return (seconds) => (what) => {
    first += 1009;
    return load.run({ ...what, first, seconds, connections: what.connections ?? options.connections });
  };
}

/**
 * Round after round, each scenario once in each: what else happens on the machine then meets all of them alike. Adds to
 * `rounds` what was measured, by name; answers what flaws there were.
 */
async function measure(proxies, load, world, rounds) {
  const runFor = loadsOf(load);
  const warmUp = (proxy) => proxy.warmUp(runFor(1));
  for (const proxy of proxies) await proxy.check();
  await warmUpTwice(proxies.map((proxy) => () => warmUp(proxy)));
  for (const { scenario } of proxies) if (!rounds.has(scenario.name)) rounds.set(scenario.name, []);
  const flaws = [];
  for (let round = 1; round <= options.rounds; round += 1) {
    for (const [at, { scenario }] of proxies.entries()) {
      const run = () => proxies[at].measure(runFor(options.seconds));
      const { flaw, ...figures } = await run().catch(async (error) => {
        // One that does not bear the load is told of, and measured once more.
        if (proxies[at].ending === undefined) throw error;
        flaws.push(`${scenario.name}, round ${round}: ${proxies[at].ending}`);
        say(flaws.at(-1));
        proxies[at] = await MeasuredProxy.start(scenario, world);
        await warmUpTwice([() => warmUp(proxies[at])]);
        return run();
      });
      rounds.get(scenario.name).push(figures);
      if (flaw) flaws.push(`${scenario.name}, round ${round}: ${flaw}`);
    }
    say(`round ${round} of ${options.rounds}`);
  }
  return flaws;
}

function report(tables, flaws, missing, tools) {
  const facts = { ...factsOf(tools), 'not measured': missing.join('; ') || 'nothing was missing' };
  say('');
  for (const [name, value] of Object.entries(facts)) say(`${name}: ${value}`);
  for (const flaw of flaws) say(`NOT TO BE TRUSTED: ${flaw}`);
  if (!options.profile && options.results !== '-') writeFileSync(options.results, pageOf(facts, tables, flaws));
}

function sayProfiles(names) {
  for (const name of names) {
    const file = join(options.profile, profileOf(name));
    if (existsSync(file)) say(`\n${name}, self time:\n${topFunctions(file, 30).join('\n')}`);
  }
}

function factsOf({ load, upstream }) {
  const [{ model }] = cpus();
  const { seconds, rounds, starts, connections, tokens } = options;
  const commit = outputOf('git', ['-C', here('..'), 'describe', '--always', '--dirty'])?.trim();
  return {
    date: startedAt.toISOString(),
    commit: commit ?? 'unknown',
    machine: `${model.trim()}, ${cpus().length} cores, ${process.platform} ${release()}`,
    'load average before': busyBefore.toFixed(2),
    node: outputOf(options.node, ['--version'])?.trim() ?? 'unknown',
    haproxy: outputOf('haproxy', ['-v'])?.match(/version (\S+)/)?.[1] ?? 'not installed',
    load: load.name,
    upstream: upstream.name,
    pinning,
    'CPU time': existsSync('/proc/self/stat')
      ? '/proc/<pid>/stat, utime + stime'
      : 'not available: there is no /proc here',
    runs: `median of ${rounds} rounds of ${seconds} s after each of ${starts} start${starts === 1 ? '' : 's'}, ${connections} connections, ${tokens} tokens where there are many`,
    command: `npm run bench -- ${process.argv.slice(2).join(' ')}`.replace(/ -- $/, ''),
  };
}

/** The scenarios that were asked for; all, when none was named. */
function chosen(scenarios, peer) {
  if (options.only === undefined) return scenarios;
  const words = options.only.split(',');
  return scenarios.filter(({ name }) => name === peer || words.some((word) => name.includes(word)));
}

function nodeOptions({ name }) {
  if (!options.profile) return [];
  return ['--cpu-prof', `--cpu-prof-dir=${options.profile}`, `--cpu-prof-name=${profileOf(name)}`];
}

function profileOf(name) {
  return `${name.replaceAll(/\W+/g, '-')}.cpuprofile`;
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
        starts: text('1'),
        connections: text('64'),
        tokens: text('10000'),
        tables: text(ALL_TABLES.join()),
        only: { type: 'string' },
        node: text(process.execPath),
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
      tables: values.tables.split(',').map((name) => oneOf('tables', name, ALL_TABLES)),
      load: oneOf('load', values.load, ['wrk', 'autocannon']),
      upstream: oneOf('upstream', values.upstream, ['nginx', 'node']),
      seconds: whole('seconds', values.seconds, 1),
      rounds: whole('rounds', values.rounds, 1),
      starts: whole('starts', values.starts, 1),
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
  throw new Error(`--${name}: ${given} is not ${known.join(' or ')}`);
}
