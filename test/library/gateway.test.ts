import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import express from 'express';
import fastify from 'fastify';
import WebSocket, { WebSocketServer } from 'ws';
import type { ConfigError, Gateway } from '../../src/library/api.ts';
import { createGateway } from '../../src/library/index.ts';
import { startIssuer } from '../../src/library/testing.ts';
import { temporaryFolder } from '../support/files.ts';
import { until } from '../support/until.ts';

async function listen(
  t: ExecutionContext,
  listener: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<{ readonly server: ReturnType<typeof createServer>; readonly url: string }> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

/** An issuer, an API that says what it got, and a configuration for the two. */
async function world(t: ExecutionContext) {
  const issuer = await startIssuer();
  t.teardown(() => issuer.close());
  const api = await listen(t, async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    response.end(JSON.stringify({ url: request.url, user: request.headers['x-user'], body }));
  });
  const config = {
    log: { access: false, level: 'error' },
    issuers: { main: { issuer: issuer.url, audience: 'orders' } },
    upstreams: { api: { url: api.url } },
    routes: [
      {
        id: 'all',
        match: { path: '/**' },
        auth: { issuers: ['main'] },
        upstream: 'api',
        headers: { set: { 'X-User': '{claims.sub}' } },
        websocket: true,
      },
    ],
  };
  const authorization = `Bearer ${await issuer.token({ aud: 'orders', sub: 'alice' })}`;
  return { issuer, api, config, authorization };
}

async function gatewayOf(t: ExecutionContext, source: Parameters<typeof createGateway>[0]): Promise<Gateway> {
  const gateway = await createGateway(source);
  t.teardown(() => gateway.close());
  return gateway;
}

const SERVERS: Readonly<Record<string, (t: ExecutionContext, gateway: Gateway) => Promise<string>>> = {
  'a server of node': async (t, gateway) => (await listen(t, gateway.handle)).url,
  Express: async (t, gateway) => {
    const app = express();
    app.use((request, response) => gateway.handle(request, response));
    return (await listen(t, app)).url;
  },
  Fastify: async (t, gateway) => {
    const app = fastify();
    // The gateway reads the body by itself, whatever it is.
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('*', (_request, _body, done) => done(null));
    app.all('/*', (request, reply) => {
      reply.hijack();
      gateway.handle(request.raw, reply.raw);
    });
    t.teardown(() => app.close());
    return app.listen({ host: '127.0.0.1', port: 0 });
  },
};

for (const [name, start] of Object.entries(SERVERS)) {
  test(`behind ${name} a request is checked and forwarded as the program would`, async (t) => {
    const { config, authorization } = await world(t);
    const url = await start(t, await gatewayOf(t, { config }));
    const refused = await fetch(`${url}/orders`);
    t.is(refused.status, 401);
    t.is(((await refused.json()) as { code: string }).code, 'token.missing');
    const body = 'x'.repeat(100_000);
    const answered = await fetch(`${url}/orders?a=1`, {
      method: 'POST',
      headers: { authorization, 'x-user': 'root' },
      body,
    });
    t.is(answered.status, 200);
    t.deepEqual(await answered.json(), { url: '/orders?a=1', user: 'alice', body });
    t.is((await fetch(`${url}/.well-known/bearergate/errors/token.missing`)).status, 200);
  });
}

test('mistakes reject with every problem, from a file as from an object', async (t) => {
  const folder = await temporaryFolder({ 'gateway.yaml': 'routes: 1\nnonsense: 2\n' });
  t.teardown(folder.remove);
  for (const source of [{ configFile: folder.file('gateway.yaml') }, { config: { routes: 1, nonsense: 2 } }]) {
    const error = (await t.throwsAsync(createGateway(source))) as ConfigError;
    t.is(error.name, 'ConfigError');
    t.is(error.problems.length, 2);
    for (const { message, line, file } of error.problems) {
      t.truthy(message);
      t.true(line > 0);
      t.truthy(file);
    }
  }
});

test('reload takes a change of the file, and rejects a mistake while the one before stays', async (t) => {
  const { config, authorization } = await world(t);
  const folder = await temporaryFolder({ 'gateway.yaml': JSON.stringify(config) });
  t.teardown(folder.remove);
  const gateway = await gatewayOf(t, { configFile: folder.file('gateway.yaml') });
  const { url } = await listen(t, gateway.handle);
  const status = async () => (await fetch(url, { headers: { authorization } })).status;
  t.is(await status(), 200);
  const [route] = config.routes;
  const stricter = { ...config, routes: [{ ...route, auth: { issuers: ['main'], scopes: ['read'] } }] };
  await folder.write('gateway.yaml', JSON.stringify(stricter));
  await gateway.reload();
  t.is(await status(), 403);
  await folder.write('gateway.yaml', 'nonsense: 1');
  const error = (await t.throwsAsync(gateway.reload())) as ConfigError;
  t.is(error.name, 'ConfigError');
  t.true(error.problems.length > 0);
  t.is(await status(), 403);
  await gateway.reload({ config });
  t.is(await status(), 200);
});

