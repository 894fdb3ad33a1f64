import test, { type ExecutionContext } from 'ava';
import { type RunningCommand, SMALL_CONFIG, startCommand } from '../support/command.ts';
import { temporaryFolder } from '../support/files.ts';
import { accessClaims, makeKey, serveJwks, signToken } from '../support/keys.ts';
import { until } from '../support/until.ts';
import { rawResponse, startRecordingUpstream } from '../support/upstream.ts';

const KEY = makeKey('ES256');

/** Two workers before a service, with an issuer whose key server counts. */
async function startTeam(
  t: ExecutionContext,
  {
    keys: timing = '{ discovery: true }',
    log = 'info',
    answer = () => rawResponse(200, 'ok') as string | undefined,
  } = {},
) {
  const keys = await serveJwks([KEY]);
  const upstream = await startRecordingUpstream(answer);
  const text = `
listen: { host: 127.0.0.1, port: 0 }
admin: { port: 0 }
workers: 2
drain: { delay: 0s, timeout: 10s }
log: { level: ${log} }
issuers: { main: { issuer: "${keys.issuer}", audience: orders-api, keys: ${timing} } }
upstreams: { api: { url: "${upstream.url}" } }
defaults: { auth: { issuers: [main] } }
routes:
  - { id: all, match: { path: "/**" }, upstream: api }
`;
  const folder = await temporaryFolder({ 'gateway.yaml': text });
  const gateway = await startCommand(['start', '--config', folder.file('gateway.yaml')]);
  t.teardown(async () => {
    await gateway.stop('SIGKILL');
    await upstream.close();
    await keys.close();
    await folder.remove();
  });
  const token = signToken(KEY, accessClaims({ iss: keys.issuer }));
  /** A request on a connection of its own, so that either worker may get it. */
  const ask = async (path = '/', authorization = `Bearer ${token}`) => {
    const response = await fetch(gateway.url + path, { headers: { authorization, connection: 'close' } });
    await response.text();
    return response.status;
  };
  return { gateway, keys, upstream, folder, text, ask };
}

async function metric(gateway: RunningCommand, name: string): Promise<number> {
  const page = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
  const values = [...page.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'))].map(([, value]) =>
    Number(value),
  );
  return values.reduce((sum, value) => sum + value, 0);
}

const readiness = async (gateway: RunningCommand) =>
  (await fetch(`${gateway.adminUrl}/readyz`)).json() as Promise<{ workers: object }>;

test.serial('requests are carried by all, counted on one page, and keys are fetched once', async (t) => {
  const { gateway, keys, ask } = await startTeam(t);
  t.like(await readiness(gateway), { ready: true, workers: { serving: 2, wanted: 2 } });
  let asked = 0;
  const carriers = () => new Set(gateway.lines().flatMap(({ msg, worker }) => (msg === 'served' ? [worker] : [])));
  while (carriers().size < 2 && asked < 500) {
    t.is(await ask(), 200);
    asked += 1;
    if (asked % 20 === 0) await until(() => carriers().size > 0, 'a line of the log');
  }
  t.deepEqual([...carriers()].sort(), [1, 2]);
  t.is(await ask('/', 'Bearer x'), 401);
  t.is(await metric(gateway, 'bearergate_requests_total'), asked + 1);
  t.is(await metric(gateway, 'bearergate_request_duration_seconds_count'), asked + 1);
  t.is(await metric(gateway, 'bearergate_refusals_total'), 1);
  t.is(await metric(gateway, 'bearergate_token_cache_entries'), 2);
  t.deepEqual(keys.requests, { discovery: 1, jwks: 1 });
  t.is(await metric(gateway, 'bearergate_keys_refresh_total'), 1);
  const { code, stderr } = await gateway.stop();
  t.is(code, 0);
  t.regex(stderr, /^bearergate listens on http:\/\/127\.0\.0\.1:\d+ \(admin: \S+\)\n$/);
});

test.serial('a token with a new key is taken by every worker', async (t) => {
  const { gateway, keys, ask } = await startTeam(t, { keys: '{ cooldown: 50ms }' });
  t.is(await ask(), 200);
  const rotated = makeKey('ES256');
  keys.publish([rotated]);
  const token = signToken(rotated, accessClaims({ iss: keys.issuer }));
  const isTaken = async () =>
    (await Promise.all([1, 2, 3, 4].map(() => ask('/', `Bearer ${token}`)))).every((status) => status === 200);
  await until(isTaken, 'both have the new key');
  t.is(await ask(), 401);
  t.is((await gateway.stop()).code, 0);
});

