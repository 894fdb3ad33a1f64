import { readFileSync } from 'node:fs';
import { cpuSeconds, endingOf, residentMegabytes, wait } from './processes.mjs';
import { SUBJECTS } from './subjects.mjs';

/** Of all look-ups of a run, those that have to be of the expected kind; the rest is the beginning of the run. */
const NEARLY_ALL = 0.98;

/** One proxy under measurement, in a process of its own. */
export class MeasuredProxy {
  #scenario;
  #child;
  #origin;
  #admin;

  /** Starts what a scenario needs, see subjects.mjs. Throws if it does not start. */
  static async start(scenario, world) {
    return new MeasuredProxy(scenario, await SUBJECTS[scenario.subject].start(world, scenario));
  }

  /** The same process under the load of another scenario. */
  under(scenario) {
    return new MeasuredProxy(scenario, { child: this.#child, origin: this.#origin, admin: this.#admin });
  }

  constructor(scenario, { child, origin, admin }) {
    this.#scenario = scenario;
    this.#child = child;
    this.#origin = origin;
    this.#admin = admin;
  }

  get scenario() {
    return this.#scenario;
  }

  get child() {
    return this.#child;
  }

  /** Makes sure that it does what its scenario says, and that whoever guards does: 401 to whoever has no token. */
  async check() {
    if (this.#admin) await this.#becomesReady();
    const { path, tokens, status, guards } = this.#scenario;
    const [token] = tokens ? readFileSync(tokens, 'utf8').split('\n', 1) : [];
    await this.#answers(path, token, status);
    if (guards) await this.#answers(path, undefined, 401);
  }

  async #becomesReady() {
    for (let tries = 0; tries < 50; tries += 1) {
      if ((await fetch(`${this.#admin}/readyz`)).ok) return;
      await wait(100);
    }
    throw new Error(`${this.#scenario.name}: /readyz says no for 5 s`);
  }

  async #answers(path, token, expected) {
    const headers = token ? { Authorization: `Bearer ${token}` } : {};
    const response = await fetch(this.#origin + path, { headers });
    const body = await response.text();
    if (response.status === expected) return;
    const sent = token ? 'a token' : 'no token';
    throw new Error(`${this.#scenario.name}: ${response.status} instead of ${expected} to ${sent}: ${body}`);
  }

  /**
   * Warms it up, without pauses: eight runs at least, since compilers take their time, and on until every token that it
   * should remember has been seen.
   */
  async warmUp(load) {
    const busy = (what) => load({ ...what, rest: 0 });
    for (let runs = 0; runs < 12; runs += 1) {
      const { flaw } = await this.measure(busy);
      if (runs >= 7 && flaw === undefined) return;
    }
  }

  /** How it ended, where it did so by itself; undefined while it runs. */
  get ending() {
    return endingOf(this.#child);
  }

  /** One run of load. `flaw` tells why its figures must not be believed; undefined when all was as it should be. */
  async measure(load) {
    const { path, tokens, connections, newIn, bodySize, rest } = this.#scenario;
    const before = { cpu: cpuSeconds(this.#child), counts: await this.#counts() };
    const result = await load({ origin: this.#origin, path, tokens, connections, newIn, bodySize, rest });
    await wait(50); // the connections that the load left behind close; they belong to this run
    const cpu = cpuSeconds(this.#child);
    const counts = difference(await this.#counts(), before.counts);
    return {
      cpu: cpu === undefined ? undefined : ((cpu - before.cpu) * 1e6) / result.requests,
      rate: result.requests / result.seconds,
      p50: result.p50,
      p99: result.p99,
      memory: residentMegabytes(this.#child),
      flaw: this.#flawOf(result, counts),
    };
  }

  #flawOf({ requests, refused, failed }, counts) {
    const { status, expect, share = 1, refused: expected = status === 200 ? 0 : 1 } = this.#scenario;
    if (requests === 0) return 'nothing was answered';
    if (failed > 0) return `${failed} requests failed`;
    const isExpected = expected === 1 ? refused === requests : isAbout(refused / requests, expected);
    if (!isExpected) return `${refused} of ${requests} requests were refused`;
    if (!this.#admin) return undefined;
    // `none` are those that the load no longer waited for when its time was over.
    const usual = ['none', String(status), ...(expected > 0 ? ['401'] : [])];
    const other = Object.entries(counts.statuses).find(([answer, count]) => !usual.includes(answer) && count > 0);
    if (other) return `${other[1]} answers were ${other[0]}`;
    if (expect === 'none') return counts.lookUps === 0 ? undefined : 'tokens were looked at';
    const found = counts[expect] / counts.lookUps;
    return isAbout(found, share)
      ? undefined
      : `${(found * 100).toFixed(1)} % of the look-ups were a ${expect}, and not ${share * 100} %`;
  }

  /** What the gateway has counted so far: look-ups in its token cache by their result, and its answers by status. */
  async #counts() {
    if (!this.#admin) return {};
    const page = await (await fetch(`${this.#admin}/metrics`)).text();
    const results = sums(page, /^bearergate_token_cache_total\{result="(\w+)"\} (\d+)/gm);
    const statuses = sums(page, /^bearergate_requests_total\{.*status="(\w+)"\} (\d+)/gm);
    const lookUps = Object.values(results).reduce((sum, count) => sum + count, 0);
    return { hit: results.hit ?? 0, miss: results.miss ?? 0, lookUps, statuses };
  }
}

/** None is exact; anything else is as exact as the beginning of a run lets it be. */
function isAbout(found, share) {
  return share === 0 ? found === 0 : found >= share * NEARLY_ALL && found * NEARLY_ALL <= share;
}

function sums(page, pattern) {
  const found = {};
  for (const [, label, count] of page.matchAll(pattern)) found[label] = (found[label] ?? 0) + Number(count);
  return found;
}

/** What was added between two counts, which may be nested. */
function difference(after, before) {
  const entries = Object.entries(after).map(([name, value]) => [
    name,
    typeof value === 'number' ? value - (before?.[name] ?? 0) : difference(value, before?.[name]),
  ]);
  return Object.fromEntries(entries);
}

/**
 * Runs these warm-ups one after the other, and all of them again: when the connections of a first load have closed,
 * compilers have learned something new and begin again.
 */
export async function warmUpTwice(warmUps) {
  for (const warmUp of [...warmUps, ...warmUps]) await warmUp();
}
