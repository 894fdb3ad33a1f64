import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { temporaryFolder } from '../support/files.ts';
import { requestBytes } from '../support/gateway.ts';
import { accessClaims, makeKey, serveJwks, signToken } from '../support/keys.ts';
import type { Expense } from '../support/measured-gateway.ts';
import { connectRaw } from '../support/raw-client.ts';
import { rawResponse, startRecordingUpstream } from '../support/upstream.ts';

// Time can't be held to a figure on a machine that others use. What a request makes the process do can: these numbers are
// the same each time, and grow when somebody puts a promise, a timer or a copy on the way of every request.

const REQUESTS = 400;
const GATEWAY = fileURLToPath(new URL('../support/measured-gateway.ts', import.meta.url));
/** Room for all that is allocated meanwhile, so that nothing is collected. */
const ROOMY = ['--expose-gc', '--min-semi-space-size=64', '--max-semi-space-size=64'];
const KEY = makeKey('ES256');

/** A gateway with a remembered token, and a way to have it asked so many times, one after the other on one connection. */
async function startMeasured(t: ExecutionContext) {
  const keys = await serveJwks([KEY]);
  const upstream = await startRecordingUpstream(() => rawResponse(200, 'ok'));
  const folder = await temporaryFolder({
    'gateway.yaml': `
listen: { host: 127.0.0.1, port: 0 }
admin: { port: 0 }
issuers: { main: { issuer: "${keys.issuer}", audience: orders-api } }
upstreams: { api: { url: "${upstream.url}", connections: 1 } }
routes:
  - id: all
    match: { path: "/**" }
    auth: { issuers: [main] }
    upstream: api
    headers: { set: { X-User-Id: "{claims.sub}" } }
`,
  });
  const child = fork(GATEWAY, [folder.file('gateway.yaml')], {
    execArgv: [...ROOMY, `--import=${import.meta.resolve('tsx/esm')}`],
  });
  const hear = async () => (await once(child, 'message'))[0];
  const url: string = await hear();
  const client = await connectRaw(Number(new URL(url).port));
  t.teardown(async () => {
    client.destroy();
    child.kill('SIGKILL');
    await upstream.close();
    await keys.close();
    await folder.remove();
  });
  const bytes = requestBytes({
    target: '/orders/1',
    headers: [['Authorization', `Bearer ${signToken(KEY, accessClaims({ iss: keys.issuer }))}`]],
  });
  let answers = 0;
  const ask = async (times: number) => {
    for (let time = 0; time < times; time += 1) {
      client.write(bytes);
      answers += 1;
      await client.read({ until: answers });
    }
  };
  const tell = async (what: string) => {
    child.send(what);
    return hear();
  };
  await ask(REQUESTS); // what is compiled and remembered at first is
  return { ask, tell, pid: child.pid as number };
}

/**
 * How often the thread that serves requests has written so far, to files and sockets alike, as Linux counts it; undefined
 * elsewhere. Reads tell nothing: other threads wake it by something that it has to read.
 */
function writesOf(pid: number): number | undefined {
  const file = `/proc/${pid}/task/${pid}/io`;
  return existsSync(file) ? Number(/^syscw: (\d+)$/m.exec(readFileSync(file, 'utf8'))?.[1]) : undefined;
}

async function expenseOf(t: ExecutionContext, what: 'count bytes' | 'count resources'): Promise<Expense> {
  const { ask, tell } = await startMeasured(t);
  for (;;) {
    await tell(what);
    await ask(REQUESTS);
    const expense: Expense = await tell('tell');
    if (what === 'count resources' || expense.collections === 0) return expense;
  }
}

/** What one request may make, on any version of node that is supported; what is less on some is told by nobody. */
const MOST: Readonly<Record<string, number>> = {
  // undici lets pending bytes of an idle connection be seen before it writes, and resumes after an answer.
  Immediate: 2,
  // node's for kept connections, and undici's.
  Timeout: 2,
  TickObject: 11,
  PROMISE: 0,
  Microtask: 0,
};
/** Bytes; 30 to 36 KB by version, of which most are node's and undici's own. */
const MOST_ALLOCATED = 40_000;

test('a request with a remembered token makes so many asynchronous resources and no more', async (t) => {
  const { resources } = await expenseOf(t, 'count resources');
  t.true((resources.TickObject ?? 0) > REQUESTS, 'the count works');
  for (const [type, count] of Object.entries(resources)) {
    // What comes now and then, such as drawing random bytes or a timer that has nothing to do with requests.
    const each = Math.floor(count / REQUESTS + 0.75);
    t.true(each <= (MOST[type] ?? 0), `${type}: ${count / REQUESTS} for each request`);
  }
});

test('a request with a remembered token allocates so much and no more', async (t) => {
  const { allocated } = await expenseOf(t, 'count bytes');
  t.true(allocated > 5_000 * REQUESTS, 'the count works');
  t.true(allocated < MOST_ALLOCATED * REQUESTS, `${allocated / REQUESTS} bytes for each request`);
});

/** One to the upstream and one to the client, head and body together; what else is written meanwhile is little. */
const MOST_WRITES = 2.25;

test('a request with a remembered token is two writes', async (t) => {
  const { ask, pid } = await startMeasured(t);
  const before = writesOf(pid);
  if (before === undefined) {
    t.pass('not counted: there is no /proc here');
    return;
  }
  await ask(REQUESTS);
  const each = ((writesOf(pid) as number) - before) / REQUESTS;
  t.true(each >= 2, `the count works: ${each}`);
  t.true(each <= MOST_WRITES, `${each} writes for each request`);
});
