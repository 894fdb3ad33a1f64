import test, { type ExecutionContext } from 'ava';
import { type RunningCommand, SMALL_CONFIG, startCommand } from '../support/command.ts';
import { temporaryFolder } from '../support/files.ts';
import { until } from '../support/until.ts';

// What becomes of the log of a real process where it ends by a defect, or where nobody reads it.

async function start(t: ExecutionContext, config = SMALL_CONFIG): Promise<RunningCommand> {
  const folder = await temporaryFolder({ 'gateway.yaml': config });
  t.teardown(folder.remove);
  const gateway = await startCommand(['start', '--config', folder.file('gateway.yaml')], {
    imports: [import.meta.resolve('../support/defects.ts')],
  });
  t.teardown(() => gateway.stop('SIGKILL'));
  return gateway;
}

const ask = async ({ url }: RunningCommand, path: string) => (await fetch(`${url}${path}`)).arrayBuffer();

async function metric({ adminUrl }: RunningCommand, name: string): Promise<number> {
  const page = await (await fetch(`${adminUrl}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(page)?.[1]);
}

/** Of 12 KiB: a few hundred of its lines are more than the gateway keeps. */
const LONG_PATH = `/${'x'.repeat(12 * 1024)}`;
const MEMORY = 'process_resident_memory_bytes';
const DROPPED = 'bearergate_log_lines_dropped_total';

/** Asks until lines are dropped, and `more` times after that. Nobody reads stdout from here on. */
async function fillUp(gateway: RunningCommand, more: number): Promise<void> {
  gateway.stallReading();
  const batch = () => Promise.all(Array.from({ length: 50 }, () => ask(gateway, LONG_PATH)));
  for (let asked = 0; (await metric(gateway, DROPPED)) === 0; asked += 50) {
    if (asked > 5000) throw new Error('nothing was dropped');
    await batch();
  }
  for (let asked = 0; asked < more; asked += 50) await batch();
}

for (const [what, signal, stack] of [
  ['an error that nobody catches', 'SIGUSR2', /^Error: provoked\nby a test\n {4}at .*defects/],
  ['a rejection that nobody handles', 'SIGWINCH', /^Error: rejected by a test\n {4}at .*defects/],
] as const) {
  test.serial(`${what} ends the process with 70 and one line, and no line before it is lost`, async (t) => {
    const gateway = await start(t);
    const paths = Array.from({ length: 30 }, (_, at) => `/${at}`);
    for (const path of paths) await ask(gateway, path);
    gateway.signal(signal);
    const { code, stderr } = await gateway.ended;
    t.is(code, 70);
    t.is(stderr, `bearergate listens on ${gateway.url} (admin: ${gateway.adminUrl})\n`);
    const lines = gateway.lines();
    t.deepEqual(
      lines.filter(({ path }) => path !== undefined).map(({ path }) => path),
      paths,
    );
    const last = lines.at(-1);
    t.like(last, { level: 'fatal', msg: 'a defect of the gateway ends it' });
    t.regex(String(last?.error), stack);
    t.is(lines.filter(({ level }) => level === 'fatal').length, 1);
  });
}

test.serial('a worker that ends by a defect says so in its own words, and the head starts another', async (t) => {
  t.timeout(60_000);
  const gateway = await start(t, `${SMALL_CONFIG}workers: 2\n`);
  const started = (number: number) => gateway.waitForLine(({ pid, worker }) => pid !== undefined && worker === number);
  process.kill(Number((await started(1)).pid), 'SIGUSR2');
  const defect = await gateway.waitForLine(({ level }) => level === 'fatal');
  t.like(defect, { worker: 1, msg: 'a defect of the gateway ends it' });
  t.regex(String(defect.error), /^Error: provoked/);
  t.is((await gateway.waitForLine(({ how }) => how !== undefined)).how, 'exit code 70');
  await started(3);
  t.is((await gateway.stop()).code, 0);
});

test.serial('a second signal ends the process at once, and what was logged is there', async (t) => {
  // A shutdown that the second one finds under way: where it is over already, node may have given up its signals.
  const gateway = await start(t, SMALL_CONFIG.replace('delay: 0s', 'delay: 60s'));
  await ask(gateway, '/last');
  gateway.signal('SIGTERM');
  gateway.signal('SIGINT');
  t.is((await gateway.ended).code, 0);
  t.true(gateway.lines().some(({ path }) => path === '/last'));
});

test.serial(
  'while nobody reads stdout requests go on in bounded memory, and what was lost is counted and told',
  async (t) => {
    t.timeout(120_000);
    const gateway = await start(t);
    await fillUp(gateway, 1000);
    const [lostBefore, memoryBefore] = [await metric(gateway, DROPPED), await metric(gateway, MEMORY)];
    await fillUp(gateway, 4000);
    const lost = await metric(gateway, DROPPED);
    t.true(lost - lostBefore >= 4000, `${lostBefore} ${lost}`);
    // 48 MB of lines have come meanwhile.
    const grown = (await metric(gateway, MEMORY)) - memoryBefore;
    t.true(grown < 40e6, `${grown}`);
    gateway.resumeReading();
    const told = await gateway.waitForLine(({ msg }) => String(msg).startsWith('log lines were lost'));
    t.like(told, { level: 'warn', lost });
    await ask(gateway, '/after');
    await gateway.waitForLine(({ path }) => path === '/after');
    t.is(await metric(gateway, DROPPED), lost);
    t.is((await gateway.stop()).code, 0);
  },
);

for (const [what, signal, expected] of [
  ['a signal', 'SIGTERM', 0],
  ['a defect', 'SIGUSR2', 70],
] as const) {
  test.serial(`a stdout that nobody reads does not keep the process from its end by ${what}`, async (t) => {
    t.timeout(60_000);
    const gateway = await start(t);
    await fillUp(gateway, 0);
    gateway.signal(signal);
    await until(() => !isRunning(gateway.pid), 'it has ended, though nobody reads its stdout');
    gateway.resumeReading();
    const { code, stderr } = await gateway.ended;
    t.is(code, expected);
    t.is(stderr.includes('provoked'), expected === 70, 'stderr tells what stdout does not take');
  });
}

/** Whether a process of this machine has not ended. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
