import { createServer, type RequestListener } from 'node:http';
import test, { type ExecutionContext } from 'ava';
import { run } from '../support/cli.ts';
import { runCommand } from '../support/command.ts';
import { temporaryFolder } from '../support/files.ts';
import { startBehind } from '../support/gateway.ts';
import { closeNow, listenOnLoopback } from '../support/listen.ts';

async function healthOf(t: ExecutionContext, yaml: string) {
  const folder = await temporaryFolder({ 'gateway.yaml': yaml });
  t.teardown(folder.remove);
  const ran = await run(['health', '--config', folder.file('gateway.yaml')]);
  return { ...ran, stderr: ran.stderr.replaceAll(folder.path, '') };
}

const at = (host: string, port: number | string) => `admin: { host: "${host}", port: ${port} }\n`;
const portOf = ({ adminUrl }: { readonly adminUrl: string }) => new URL(adminUrl).port;

test('a gateway that is ready is well, whatever else its configuration asks for', async (t) => {
  const { gateway } = await startBehind(t);
  const secrets = `upstreams: { a: { url: "$\{NOT_SET}" } }\nissuers: { b: { issuer: "$\{file:/no/such/file}" } }\n`;
  t.deepEqual(await healthOf(t, at('127.0.0.1', portOf(gateway)) + secrets), {
    code: 0,
    stdout: 'ready\n',
    stderr: '',
  });
});

test('a gateway that listens everywhere is asked on this machine', async (t) => {
  const { gateway } = await startBehind(t, { admin: { host: '0.0.0.0' } });
  t.is((await healthOf(t, at('0.0.0.0', portOf(gateway)))).stdout, 'ready\n');
  const six = await startBehind(t, { admin: { host: '::' } }).catch(() => undefined);
  if (six) t.is((await healthOf(t, at('::', portOf(six.gateway)))).stdout, 'ready\n');
});

test('the issuer that stands against being ready is named', async (t) => {
  const { gateway } = await startBehind(t, { issuers: { gone: { issuer: 'http://127.0.0.1:1', audience: 'api' } } });
  const { code, stdout } = await healthOf(t, at('127.0.0.1', portOf(gateway)));
  t.is(code, 1);
  t.regex(stdout, /^not ready: no usable keys of issuer gone \(.*127\.0\.0\.1:1.*\)\n$/);
});

test('a gateway that shuts down says so', async (t) => {
  const { gateway } = await startBehind(t, { drain: { delay: '2s' } });
  const draining = gateway.server.drain('SIGTERM');
  const { code, stdout } = await healthOf(t, at('127.0.0.1', portOf(gateway)));
  t.is(code, 1);
  t.is(stdout, 'not ready: it is shutting down\n');
  await draining;
});

test('a gateway of which no worker serves says so, with its issuers', async (t) => {
  const issuers = { main: { usable: false, error: 'gone' }, other: { usable: true } };
  const server = createServer((_, response) => {
    const workers = { serving: 0, wanted: 3 };
    response.writeHead(503).end(JSON.stringify({ ready: false, draining: false, workers, issuers }));
  });
  const { port } = await listenOnLoopback(server);
  t.teardown(() => closeNow(server));
  const { code, stdout } = await healthOf(t, at('127.0.0.1', port));
  t.is(code, 1);
  t.is(stdout, 'not ready: none of its 3 workers serves requests; no usable keys of issuer main (gone)\n');
});

test('where nothing listens, that is the cause', async (t) => {
  const server = createServer();
  const { port } = await listenOnLoopback(server);
  await closeNow(server);
  const { code, stdout } = await healthOf(t, at('127.0.0.1', port));
  t.is(code, 1);
  t.is(stdout, `not ready: nothing listens on 127.0.0.1:${port}\n`);
});

for (const [whose, answer] of [
  ['a page of another server', (_, response) => response.writeHead(200).end('welcome')],
  ['JSON of another server', (_, response) => response.writeHead(200).end('{"status":"up"}')],
  ['an answer of nothing but null', (_, response) => response.writeHead(200).end('null')],
] as readonly (readonly [string, RequestListener])[]) {
  test(`${whose} is not taken for a gateway`, async (t) => {
    const server = createServer(answer);
    const { port } = await listenOnLoopback(server);
    t.teardown(() => closeNow(server));
    const { code, stdout } = await healthOf(t, at('127.0.0.1', port));
    t.is(code, 1);
    t.is(stdout, `not ready: 127.0.0.1:${port} answers 200, and not as a gateway's admin port does\n`);
  });
}

test('a gateway that does not answer is not waited for', async (t) => {
  const server = createServer(() => {});
  const { port } = await listenOnLoopback(server);
  t.teardown(() => closeNow(server));
  const { code, stdout } = await healthOf(t, at('127.0.0.1', port));
  t.is(code, 1);
  t.is(stdout, `not ready: 127.0.0.1:${port} does not answer within 2.5 s\n`);
});

for (const [mistake, yaml, reason] of [
  ['a port that nobody knows', at('127.0.0.1', 0), 'admin.port is 0, which takes a free port'],
  ['a port that is none', at('127.0.0.1', 'many'), 'admin.port expected a port'],
  ['a port from an unset variable', at('127.0.0.1', `"$\{NOT_SET}"`), 'admin.port cannot be read'],
  ['YAML that is none', 'admin: [', 'this `[` is never closed'],
] as const) {
  test(`${mistake} is told`, async (t) => {
    const { code, stdout, stderr } = await healthOf(t, yaml);
    t.is(code, 1);
    t.is(stdout, '');
    t.true(stderr.startsWith(`bearergate: /gateway.yaml: ${reason}`), stderr);
    t.is(stderr.split('\n').length, 2);
  });
}

test('a file that is missing is told, and the exit code reaches the shell', async (t) => {
  const { code, stderr } = await runCommand(['health', '--config', '/no/such.yaml']);
  t.is(code, 1);
  t.is(stderr, 'bearergate: /no/such.yaml: the configuration file does not exist\n');
});
