import type { IncomingMessage } from 'node:http';
import { createServer as createHttpsServer, type ServerOptions } from 'node:https';
import { createServer } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { ExecutionContext } from 'ava';
import { type Authority, makeAuthority, makeSelfSigned, needsOpenssl } from '../support/certificates.ts';
import { temporaryFolder } from '../support/files.ts';
import { codeOf, requestBytes, startTestGateway, type TestGateway } from '../support/gateway.ts';
import { closeNow, listenOnLoopback } from '../support/listen.ts';
import { openWebSocket, startEcho } from '../support/websocket.ts';

/** What an https server saw of who asked it. */
interface Visit {
  /** The name that SNI said; false where it said none. */
  readonly name: string | false;
  readonly host: string | undefined;
  readonly authorized: boolean;
}

async function startSecure(t: ExecutionContext, options: ServerOptions) {
  const visits: Visit[] = [];
  const sockets: unknown[] = [];
  const server = createHttpsServer(options, (request: IncomingMessage, response) => {
    const { servername, authorized } = request.socket as TLSSocket & { servername: string | false };
    visits.push({ name: servername, host: request.headers.host, authorized });
    response.end('ok');
  });
  // What a client does not trust ends here as an error.
  server.on('tlsClientError', () => {});
  server.on('secureConnection', (socket) => void sockets.push(socket));
  const { port } = await listenOnLoopback(server);
  t.teardown(() => closeNow(server));
  return { port, visits, sockets };
}

async function startBefore(
  t: ExecutionContext,
  upstream: object,
  files: Readonly<Record<string, string>> = {},
  routes?: readonly object[],
): Promise<TestGateway> {
  const folder = await temporaryFolder(files);
  t.teardown(folder.remove);
  const tls = Object.fromEntries(Object.keys(files).map((name) => [name, folder.file(name)]));
  const { tls: own, ...rest } = upstream as { tls?: object };
  const both = { ...tls, ...own };
  const gateway = await startTestGateway({
    upstreams: { legacy: { ...rest, ...(Object.keys(both).length > 0 && { tls: both }) } },
    ...(routes && { routes }),
  });
  t.teardown(gateway.close);
  return gateway;
}

const ask = (gateway: TestGateway, host?: string) =>
  gateway.ask(requestBytes({ headers: [gateway.bearer()], ...(host !== undefined && { host }) }));

async function refused(t: ExecutionContext, gateway: TestGateway, cause: RegExp): Promise<void> {
  const response = await ask(gateway);
  t.is(response.status, 502);
  t.is(codeOf(response), 'forward.unreachable');
  t.regex(response.body, /No secure connection to it could be made/);
  t.notRegex(response.body, /certificate|localhost|127\.0\.0\.1/i);
  t.regex(String((await gateway.waitForLine(({ code }) => code === 'forward.unreachable')).cause), cause);
}

needsOpenssl('a certificate that nobody vouches for is refused, and the reason is told to the log alone', async (t) => {
  const { port, visits } = await startSecure(t, makeSelfSigned());
  await refused(t, await startBefore(t, { url: `https://localhost:${port}` }), /self-signed certificate/);
  t.deepEqual(visits, []);
});

needsOpenssl('a certificate of an authority other than the one that is named is refused', async (t) => {
  const { port, visits } = await startSecure(t, makeAuthority().issue());
  const gateway = await startBefore(t, { url: `https://localhost:${port}` }, { ca: makeAuthority().cert });
  await refused(t, gateway, /unable to (?:verify|get local issuer)|signature failure/);
  t.deepEqual(visits, []);
});

needsOpenssl('the environment cannot switch verification off either', async (t) => {
  const before = process.env.NODE_TLS_REJECT_UNAUTHORIZED;
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
  t.teardown(() => {
    if (before === undefined) delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
    else process.env.NODE_TLS_REJECT_UNAUTHORIZED = before;
  });
  const { port, visits } = await startSecure(t, makeSelfSigned());
  await refused(t, await startBefore(t, { url: `https://localhost:${port}` }), /self-signed certificate/);
  t.deepEqual(visits, []);
});

needsOpenssl('a certificate that has ended, or that is for another name, is refused', async (t) => {
  const authority = makeAuthority();
  const cases: readonly (readonly [options: Parameters<Authority['issue']>[0], host: string, cause: RegExp])[] = [
    [{ days: -1 }, 'localhost', /certificate has expired/],
    [{ names: ['DNS:other.test'] }, 'localhost', /does not match certificate/],
    [{ names: ['DNS:localhost'] }, '127.0.0.1', /does not match certificate/],
    // The client's Host is not whom we want to talk to.
    [{ names: ['DNS:api.example.com'] }, '127.0.0.1', /does not match certificate/],
    [{ names: ['DNS:api.example.com'] }, 'localhost', /does not match certificate/],
  ];
  for (const [options, host, cause] of cases) {
    const { port, visits } = await startSecure(t, authority.issue(options));
    await refused(t, await startBefore(t, { url: `https://${host}:${port}` }, { ca: authority.cert }), cause);
    t.deepEqual(visits, []);
  }
});

