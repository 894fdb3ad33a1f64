import { Agent, createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import test from 'ava';
import { type GatewayDescription, startTestGateway } from '../support/gateway.ts';
import { closeNow, listenOnLoopback } from '../support/listen.ts';
import { until } from '../support/until.ts';

const RELOADS = 200;
const CLIENTS = 8;

/** A service that tells who it is and what it was asked, and on how many connections it is spoken to. */
async function startEcho(name: string) {
  let connections = 0;
  const server = createServer((request, response) => {
    const { url, headers } = request;
    response.end(JSON.stringify({ name, path: url, version: headers['x-version'], user: headers['x-user'] }));
  });
  server.keepAliveTimeout = 60_000;
  server.on('connection', (socket) => {
    connections += 1;
    socket.on('close', () => {
      connections -= 1;
    });
  });
  const { url } = await listenOnLoopback(server);
  return { name, url, connections: () => connections, close: () => closeNow(server) };
}

type Echo = Awaited<ReturnType<typeof startEcho>>;

/** Each version says so in every place that an answer shows, and takes turns in all that can change. */
function version(number: number, echoes: readonly Echo[], jwksUri: string): GatewayDescription {
  const { name, url } = echoes[number % echoes.length] as Echo;
  return {
    log: { level: 'error' },
    upstreams: { [`${name}-upstream`]: { url, connections: 16 + (number % 7) } },
    issuer: {
      clockTolerance: `${number % 5}s`,
      // Now and then keys from elsewhere, which have to be fetched before anybody can be let in.
      keys: { url: jwksUri, allowHttp: number % 10 === 9, refresh: `${10 + (number % 3)}m` },
    },
    tokenCache: { maxEntries: 1000 + (number % 20 === 0 ? 1 : 0) },
    routes: [
      {
        id: `route-${number % 2}`,
        match: { path: '/**' },
        rewrite: { addPrefix: `/v${number}` },
        headers: { set: { 'X-Version': String(number), 'X-User': '{claims.sub}' } },
        responseHeaders: { set: { 'X-Version': String(number), 'X-Upstream': name } },
      },
    ],
  };
}

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

function ask(url: string, token: string, agent: Agent): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(`${url}/x`, { agent, headers: { authorization: `Bearer ${token}` } });
    request.on('error', reject).on('response', async (response) => {
      const body = (await response.setEncoding('utf8').toArray()).join('');
      resolve({ status: response.statusCode, headers: response.headers, body });
    });
    request.end();
  });
}

/** What is wrong with an answer; undefined where it is that of one version as a whole. */
function flawOf({ status, headers, body }: Answer, echoes: readonly Echo[]): string | undefined {
  if (status !== 200) return `${status} ${body}`;
  const number = Number(headers['x-version']);
  const { name } = echoes[number % echoes.length] as Echo;
  const whole = JSON.stringify({ name, path: `/v${number}/x`, version: String(number), user: 'user-1' });
  return body === whole && headers['x-upstream'] === name ? undefined : `${JSON.stringify(headers)} ${body}`;
}

function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
}

test('200 changes, good and bad ones, under load: no request fails or sees half of one, and nothing is left of them', async (t) => {
  t.timeout(120_000);
  const echoes = await Promise.all(['one', 'two', 'three'].map(startEcho));
  const gateway = await startTestGateway({ ...version(0, echoes, ''), issuer: {} });
  t.teardown(async () => {
    await gateway.close();
    await Promise.all(echoes.map(({ close }) => close()));
  });
  const { jwksUri } = gateway.keyServer;
  await until(async () => (await fetch(`${gateway.adminUrl}/readyz`)).ok, 'the first keys are there');
  const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS });
  const flaws: string[] = [];
  const seen = new Set<string>();
  let asked = 0;
  let running = true;
  const client = async () => {
    for (let count = 0; running; count += 1) {
      // A new token now and then, which has to be proved: by a promise, under whatever is in force when it comes.
      const token = count % 4 === 0 ? gateway.token({ jti: crypto.randomUUID() }) : known;
      try {
        const answer = await ask(gateway.url, token, agent);
        const flaw = flawOf(answer, echoes);
        if (flaw !== undefined) flaws.push(flaw);
        seen.add(String(answer.headers['x-version']));
      } catch (error) {
        flaws.push(String(error));
      }
      asked += 1;
    }
  };
  const known = gateway.token();
  const clients = Array.from({ length: CLIENTS }, client);
  const outcomes = { taken: 0, refused: 0 };
  const heaps: number[] = [];
  const routes: WeakRef<object>[] = [];
  for (let number = 1; number <= RELOADS; number += 1) {
    const bad = number % 4 === 0;
    const description = version(number, echoes, jwksUri);
    const loaded = gateway.load(bad ? { ...description, nonsense: true } : description);
    if (loaded.ok) routes.push(new WeakRef(loaded.config.routes[0] as object));
    const taken = await gateway.server.reload(loaded);
    outcomes[taken ? 'taken' : 'refused'] += 1;
    const before = asked;
    await until(() => asked >= before + CLIENTS, 'requests between two changes', 20_000);
    if (number === RELOADS / 2 || number === RELOADS) {
      collectGarbage();
      heaps.push(process.memoryUsage().heapUsed);
    }
  }
  running = false;
  await Promise.all(clients);
  t.deepEqual(flaws.slice(0, 5), []);
  t.deepEqual(outcomes, { taken: 150, refused: 50 });
  t.true(asked >= RELOADS * CLIENTS);
  t.true(seen.size > 100, `${seen.size} versions were seen at work`);
  t.false(seen.has('4'), 'a refused one is in force for nobody');
  const [half = 0, whole = 0] = heaps;
  t.true(whole - half < 8 * 1024 * 1024, `the second half of the changes left ${whole - half} bytes`);
  agent.destroy();
  // A connection remembers its last request, and that one what it met.
  await until(() => {
    collectGarbage();
    return routes.filter((route) => route.deref() !== undefined).length <= CLIENTS + 1;
  }, 'nothing is left of the routes that were replaced');
  const last = echoes[(RELOADS - 1) % echoes.length];
  await until(
    () => echoes.every((echo) => echo === last || echo.connections() === 0),
    'every pool but the last one is closed',
  );
  t.true((last?.connections() ?? 0) > 0);
});
