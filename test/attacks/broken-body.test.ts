import { createServer } from 'node:http';
import test from 'ava';
import { codeOf, requestBytes, startBehind } from '../support/gateway.ts';
import { closeNow, listenOnLoopback } from '../support/listen.ts';
import { connectRaw } from '../support/raw-client.ts';

// A body turns out to be no HTTP after the head has been read: while the token is still being asked about, while the
// answer to the head is under way, or in the packet that has the end of it. Two answers to one request, or an upstream
// that gets as a whole what was refused here, are how the answer of one client comes to another.

const BROKEN = 'zz\r\n';
const CHUNKED = ['Transfer-Encoding', 'chunked'] as const;
const PUBLIC = { routes: [{ id: 'all', match: { path: '/**' }, auth: 'public' }] };

test('a request whose body breaks while its token is asked about is refused once and goes nowhere', async (t) => {
  let release = () => {};
  let asked = () => {};
  const isAsked = new Promise<void>((resolve) => {
    asked = resolve;
  });
  const provider = createServer((request, response) => {
    request.resume();
    release = () => {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ active: true, aud: 'orders-api', sub: 'user-1' }));
    };
    asked();
  });
  const { url } = await listenOnLoopback(provider);
  t.teardown(() => closeNow(provider));
  const { gateway, upstream } = await startBehind(t, {
    variables: { SECRET: 'never-mind-which-one' },
    issuers: {
      opaque: {
        ...{ issuer: 'https://login.example.com', audience: 'orders-api' },
        introspection: { url, clientId: 'gateway', clientSecret: '${' + 'SECRET}' },
      },
    },
    routes: [{ id: 'all', match: { path: '/**' }, auth: { issuers: ['opaque'] } }],
  });
  const headers = [['Authorization', 'Bearer opaque-token'], CHUNKED] as const;
  const client = await connectRaw(gateway.port);
  client.write(requestBytes({ method: 'POST', target: '/broken', headers }));
  await isAsked;
  client.write(BROKEN);
  const { responses } = await client.read({ until: 1 });
  release();
  // It waits for the same word: when it is answered, the word has come.
  const after = requestBytes({ target: '/after', headers: [headers[0]] });
  t.is((await gateway.ask(after)).status, 200);
  t.deepEqual(responses.map(codeOf), ['request.invalid']);
  t.is((await client.read({ until: 'close' })).responses.length, 1);
  client.destroy();
  t.deepEqual(
    upstream.requests.map(({ target }) => target),
    ['/after'],
  );
});

test('an answer that closes is the last one, whatever the body behind it is', async (t) => {
  const { gateway, upstream } = await startBehind(t);
  for (const body of [BROKEN, `5\r\nhello\r\n${BROKEN}`, '5;a="\r\nhello\r\n']) {
    for (const headers of [[CHUNKED], [CHUNKED, ['Authorization', 'Bearer a b']]] as const) {
      const { responses } = await gateway.send(requestBytes({ method: 'POST', headers, body }), { until: 'close' });
      t.is(responses.length, 1, body);
      t.is(responses[0]?.header('connection'), 'close');
    }
  }
  t.is(upstream.connections.length, 0);
});

test('what stands behind a last request in its packet refuses the request with it', async (t) => {
  const { gateway, upstream } = await startBehind(t, PUBLIC);
  const last = (connection: string) =>
    requestBytes({
      method: 'POST',
      headers: [
        ['Connection', connection],
        ['Content-Length', '4'],
      ],
      body: 'q=42',
    });
  for (const behind of ['GET / HTTP/1.1\r\n', 'x', requestBytes({ target: '/smuggled' })]) {
    for (const connection of ['close', 'Close', 'x, close', 'close\t']) {
      const { responses } = await gateway.send(last(connection) + behind, { until: 'close' });
      t.deepEqual(responses.map(codeOf), ['request.invalid'], JSON.stringify(connection + behind));
    }
  }
  t.deepEqual(
    upstream.requests.filter(({ complete }) => complete),
    [],
  );
  // A line break behind the body is what old browsers send (RFC 9112 §2.2).
  for (const behind of ['', '\r\n']) t.is((await gateway.ask(last('close') + behind)).status, 200);
  t.deepEqual(
    upstream.requests.filter(({ complete }) => complete).map(({ body }) => body.toString()),
    ['q=42', 'q=42'],
  );
});
