import test from 'ava';
import { codeOf, requestBytes, startBehind } from '../support/gateway.ts';

// A version that the guard takes for 1.1 and the upstream for something else changes framing and what is obligatory:
// HTTP/0.9 has no headers at all, so no token, and node:http takes `HTTP/2.0` on a plain connection as if it were 1.1.

const LINES = [
  'GET /',
  'GET / HTTP/0.9',
  'GET / HTTP/2.0',
  'GET / HTTP/2',
  'GET / HTTP/3.0',
  'GET / HTTP/1.2',
  'GET / HTTP/1.9',
  'GET / HTTP/1',
  'GET / HTTP/11',
  'GET / HTTP/1.1.1',
  'GET / http/1.1',
  'GET / HTTPS/1.1',
  'GET / ICE/1.0',
  'GET / HTTP/1.1 x',
  'PRI * HTTP/2.0',
];

test('a version other than 1.0 and 1.1 is refused, and its connection closed', async (t) => {
  const { gateway, upstream } = await startBehind(t, {
    routes: [{ id: 'all', match: { path: '/**' }, auth: 'public' }],
  });
  const [name, value] = gateway.bearer();
  for (const line of LINES) {
    const { responses, ended } = await gateway.send(`${line}\r\nHost: a\r\n${name}: ${value}\r\n\r\n`, {
      until: 'close',
    });
    t.deepEqual(
      responses.map(({ status }) => status),
      [400],
      line,
    );
    t.is(responses[0] && codeOf(responses[0]), 'request.invalid', line);
    t.is(ended, 'close', line);
  }
  t.is(upstream.connections.length, 0);

  for (const version of ['HTTP/1.0', 'HTTP/1.1']) {
    t.is((await gateway.ask(requestBytes({ version }))).status, 200, version);
    t.is(upstream.requests.at(-1)?.version, 'HTTP/1.1');
  }
});
