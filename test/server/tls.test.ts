import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { connect, createServer, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectSecurely, type TLSSocket } from 'node:tls';
import type { ExecutionContext } from 'ava';
import type { Config, ListenTls } from '../../src/config/config.ts';
import { createHttpServer, renewTls } from '../../src/server/tls.ts';
import { makeAuthority, needsOpenssl } from '../support/certificates.ts';
import { temporaryFolder } from '../support/files.ts';
import { codeOf, requestBytes, startBehind } from '../support/gateway.ts';
import { closeNow, listenOnLoopback } from '../support/listen.ts';
import { connectRaw } from '../support/raw-client.ts';
import { startSecure as startSecureGateway } from '../support/secure-gateway.ts';

/** A gateway that listens for HTTPS, and how it refuses. */
async function startSecure(...[t, description, answer]: Parameters<typeof startSecureGateway>) {
  const started = await startSecureGateway(t, description, answer);
  return { ...started, refused: refusals(t, started.gateway.port, started.secure) };
}

/** Tells whether a connection with these settings came to nothing. In TLS 1.3 a client learns that after its handshake. */
function refusals(t: ExecutionContext, port: number, secure: ConnectionOptions) {
  return async (options: ConnectionOptions, message: RegExp) => {
    const socket = connectSecurely({ port, host: '127.0.0.1', ...secure, ...options });
    socket.on('secureConnect', () => socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n'));
    const outcome = await Promise.race([
      once(socket, 'data').then(() => 'answered'),
      once(socket, 'end').then(() => 'ended'),
    ]).catch((error: Error) => error.message);
    socket.destroy();
    t.regex(outcome, message);
  };
}

needsOpenssl('HTTPS is served, the upstream knows of it, and a connection takes further requests', async (t) => {
  const { gateway, upstream, secure } = await startSecure(t);
  t.regex(gateway.url, /^https:\/\/127\.0\.0\.1:\d+$/);
  const request = requestBytes({ headers: [gateway.bearer()] });
  const connection = await connectRaw(gateway.port, secure);
  t.teardown(async () => connection.destroy());
  connection.write(request);
  await connection.read();
  connection.write(request);
  const { responses } = await connection.read({ until: 2 });
  t.deepEqual(
    responses.map(({ status }) => status),
    [200, 200],
  );
  for (const seen of upstream.requests) t.deepEqual(seen.values('x-forwarded-proto'), ['https']);
  t.deepEqual((await upstream.waitForRequests(2)).length, 2);
});

needsOpenssl("the gateway's own pages are shown at addresses of HTTPS", async (t) => {
  const { gateway, secure } = await startSecure(t);
  const target = '/.well-known/bearergate/errors/token.missing';
  const page = await gateway.ask(requestBytes({ target, headers: [['Accept', 'text/html']] }), { secure });
  t.true(page.body.includes('https://api.example.com'));
  t.false(page.body.includes('http://api.example.com'));
});

needsOpenssl('explain tells of HTTPS what the upstream would get', async (t) => {
  const { gateway } = await startSecure(t);
  const question = { method: 'GET', url: '/x', headers: { Host: 'api.example.com' }, token: gateway.token() };
  const answer = await fetch(`${gateway.adminUrl}/explain`, { method: 'POST', body: JSON.stringify(question) });
  const { upstream } = (await answer.json()) as { upstream: { headers: readonly (readonly [string, string])[] } };
  t.deepEqual(Object.fromEntries(upstream.headers)['X-Forwarded-Proto'], 'https');
});

needsOpenssl('a client that speaks no TLS gets nothing, and the log says why', async (t) => {
  const { gateway } = await startSecure(t);
  const { raw, ended } = await gateway.send(`SSH-2.0-x\r\n${'x'.repeat(50)}`, { until: 'close' });
  t.notRegex(raw, /HTTP/);
  t.not(ended, 'timeout');
  const line = await gateway.waitForLine(({ msg }) => msg === 'no secure connection');
  t.regex(String(line.cause), /wrong version/i);
  t.false(
    gateway.lines.some(({ code }) => code === 'request.invalid'),
    'it is no request',
  );
});

needsOpenssl('versions older than the least one are refused', async (t) => {
  const old = { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
  const two = { maxVersion: 'TLSv1.2' } as const;
  const standard = await startSecure(t);
  await standard.refused(old, /version|unsupported protocol|ended/i);
  const ask = requestBytes({ headers: [standard.gateway.bearer()] });
  t.is((await standard.gateway.ask(ask, { secure: { ...standard.secure, ...two } })).status, 200);
  const strict = await startSecure(t, { tls: { minVersion: 'TLSv1.3' } });
  await strict.refused(two, /version/i);
});

needsOpenssl('a client that has not shaken hands in time is let go', async (t) => {
  const { gateway } = await startSecure(t, { listening: { limits: { headersTimeout: '100ms' } } });
  const socket = connect(gateway.port, '127.0.0.1').resume();
  await once(socket, 'close');
  t.like(await gateway.waitForLine(({ msg }) => msg === 'no secure connection'), { level: 'info' });
});

needsOpenssl('with clientCa a client shows a certificate of that authority or is refused', async (t) => {
  const clients = makeAuthority();
  const { gateway, refused, secure } = await startSecure(t, { clients });
  const none = /certificate required|handshake failure|ended/i;
  const unknown = /unknown ca|certificate|ended/i;
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    const only = { minVersion: version, maxVersion: version };
    await refused(only, none);
    await refused({ ...only, ...makeAuthority().issue() }, unknown);
    await refused({ ...only, ...clients.issue({ days: -1 }) }, /expired|certificate|ended/i);
    const own = { ...secure, ...only, ...clients.issue() };
    t.is((await gateway.ask(requestBytes({ headers: [gateway.bearer()] }), { secure: own })).status, 200, version);
  }
  t.is(gateway.lines.filter(({ msg }) => msg === 'no secure connection').length, 6);
});

const SUBJECT_ROUTE = {
  routes: [{ id: 'all', match: { path: '/**' }, headers: { set: { 'X-Client': '{client.subject}' } } }],
};

needsOpenssl("the client's subject goes into headers, in one spelling, and nobody can make one up", async (t) => {
  const clients = makeAuthority();
  const { gateway, upstream, secure } = await startSecure(t, { clients, ...SUBJECT_ROUTE });
  const headers = [gateway.bearer(), ['X-Client', 'CN=admin'] as const];
  for (const [subject, seen] of [
    ['/O=acme/OU=ops/CN=orders', 'CN=orders%2COU=ops%2CO=acme'],
    // What looks like two parts is one.
    ['/O=acme/CN=x,O=other', 'CN=x\\%2CO=other%2CO=acme'],
    ['/O=acme/CN=Jürgen', 'CN=J%C3%BCrgen%2CO=acme'],
  ] as const) {
    const own = { ...secure, ...clients.issue({ subject }) };
    t.is((await gateway.ask(requestBytes({ headers }), { secure: own })).status, 200);
    const { length } = upstream.requests;
    t.deepEqual(upstream.requests[length - 1]?.values('x-client'), [seen]);
  }
});

needsOpenssl('a resumed connection is that of the same client', async (t) => {
  const clients = makeAuthority();
  const { gateway, upstream, secure } = await startSecure(t, { clients, ...SUBJECT_ROUTE });
  const options = { port: gateway.port, host: '127.0.0.1', ...secure, ...clients.issue({ subject: '/CN=first' }) };
  const request = requestBytes({ headers: [gateway.bearer(), ['Connection', 'close']] });
  const visit = async (session?: Buffer) => {
    const socket = connectSecurely({ ...options, ...(session && { session }) });
    let next: Buffer | undefined;
    socket.on('session', (ticket) => {
      next = ticket;
    });
    const closed = once(socket, 'close');
    const secured = once(socket, 'secureConnect').then(() => socket.isSessionReused());
    socket.write(request);
    socket.resume();
    await closed;
    return { resumed: await secured, next };
  };
  const first = await visit();
  const second = await visit(first.next);
  t.deepEqual([first.resumed, second.resumed], [false, true]);
  t.deepEqual(
    upstream.requests.map((seen) => seen.values('x-client')),
    [['CN=first'], ['CN=first']],
  );
});

needsOpenssl('what the parser refuses is answered and closed', async (t) => {
  const { gateway, secure } = await startSecure(t);
  const { responses, ended } = await gateway.send('GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', {
    secure,
    until: 'close',
  });
  t.deepEqual(
    responses.map((response) => [response.status, codeOf(response), response.complete]),
    [[400, 'request.invalid', true]],
  );
  t.is(ended, 'close');
});

needsOpenssl('a refusal arrives whole although the body was not read', async (t) => {
  const { gateway, secure } = await startSecure(t);
  const body = 'x'.repeat(4 * 1024 * 1024);
  const headers = [['Content-Length', String(body.length)] as const];
  const { responses } = await gateway.send(requestBytes({ method: 'POST', headers, body }), { secure, until: 'close' });
  t.is(responses[0]?.status, 401);
  t.true(responses[0]?.complete);
});

/** Passes bytes on and keeps what the server said, as it stood on the wire. */
async function tap(t: ExecutionContext, port: number) {
  const chunks: Buffer[] = [];
  const server = createServer((client: Socket) => {
    const inner = connect(port, '127.0.0.1');
    client.pipe(inner).on('data', (chunk) => void chunks.push(chunk));
    inner.pipe(client);
    client.on('error', () => inner.destroy());
    inner.on('error', () => client.destroy());
  });
  const { port: outer } = await listenOnLoopback(server);
  t.teardown(() => new Promise<void>((resolve) => server.close(() => resolve())));
  return { port: outer, records: () => recordsOf(Buffer.concat(chunks)) };
}

const ALERT = 21;

/** The types of the TLS records in some bytes (RFC 5246 §6.2.1). */
function recordsOf(bytes: Buffer): number[] {
  const types: number[] = [];
  for (let at = 0; at + 5 <= bytes.length; at += 5 + bytes.readUInt16BE(at + 3)) types.push(bytes[at] as number);
  return types;
}

for (const [what, answer, isWhole] of [
  ['is whole', 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall of it', true],
  ['was broken off', 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\na part of it', false],
] as const) {
  needsOpenssl(`an answer that ${what} ends ${isWhole ? 'with' : 'without'} the goodbye of TLS`, async (t) => {
    const { gateway, secure } = await startSecure(t, {}, async (request) => {
      request.connection.socket.end(answer);
      return undefined;
    });
    const wire = await tap(t, gateway.port);
    const connection = await connectRaw(wire.port, { ...secure, maxVersion: 'TLSv1.2' });
    connection.write(requestBytes({ version: 'HTTP/1.0', headers: [gateway.bearer()] }));
    const { raw } = await connection.read({ until: 'close' });
    connection.destroy();
    t.regex(raw, /of it$/);
    t.is(wire.records().at(-1) === ALERT, isWhole);
  });
}

needsOpenssl('WebSockets are carried', async (t) => {
  const upgraded =
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
    'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n';
  const { gateway, secure } = await startSecure(
    t,
    { routes: [{ id: 'all', match: { path: '/**' }, websocket: true }] },
    async (request) => {
      request.connection.socket.write(`${upgraded}hello`);
      return undefined;
    },
  );
  const connection = await connectRaw(gateway.port, secure);
  t.teardown(async () => connection.destroy());
  const headers = [
    gateway.bearer(),
    ['Connection', 'Upgrade'],
    ['Upgrade', 'websocket'],
    ['Sec-WebSocket-Version', '13'],
    ['Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ=='],
  ] as const;
  connection.write(requestBytes({ headers }));
  const { responses } = await connection.read();
  t.is(responses[0]?.status, 101);
});

needsOpenssl('a shutdown ends what is open', async (t) => {
  const { gateway, secure } = await startSecure(t, { drain: { delay: '0s', timeout: '100ms' } }, () => undefined);
  const connection = await connectRaw(gateway.port, secure);
  connection.write(requestBytes({ headers: [gateway.bearer()] }));
  await gateway.server.drain('SIGTERM');
  t.not((await connection.read({ until: 'close' })).ended, 'timeout');
});

/** A server on its own, to renew; it answers the subject of who asks. */
async function startRenewable(t: ExecutionContext, tls: ListenTls) {
  const listen = { tls, limits: { headersTimeout: 1000 } } as Config['listen'];
  const server = createHttpServer(listen, {});
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    response.end((request.socket as TLSSocket).getPeerX509Certificate()?.subject ?? 'nobody');
  });
  const { port } = await listenOnLoopback(server);
  t.teardown(() => closeNow(server));
  return { server, port };
}

/** The name in the certificate that a server shows now. */
async function shownBy(port: number): Promise<string> {
  const socket = connectSecurely({ port, host: '127.0.0.1', rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const { subject } = socket.getPeerCertificate();
  socket.destroy();
  return subject.CN as string;
}

needsOpenssl('a renewed certificate is shown from the next handshake on, and connections go on', async (t) => {
  const authority = makeAuthority();
  const tls = { ...authority.issue({ subject: '/CN=before' }), clientCa: undefined, minVersion: 'TLSv1.2' } as const;
  const { server, port } = await startRenewable(t, tls);
  const open = await connectRaw(port, { rejectUnauthorized: false });
  t.teardown(async () => open.destroy());
  t.is(await shownBy(port), 'before');
  renewTls(server, { ...tls, ...authority.issue({ subject: '/CN=after' }) });
  t.is(await shownBy(port), 'after');
  open.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  t.is((await open.read()).responses[0]?.status, 200);
  t.throws(() => renewTls(server, { ...tls, cert: 'no certificate' }));
  renewTls(server, undefined);
  t.is(await shownBy(port), 'after', 'what cannot be used changes nothing');
});

needsOpenssl('other authorities are asked for from the next handshake on, of those too who could resume', async (t) => {
  const [before, after] = [makeAuthority(), makeAuthority()];
  const tls = { ...makeAuthority().issue(), clientCa: before.cert, minVersion: 'TLSv1.2' } as const;
  const { server, port } = await startRenewable(t, tls);
  const refused = refusals(t, port, { rejectUnauthorized: false });
  const old = before.issue();
  const socket = connectSecurely({ port, host: '127.0.0.1', rejectUnauthorized: false, ...old });
  const [session] = (await once(socket, 'session')) as [Buffer];
  socket.destroy();
  renewTls(server, { ...tls, clientCa: after.cert });
  await refused(old, /unknown ca|certificate|ended/i);
  await refused({ ...old, session }, /unknown ca|certificate|ended/i);
  await refused({ session }, /certificate|ended/i);
  const { responses } = await connectRaw(port, {
    rejectUnauthorized: false,
    ...after.issue({ subject: '/CN=new' }),
  }).then(async (connection) => {
    connection.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    return connection.read();
  });
  t.is(responses[0]?.body, 'CN=new');
});

needsOpenssl('that clients show a certificate is not undone while the server listens', async (t) => {
  const clients = makeAuthority();
  const tls = { ...makeAuthority().issue(), clientCa: clients.cert, minVersion: 'TLSv1.2' } as const;
  const { server, port } = await startRenewable(t, tls);
  const refused = refusals(t, port, { rejectUnauthorized: false });
  renewTls(server, { ...tls, clientCa: undefined });
  await refused({}, /certificate|ended/i);
  await refused(makeAuthority().issue(), /unknown ca|certificate|ended/i);
  renewTls(server, { ...tls, clientCa: undefined, minVersion: 'TLSv1.3' });
  await refused({ maxVersion: 'TLSv1.2', ...clients.issue() }, /version/i);
});

needsOpenssl(
  'a change of configuration brings the renewed certificate, or nothing of it where that is unusable',
  async (t) => {
    const authority = makeAuthority();
    const folder = await temporaryFolder({ ...authority.issue({ subject: '/CN=before' }) });
    t.teardown(folder.remove);
    const listen = { tls: { cert: folder.file('cert'), key: folder.file('key') } };
    const { gateway, upstream } = await startBehind(t, { listen });
    const description = { listen, upstreams: { legacy: upstream.url } };
    t.is(await shownBy(gateway.port), 'before');
    for (const [name, text] of Object.entries(authority.issue({ subject: '/CN=after' })))
      await folder.write(name, text);
    t.true(await gateway.reload(description));
    t.is(await shownBy(gateway.port), 'after');
    t.deepEqual((await gateway.waitForLine(({ msg }) => msg === 'configuration reloaded')).changes, [
      'listen.tls.cert changed',
      'listen.tls.key changed',
    ]);
    const loaded = gateway.load({ ...description, errors: { format: 'text' } });
    if (!loaded.ok) throw new Error('it is a good one');
    const { config } = loaded;
    const tls = { ...(config.listen.tls as ListenTls), cert: 'no certificate' };
    t.false(await gateway.server.reload({ ...loaded, config: { ...config, listen: { ...config.listen, tls } } }));
    t.is(await shownBy(gateway.port), 'after');
    const answer = await gateway.ask(requestBytes(), { secure: { rejectUnauthorized: false } });
    t.is(codeOf(answer), 'token.missing', 'in the form of before');
    t.true(await gateway.reload({ upstreams: { legacy: upstream.url } }));
    t.is(await shownBy(gateway.port), 'after', 'without a restart it stays HTTPS');
    const line = await gateway.waitForLine(({ msg }) => /next restart/.test(String(msg)));
    t.deepEqual(line.changes, ['listen.tls https → http']);
  },
);
