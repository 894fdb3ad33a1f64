import { execFile, execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { codeOf, requestBytes, startBehind } from '../support/gateway.ts';
import type { WireHeader } from '../support/http-bytes.ts';
import { needs } from '../support/needs.ts';
import { connectRaw } from '../support/raw-client.ts';
import { rawResponse } from '../support/upstream.ts';

// java.net.http.HttpClient, of Java 11 and later, offers h2c with each request in plain http, and so does curl --http2.

const run = promisify(execFile);
const runs =
  (command: string, ...args: readonly string[]) =>
  () => {
    try {
      return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
    } catch {
      return '';
    }
  };

/** It compiles its own source, which a runtime without a compiler does not. */
const needsJdk = needs('a JDK (default-jdk-headless)', () => runs('javac', '-version')() !== '');
const needsCurl = needs('curl with HTTP/2', () => runs('curl', '--version')().includes('HTTP2'));

const start = (t: Parameters<typeof startBehind>[0]) =>
  startBehind(t, {}, ({ method, body }) =>
    method === 'HEAD' ? 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n' : rawResponse(200, `got ${body}`),
  );

needsJdk("Java's HttpClient is served: GET, POST, HEAD, refusals, on one connection", async (t) => {
  const { gateway, upstream } = await start(t);
  const token = gateway.token();
  const requests = [
    ['GET', '/1', token, ''],
    ['POST', '/2', token, 'a body'],
    ['HEAD', '/3', token, ''],
    ['GET', '/4', '', ''],
    ['POST', '/5', '', 'refused'],
    ['PUT', '/6', token, 'x'.repeat(100_000)],
    ['GET', '/7', token, ''],
  ] as const;
  const args = requests.flatMap(([method, path, ...more]) => [method, `${gateway.url}${path}`, ...more]);
  const source = join(import.meta.dirname, 'JavaClient.java');
  const { stdout } = await run('java', [source, ...args], { timeout: 120_000, maxBuffer: 1e7 });
  const lines = stdout.trim().split('\n');
  t.deepEqual(
    lines.map((line) => line.slice(0, 12)),
    [200, 200, 200, 401, 401, 200, 200].map((status) => `${status} HTTP_1_1`),
  );
  t.true(lines[1]?.endsWith('got a body'));
  t.is(lines[5]?.length, '200 HTTP_1_1 got '.length + 100_000);
  t.deepEqual(
    upstream.requests.map(({ target }) => target),
    ['/1', '/2', '/3', '/6', '/7'],
  );
  for (const request of upstream.requests)
    t.deepEqual([...request.values('upgrade'), ...request.values('http2-settings')], []);
});

needsJdk("Java's HttpClient reads the admin port", async (t) => {
  const { gateway } = await start(t);
  const question = JSON.stringify({ method: 'GET', url: '/orders' });
  const args = [
    ...['GET', `${gateway.adminUrl}/livez`, '', ''],
    ...['GET', `${gateway.adminUrl}/readyz`, '', ''],
    ...['POST', `${gateway.adminUrl}/explain`, '', question],
    ...['GET', `${gateway.adminUrl}/livez`, '', ''],
  ];
  const source = join(import.meta.dirname, 'JavaClient.java');
  const { stdout } = await run('java', [source, ...args], { timeout: 120_000, maxBuffer: 1e7 });
  t.deepEqual(
    stdout
      .trim()
      .split('\n')
      .map((line) => line.slice(0, 3)),
    ['200', '200', '200', '200'],
  );
});

/** What HttpClient of Java 17 sends, byte for byte, but for the host and the token. */
function recorded(method: string, token: WireHeader | undefined, body = ''): string {
  const authorization = token === undefined ? '' : `Authorization: ${token[1]}\r\n`;
  return (
    `${method} / HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nContent-Length: ${body.length}\r\n` +
    'Host: 127.0.0.1:8080\r\nHTTP2-Settings: AAEAAEAAAAIAAAAAAAMAAAAAAAQBAAAAAAUAAEAAAAYABgAA\r\nUpgrade: h2c\r\n' +
    `User-Agent: Java-http-client/17.0.15\r\n${authorization}\r\n${body}`
  );
}

test("the bytes of Java's HttpClient are served, request after request on one connection", async (t) => {
  const { gateway, upstream } = await start(t);
  const client = await connectRaw(gateway.port);
  t.teardown(() => client.destroy());
  const requests = [
    [recorded('GET', gateway.bearer()), 200],
    [recorded('POST', gateway.bearer(), 'a body'), 200],
    [recorded('HEAD', gateway.bearer()), 200],
    [recorded('GET', undefined), 401],
    [recorded('PUT', gateway.bearer(), 'x'.repeat(100_000)), 200],
    [recorded('GET', gateway.bearer()), 200],
  ] as const;
  for (const [index, [bytes, status]] of requests.entries()) {
    const bodyAt = bytes.indexOf('\r\n\r\n') + 4;
    client.write(bytes.slice(0, bodyAt));
    client.write(bytes.slice(bodyAt)); // as it does
    const { responses } = await client.read({ until: index + 1 });
    t.is(responses[index]?.status, status);
  }
  t.deepEqual(
    upstream.requests.map(({ method, body }) => [method, body.length]),
    [
      ['GET', 0],
      ['POST', 6],
      ['HEAD', 0],
      ['PUT', 100_000],
      ['GET', 0],
    ],
  );
  const refused = await gateway.ask(recorded('POST', undefined, 'a body'));
  t.is(codeOf(refused), 'token.missing');
});

test('a plain request on the same connection is served behind it', async (t) => {
  const { gateway } = await start(t);
  const bytes = recorded('POST', gateway.bearer(), 'a body') + requestBytes({ headers: [gateway.bearer()] });
  t.is((await gateway.send(bytes, { until: 2 })).responses.length, 2);
});

needsCurl('curl --http2 is served: GET, HEAD and uploads, on one connection', async (t) => {
  const { gateway, upstream } = await start(t);
  const authorization = ['-H', `Authorization: ${gateway.bearer()[1]}`];
  const common = ['-sS', '--http2', '-o', '/dev/null', '-w', '%{http_code} %{http_version} %{num_connects}\n'];
  const { stdout } = await run(
    'curl',
    [
      ...[...common, ...authorization, `${gateway.url}/1`, '--next'],
      ...[...common, ...authorization, '-d', 'a body', `${gateway.url}/2`, '--next'],
      ...[...common, ...authorization, '-I', `${gateway.url}/3`, '--next'],
      ...[...common, `${gateway.url}/4`],
    ],
    { timeout: 60_000 },
  );
  t.deepEqual(stdout.trim().split('\n'), ['200 1.1 1', '200 1.1 0', '200 1.1 0', '401 1.1 0']);
  t.is(upstream.requests[1]?.body.toString(), 'a body');
});
