import { connect } from 'node:net';
import type { ExecutionContext } from 'ava';
import { needsOpenssl } from '../support/certificates.ts';
import { requestBytes } from '../support/gateway.ts';
import { startSecure } from '../support/secure-gateway.ts';
import { until } from '../support/until.ts';

const PUBLIC = { routes: [{ id: 'all', match: { path: '/**' }, auth: 'public' }] };

/** What comes back, without TLS, until the other side closes. */
async function talk(t: ExecutionContext, port: number, ...pieces: readonly (string | Buffer)[]): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  t.teardown(() => void socket.destroy());
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  socket.on('error', () => {});
  for (const piece of pieces) socket.write(piece);
  await until(() => socket.destroyed || socket.readableEnded, 'the end of the connection');
  return Buffer.concat(chunks).toString('latin1');
}

needsOpenssl('plain HTTP on the port for HTTPS gets a 400 that says so, and the connection closes', async (t) => {
  const { gateway, upstream, secure } = await startSecure(t, PUBLIC);
  for (const method of ['GET', 'HEAD', 'POST', 'PUT']) {
    const answer = await talk(t, gateway.port, requestBytes({ method }));
    const [head, body] = answer.split('\r\n\r\n');
    t.regex(head as string, /^HTTP\/1\.1 400 Bad Request\r\n/, method);
    t.regex(head as string, /^Connection: close$/im);
    t.regex(head as string, /^Content-Type: application\/problem\+json/im);
    const problem = JSON.parse(body as string);
    t.is(problem.code, 'request.invalid');
    t.regex(problem.detail, /HTTPS/);
    t.regex(problem.fix, /https:\/\//);
  }
  const lines = gateway.lines.filter(({ msg }) => msg === 'refused');
  t.is(lines.length, 4);
  t.like(lines[0], { status: 400, code: 'request.invalid', client: '127.0.0.1' });
  t.is(upstream.connections.length, 0);
  t.is((await gateway.ask(requestBytes(), { secure })).status, 200, 'others are served');
});

needsOpenssl('a request in plain HTTP is told so once, however much of it comes', async (t) => {
  const { gateway } = await startSecure(t, PUBLIC);
  const body = 'x'.repeat(30_000);
  const headers = [['Content-Length', String(body.length)]] as const;
  const one = await talk(t, gateway.port, requestBytes({ method: 'POST', headers, body }));
  t.is(one.split('HTTP/1.1 400').length - 1, 1);
  const many = await talk(t, gateway.port, requestBytes().repeat(100));
  t.is(many.split('HTTP/1.1 400').length - 1, 1);
});

needsOpenssl('what is neither TLS nor HTTP gets no answer in HTTP', async (t) => {
  const { gateway, secure } = await startSecure(t, PUBLIC);
  const garbage = [
    '\x01\x02\x03\x04\x05\x06',
    'SSH-2.0-x\r\n',
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    '\0'.repeat(100),
    '\r\n\r\n\r\n',
  ];
  for (const bytes of garbage) t.notRegex(await talk(t, gateway.port, bytes), /HTTP/, JSON.stringify(bytes));
  t.is(gateway.lines.filter(({ msg }) => msg === 'refused').length, 0);
  t.is((await gateway.ask(requestBytes(), { secure })).status, 200);
});

needsOpenssl('a client that sends a few bytes and waits is closed in time', async (t) => {
  const { gateway } = await startSecure(t, { ...PUBLIC, listening: { limits: { headersTimeout: '1s' } } });
  t.is(await talk(t, gateway.port, 'GE'), '');
});

needsOpenssl('a client that keeps its side open counts as a connection, and does not keep it', async (t) => {
  const { gateway, secure } = await startSecure(t, { ...PUBLIC, listening: { limits: { maxConnections: 1 } } });
  const socket = connect({ port: gateway.port, host: '127.0.0.1', allowHalfOpen: true });
  t.teardown(() => void socket.destroy());
  socket.on('error', () => {}).resume();
  socket.write(requestBytes());
  await until(() => socket.readableEnded || socket.destroyed, 'the answer');
  const ask = () =>
    gateway.ask(requestBytes(), { secure }).then(
      ({ status }) => status,
      () => 0,
    );
  await until(async () => (await ask()) === 200, 'its place');
  t.pass();
});
