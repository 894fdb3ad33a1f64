import { fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent, get } from 'node:http';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { temporaryFolder } from '../support/files.ts';
import { accessClaims, makeKey, serveJwks, signToken } from '../support/keys.ts';
import type { Expense } from '../support/measured-gateway.ts';
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
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.teardown(async () => {
    agent.destroy();
    child.kill('SIGKILL');
    await upstream.close();
    await keys.close();
    await folder.remove();
  });
  const authorization = `Bearer ${signToken(KEY, accessClaims({ iss: keys.issuer }))}`;
  const ask = async (times: number) => {
    for (let time = 0; time < times; time += 1) {
      const [response] = await once(get(`${url}/orders/1`, { agent, headers: { authorization } }), 'response');
      t.is(response.statusCode, 200);
      await once(response.resume(), 'end');
    }
  };
  const tell = async (what: string) => {
    child.send(what);
    return hear();
  };
  await ask(REQUESTS); // what is compiled and remembered at first is
  return { ask, tell };
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
  // undici lets pending bytes of an idle connection be seen before it writes, and resumes after an answer; an answer and a
  // line wait for others of their kind, with which they share one.
  Immediate: 4,
  // undici's, for connections that are idle.
  Timeout: 1,
  TickObject: knowsEmptyRequests() ? 4 : 11,
  PROMISE: 0,
  Microtask: 0,
};
/** Bytes; 25 to 28 KB by version, of which most are node's and undici's own. */
const MOST_ALLOCATED = 32_000;

/** From 24.12 on node lets a request without a body be no stream that ends and closes. */
function knowsEmptyRequests(): boolean {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  return major > 24 || (major === 24 && minor >= 12);
}

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

test('a request with a remembered token is two writes: to the upstream and to the client, head and body together', async (t) => {
  const { writes } = await expenseOf(t, 'count resources');
  t.is(writes, 2 * REQUESTS);
});