test('WebSockets go through a server of the caller, and other upgrades are ignored', async (t) => {
  const { config, api, authorization } = await world(t);
  const echo = new WebSocketServer({ server: api.server });
  echo.on('connection', (socket) => socket.on('message', (data) => socket.send(String(data))));
  const gateway = await gatewayOf(t, { config });
  const { server, url } = await listen(t, gateway.handle);
  server.on('upgrade', gateway.upgrade);
  const socket = new WebSocket(url.replace('http', 'ws'), { headers: { authorization } });
  const said = await new Promise((resolve, reject) => {
    socket.on('open', () => socket.send('hello'));
    socket.on('message', (data) => resolve(String(data)));
    socket.on('error', reject);
  });
  t.is(said, 'hello');
  const plain = await new Promise<number | undefined>((resolve, reject) => {
    httpRequest(url, {
      headers: { authorization, connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': '' },
    })
      .on('response', (response) => resolve(response.resume().statusCode))
      .on('error', reject)
      .end();
  });
  t.is(plain, 200);
  const closed = new Promise((resolve) => socket.on('close', resolve));
  await gateway.close();
  t.is(await closed, 1001);
});

test('close waits for requests under way, and refuses later ones', async (t) => {
  const { config, authorization } = await world(t);
  let answer = (): void => {};
  let wasAsked = (): void => {};
  const asked = new Promise<void>((resolve) => {
    wasAsked = resolve;
  });
  const slow = await listen(t, (_, response) => {
    answer = () => response.end('late');
    wasAsked();
  });
  const gateway = await createGateway({ config: { ...config, upstreams: { api: { url: slow.url } } } });
  const { url } = await listen(t, gateway.handle);
  const underWay = fetch(url, { headers: { authorization } });
  await asked;
  const closed = gateway.close();
  t.is((await fetch(url, { headers: { authorization } })).status, 503);
  answer();
  t.is(await (await underWay).text(), 'late');
  await closed;
  t.is((await fetch(url, { headers: { authorization } })).status, 503);
});

test('a body that something else has read is a mistake of the program, told to it', async (t) => {
  const { config, authorization } = await world(t);
  const gateway = await gatewayOf(t, { config });
  let told: unknown;
  const { url } = await listen(t, async (request, response) => {
    for await (const _ of request);
    try {
      gateway.handle(request, response);
    } catch (error) {
      told = error;
      response.writeHead(500).end();
    }
  });
  t.is((await fetch(url, { method: 'POST', headers: { authorization }, body: 'x' })).status, 500);
  t.regex(String(told), /put the gateway before body parsers/);
});

test('a source that is none, or two, is a mistake of the program, told to it', async (t) => {
  for (const source of [undefined, null, {}, { config: undefined }, './gateway.yaml', { config: {}, configFile: 'a' }])
    await t.throwsAsync(createGateway(source as never), { message: /either \{ configFile: '.*' \} or \{ config:/ });
});

test('a member of a configuration that JSON would lose is refused, instead of checking less', async (t) => {
  const { config } = await world(t);
  for (const lost of [undefined, () => true, Symbol('acme'), 1n, Number.NaN]) {
    const routes = [{ ...config.routes[0], auth: { issuers: ['main'], claims: { tenant: lost } } }];
    const error = await t.throwsAsync(createGateway({ config: { ...config, routes } }));
    t.is(error?.name, 'ConfigError');
    t.regex(error?.message ?? '', /`tenant` is /);
  }
});

// From Node 26 on a server hands over a stand-in for the connection while the body of such a request is on its way.
for (const [framing, body] of [
  ['Content-Length: 2', 'hi'],
  ['Transfer-Encoding: chunked', '2\r\nhi\r\n0\r\n\r\n'],
  ['Transfer-Encoding: chunked', '0\r\n\r\n'],
] as const) {
  test(`a request for a protocol that is not spoken here keeps its body, framed by ${framing}: ${JSON.stringify(body)}`, async (t) => {
    const { config, authorization } = await world(t);
    const gateway = await gatewayOf(t, { config });
    const { server, url } = await listen(t, gateway.handle);
    server.on('upgrade', gateway.upgrade);
    const ask = async (fields: string, pieces: readonly string[]) => {
      const socket = connect(Number(new URL(url).port), '127.0.0.1');
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk;
      });
      const head = `POST /a HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: foo/1\r\n${framing}\r\n${fields}\r\n`;
      for (const piece of [head + pieces[0], ...pieces.slice(1)]) {
        socket.write(piece);
        await new Promise((resolve) => setTimeout(resolve, 20)); // so that they arrive one by one
      }
      await until(() => text.includes('}'), 'the answer is whole');
      socket.destroy();
      return text;
    };
    for (const pieces of [[body], ['', body], [body.slice(0, 1), body.slice(1)]]) {
      const answer = await ask(`Authorization: ${authorization}\r\n`, pieces);
      t.regex(answer, /^HTTP\/1\.1 200 /);
      t.true(answer.includes(`"user":"alice","body":"${body.includes('hi') ? 'hi' : ''}"`), answer);
    }
    t.regex(await ask('', [body]), /^HTTP\/1\.1 401 /);
  });
}

// Attack: the answer before is not over, and a connection has one answer at a time: a throw there would end the program.
test('a request for another protocol with a body, pipelined behind a slow answer, does no harm', async (t) => {
  const { config, authorization } = await world(t);
  const gateway = await gatewayOf(t, { config });
  const { server, url } = await listen(t, gateway.handle);
  server.on('upgrade', gateway.upgrade);
  const head = `Host: a\r\nAuthorization: ${authorization}\r\n`;
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.on('error', () => {});
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk;
  });
  socket.write(
    `GET /a HTTP/1.1\r\n${head}\r\nPOST /b HTTP/1.1\r\n${head}Connection: Upgrade\r\nUpgrade: foo\r\nContent-Length: 2\r\n\r\nhi`,
  );
  await until(
    () => socket.destroyed || text.split('"user":"alice"').length === 3,
    'both are answered, or the connection is closed',
  );
  socket.destroy();
  t.is((await fetch(url, { headers: { authorization } })).status, 200, 'others are served as before');
});