test.serial('keys that are good for longer than a timer can wait are not asked for all the time', async (t) => {
  const { gateway, keys, ask } = await startTeam(t, { keys: '{ discovery: true, refresh: 24d }', log: 'debug' });
  const fetched = () => gateway.lines().filter(({ msg }) => msg === 'keys fetched').length;
  await until(() => fetched() >= 3, 'the head and each worker has them');
  const settled = fetched();
  for (let count = 0; count < 16; count += 1) t.is(await ask(), 200);
  // Each may have been told of the first fetch and have asked once more; hundreds a second is what it must not be.
  t.true(fetched() <= settled + 2, `${settled}, then ${fetched()}`);
  t.is(keys.requests.jwks, 1);
});

test.serial('a worker that ends is told of and started again, the others go on, and no count is lost', async (t) => {
  const { gateway, ask } = await startTeam(t);
  for (let request = 0; request < 20; request += 1) await ask();
  t.is(await metric(gateway, 'bearergate_requests_total'), 20);
  const { pid } = await gateway.waitForLine(({ msg, worker }) => msg === 'a worker has started' && worker === 1);
  process.kill(Number(pid), 'SIGKILL');
  t.like(await gateway.waitForLine(({ msg }) => String(msg).startsWith('a worker has ended')), {
    worker: 1,
    how: 'SIGKILL',
    level: 'error',
    startsAgainInMs: 1000,
  });
  t.like(await readiness(gateway), { ready: true, workers: { serving: 1, wanted: 2 } });
  for (let request = 0; request < 20; request += 1) t.is(await ask(), 200);
  t.is(await metric(gateway, 'bearergate_requests_total'), 40);
  await gateway.waitForLine(({ msg, worker }) => msg === 'a worker has started' && worker === 3);
  t.like(await readiness(gateway), { workers: { serving: 2, wanted: 2 } });
  t.is((await gateway.stop()).code, 0);
});

test.serial('a change of the configuration reaches all', async (t) => {
  const { gateway, folder, text, ask } = await startTeam(t);
  t.is(await ask('/open', 'Basic x'), 401);
  await folder.write('gateway.yaml', `${text}  - { id: open, match: { path: /open }, auth: public, upstream: api }\n`);
  const reloaded = () => gateway.lines().filter(({ msg }) => msg === 'configuration reloaded').length;
  await until(() => reloaded() === 3, 'the head and both workers have taken it', 10_000);
  for (let request = 0; request < 10; request += 1) t.is(await ask('/open', 'Basic x'), 200);
  t.is(await metric(gateway, 'bearergate_config_reloads_total'), 1);
  t.is((await gateway.stop()).code, 0);
});

test.serial('what is under way when it has to end is finished', async (t) => {
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const { gateway, upstream, ask } = await startTeam(t, {
    answer: (async () => {
      await released;
      return rawResponse(200, 'ok');
    }) as never,
  });
  const asked = Array.from({ length: 8 }, () => ask());
  await upstream.waitForRequests(8);
  const stopped = gateway.stop();
  await gateway.waitForLine(({ msg, worker }) => String(msg).startsWith('no new requests') && worker === 2);
  release();
  t.deepEqual(await Promise.all(asked), Array(8).fill(200));
  t.is((await stopped).code, 0);
});

test.serial('without its head no worker stays', async (t) => {
  const { gateway } = await startTeam(t);
  const pids = [1, 2].map((number) =>
    gateway.waitForLine(({ msg, worker }) => msg === 'a worker has started' && worker === number),
  );
  const ours = (await Promise.all(pids)).map(({ pid }) => Number(pid));
  await gateway.stop('SIGKILL');
  const isAlive = (pid: number) => {
    try {
      process.kill(pid, 0);
      return true;
    } catch {
      return false;
    }
  };
  await until(() => !ours.some(isAlive), 'both have ended', 10_000);
  t.pass();
});

test.serial('a port in use is told once, and all end', async (t) => {
  const { gateway } = await startTeam(t);
  const { port } = new URL(gateway.url);
  const folder = await temporaryFolder({
    'gateway.yaml': `${SMALL_CONFIG.replace('port: 0', `port: ${port}`)}workers: 2\n`,
  });
  t.teardown(folder.remove);
  await t.throwsAsync(startCommand(['start', '--config', folder.file('gateway.yaml')]), {
    message: /^it ended with 1: bearergate: cannot listen on 127\.0\.0\.1:\d+: the port is in use[^\n]*\n$/,
  });
});