needsOpenssl('an authority of one’s own is accepted, and the target is greeted by its own name', async (t) => {
  const authority = makeAuthority();
  const { port, visits } = await startSecure(t, authority.issue());
  const gateway = await startBefore(t, { url: `https://localhost:${port}`, connections: 1 }, { ca: authority.cert });
  for (const host of ['api.example.com', 'evil.example', 'localhost']) t.is((await ask(gateway, host)).status, 200);
  t.deepEqual(
    visits.map(({ name, host }) => [name, host]),
    [
      ['localhost', 'api.example.com'],
      ['localhost', 'evil.example'],
      ['localhost', 'localhost'],
    ],
  );
});

needsOpenssl(
  'a target with an address for a host is verified by it, greeted by no name, and keeps its connection',
  async (t) => {
    const authority = makeAuthority();
    const { port, visits, sockets } = await startSecure(t, authority.issue());
    const gateway = await startBefore(t, { url: `https://127.0.0.1:${port}`, connections: 1 }, { ca: authority.cert });
    for (const host of ['api.example.com', 'evil.example']) t.is((await ask(gateway, host)).status, 200);
    t.deepEqual(
      visits.map(({ name, host }) => [name, host]),
      [
        [false, 'api.example.com'],
        [false, 'evil.example'],
      ],
    );
    t.is(sockets.length, 1);
  },
);

needsOpenssl('serverName is what the target is greeted by and what its certificate has to say', async (t) => {
  const authority = makeAuthority();
  const { port, visits } = await startSecure(t, authority.issue({ names: ['DNS:orders.test'] }));
  const files = { ca: authority.cert };
  for (const host of ['127.0.0.1', 'localhost']) {
    const upstream = { url: `https://${host}:${port}`, tls: { serverName: 'orders.test' } };
    t.is((await ask(await startBefore(t, upstream, files))).status, 200);
  }
  t.deepEqual(
    visits.map(({ name }) => name),
    ['orders.test', 'orders.test'],
  );
  const wrong = { url: `https://localhost:${port}`, tls: { serverName: 'other.test' } };
  await refused(t, await startBefore(t, wrong, files), /does not match certificate/);
});

needsOpenssl('a target that asks for a certificate gets ours, and refuses us without one', async (t) => {
  const servers = makeAuthority();
  const clients = makeAuthority();
  const demands = { requestCert: true, rejectUnauthorized: true, ca: clients.cert };
  const { port, visits } = await startSecure(t, { ...servers.issue(), ...demands });
  const url = `https://localhost:${port}`;
  const { cert, key } = clients.issue();
  const known = await startBefore(t, { url }, { ca: servers.cert, cert, key });
  t.is((await ask(known)).status, 200);
  t.true(visits[0]?.authorized);
  const stranger = await startBefore(t, { url }, { ca: servers.cert });
  const response = await ask(stranger);
  t.is(response.status, 502);
  t.is(codeOf(response), 'forward.unreachable');
  t.is(visits.length, 1);
});

needsOpenssl(
  'a target that talks in the clear where TLS is expected is 502, and gets nothing of the request',
  async (t) => {
    const received: Buffer[] = [];
    const server = createServer((socket) => {
      socket.on('data', (chunk) => received.push(chunk)).on('error', () => {});
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    });
    const { port } = await listenOnLoopback(server);
    t.teardown(() => new Promise<void>((resolve) => void server.close(() => resolve())));
    const gateway = await startBefore(t, { url: `https://localhost:${port}` });
    await refused(t, gateway, /wrong version number|packet length|EPROTO/i);
    t.notRegex(Buffer.concat(received).toString('latin1'), /HTTP|Bearer/);
  },
);

needsOpenssl('a target that never finishes the handshake is 504 after the time to connect', async (t) => {
  const server = createServer((socket) => socket.on('error', () => {}).resume());
  const { port } = await listenOnLoopback(server);
  t.teardown(() => new Promise<void>((resolve) => void server.close(() => resolve())));
  const gateway = await startBefore(t, { url: `https://localhost:${port}`, timeouts: { connect: '300ms' } });
  const response = await ask(gateway);
  t.is(response.status, 504);
  t.is(codeOf(response), 'forward.timeout');
});

needsOpenssl('a WebSocket goes over TLS to a target that is verified, and to no other', async (t) => {
  const authority = makeAuthority();
  const echo = await startEcho(undefined, authority.issue({ names: ['DNS:chat.test'] }));
  t.teardown(echo.close);
  const routes = [{ id: 'all', match: { path: '/**' }, auth: 'public', websocket: true }];
  const upstream = { url: echo.url, tls: { serverName: 'chat.test' } };
  const trusting = await startBefore(t, upstream, { ca: authority.cert }, routes);
  const { socket, next, closed } = await openWebSocket(`${trusting.url}/chat`);
  socket.send('over TLS');
  t.is((await next()).data.toString(), 'over TLS');
  socket.close(1000);
  t.is((await closed).code, 1000);

  for (const [tls, ca] of [
    [{ serverName: 'other.test' }, authority.cert],
    [{ serverName: 'chat.test' }, makeAuthority().cert],
  ] as const) {
    const doubting = await startBefore(t, { url: echo.url, tls }, { ca }, routes);
    await t.throwsAsync(openWebSocket(`${doubting.url}/chat`), { message: /502/ });
  }
  t.is(echo.handshakes.length, 1);
});
