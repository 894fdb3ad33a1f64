import { connect } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { type RunningCommand, SMALL_CONFIG, startCommand } from '../../support/command.ts';
import { temporaryFolder } from '../../support/files.ts';
import { requestBytes } from '../../support/gateway.ts';
import { sendRaw } from '../../support/raw-client.ts';
import { until } from '../../support/until.ts';

// Workers that are stuck, end by a defect, or can't start, as real processes.

async function start(t: ExecutionContext, config = SMALL_CONFIG) {
  t.timeout(120_000);
  const text = `${config}workers: 2\n`;
  const folder = await temporaryFolder({ 'gateway.yaml': text });
  const gateway = await startCommand(['start', '--config', folder.file('gateway.yaml')], {
    imports: [import.meta.resolve('../../support/defects.ts')],
  });
  const stopped = new Set<number>();
  t.teardown(async () => {
    for (const pid of stopped) process.kill(pid, 'SIGCONT');
    await gateway.stop('SIGKILL');
    await folder.remove();
  });
  const pidOf = async (number: number) => {
    const line = await gateway.waitForLine(({ pid, worker }) => pid !== undefined && worker === number);
    return Number(line.pid);
  };
  /** A request on a connection of its own. */
  const ask = async () => (await fetch(gateway.url, { headers: { connection: 'close' } })).arrayBuffer();
  return { gateway, folder, text, pidOf, ask, stopped };
}

const page = async ({ adminUrl }: RunningCommand) => (await fetch(`${adminUrl}/metrics`)).text();

function sumOf(metrics: string, name: string): number {
  const values = [...metrics.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'))];
  return values.reduce((sum, [, value]) => sum + Number(value), 0);
}

const requests = async (gateway: RunningCommand) => sumOf(await page(gateway), 'bearergate_requests_total');

test.serial('a worker that is stuck delays one scrape, collects nothing, and is logged once', async (t) => {
  const { gateway, pidOf, ask, stopped } = await start(t);
  for (let asked = 0; asked < 10; asked += 1) await ask();
  t.is(await requests(gateway), 10);
  const pid = await pidOf(1);
  process.kill(pid, 'SIGSTOP');
  stopped.add(pid);
  for (let scrapes = 0; scrapes < 30; scrapes += 1) t.is(await requests(gateway), 10, 'what it had counted is there');
  await gateway.waitForLine(({ msg, worker }) => String(msg).startsWith('a worker does not answer') && worker === 1);
  process.kill(pid, 'SIGCONT');
  stopped.delete(pid);
  for (let asked = 0; asked < 10; asked += 1) await ask();
  await until(async () => (await requests(gateway)) === 20, 'it counts again', 20_000);
  const { code, stderr } = await gateway.stop();
  t.is(code, 0);
  t.false(stderr.includes('MaxListeners'), stderr);
  t.is(gateway.lines().filter(({ msg }) => String(msg).startsWith('a worker does not answer')).length, 1);
});

test.serial('what a worker counted before it ended by a defect is on the page, though nobody had asked', async (t) => {
  const { gateway, pidOf, ask } = await start(t);
  for (let asked = 0; asked < 40; asked += 1) await ask();
  // One after the other: without any worker the port, which is a free one, would be given up.
  for (const number of [1, 2]) {
    process.kill(await pidOf(number), 'SIGUSR2');
    await pidOf(number + 2);
  }
  t.is(gateway.lines().filter(({ how }) => how === 'exit code 70').length, 2);
  t.is(await requests(gateway), 40);
  await ask();
  t.is(await requests(gateway), 41);
  t.is((await gateway.stop()).code, 0);
});

test.serial('a worker that cannot take the place of one that ended says why', async (t) => {
  const { gateway, folder, text, pidOf } = await start(t);
  const pid = await pidOf(1);
  await folder.write('gateway.yaml', 'routes: [');
  await gateway.waitForLine(({ msg, worker }) => /configuration refused/.test(String(msg)) && worker === 2);
  process.kill(pid, 'SIGKILL');
  const line = await gateway.waitForLine(({ msg }) => msg === 'a worker cannot serve');
  t.like(line, { level: 'error', worker: 3 });
  t.regex(String(line.error), /the configuration .* has mistakes/);
  await folder.write('gateway.yaml', text);
  await gateway.waitForLine(({ msg, worker }) => msg === 'a worker has started' && Number(worker) > 3);
  t.is((await gateway.stop()).code, 0);
});

test.serial('where every worker has all the connections that it may have, the next one is refused', async (t) => {
  const { gateway } = await start(t, SMALL_CONFIG.replace('port: 0', 'port: 0, limits: { maxConnections: 1 }'));
  const port = Number(new URL(gateway.url).port);
  const open = async () => sumOf(await page(gateway), 'bearergate_connections_open');
  for (const count of [1, 2]) {
    const socket = connect(port, '127.0.0.1');
    t.teardown(() => socket.destroy());
    await until(async () => (await open()) === count, `${count} are open`);
  }
  const { responses } = await sendRaw(port, requestBytes(), { timeoutMs: 30_000 });
  t.is(responses[0]?.status, 503);
  // So many that no worker has room even to say so: node would have the head pass them round for ever.
  for (let more = 0; more < 200; more += 1) {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {}); // it may be reset
    t.teardown(() => socket.destroy());
  }
  const refused = async () => sumOf(await page(gateway), 'bearergate_connections_refused_total');
  await until(async () => (await refused()) === 201, 'all are refused');
  t.is(sumOf(await page(gateway), 'bearergate_connections_limit'), 2);
  await gateway.waitForLine(({ limit }) => limit === 'listen.limits.maxConnections');
  const readiness = async () => (await (await fetch(`${gateway.adminUrl}/readyz`)).json()) as Record<string, unknown>;
  await until(async () => 'limitsReached' in (await readiness()), 'the head knows of it');
  t.like(await readiness(), { ready: true, limitsReached: ['listen.limits.maxConnections'] });
});
