import test from 'ava';
import { codeOf, requestBytes, startBehind } from '../support/gateway.ts';

// Where one reader ends a line and another goes on, a header is there for one of them alone: folded lines, a bare CR or
// LF, a NUL, a space before the colon, a line that begins with white space (RFC 9112 §2.2, §5.1, §5.2; llhttp
// CVE-2022-32214 and CVE-2023-30589).

const LINES = [
  'X: a\r\n X-User-Id: root',
  'X: a\r\n\tb',
  'X: a\nX-User-Id: root',
  'X: a\rX-User-Id: root',
  'X: a\0b',
  'X: a\r\r\nX-User-Id: root',
  'X : a',
  'X\t: a',
  ' X: a',
  '\tX: a',
  ': a',
  'X',
  'X Y: a',
  'X\0: a',
  'X: a\x0bb',
  'X: a\x7f\x01',
  'X(: a',
];

test('a header line that two readers may end in two places is refused, and its connection closed', async (t) => {
  const { gateway, upstream } = await startBehind(t, {
    routes: [{ id: 'all', match: { path: '/**' }, auth: 'public' }],
  });
  const inner = requestBytes({ target: '/smuggled' });
  for (const line of LINES) {
    for (const bytes of [
      `GET /x HTTP/1.1\r\nHost: a\r\n${line}\r\n\r\n${inner}`,
      `GET /x HTTP/1.1\r\n${line}\r\nHost: a\r\n\r\n${inner}`,
    ]) {
      const { responses, ended } = await gateway.send(bytes, { until: 'close' });
      t.deepEqual(
        responses.map(({ status }) => status),
        [400],
        JSON.stringify(line),
      );
      t.is(responses[0] && codeOf(responses[0]), 'request.invalid');
      t.is(ended, 'close');
    }
  }
  for (const bytes of [
    'GET /x HTTP/1.1\nHost: a\n\n',
    'GET /x HTTP/1.1\r\nHost: a\n\r\n',
    'GET /x HTTP/1.1\rHost: a\r\r',
    'GET /x\r\n HTTP/1.1\r\nHost: a\r\n\r\n',
    ' GET /x HTTP/1.1\r\nHost: a\r\n\r\n',
  ]) {
    const { responses } = await gateway.send(bytes, { until: 'close' });
    t.deepEqual(
      responses.map(({ status }) => status),
      [400],
      JSON.stringify(bytes),
    );
  }
  t.is(upstream.connections.length, 0);

  // Spaces between the parts of the request line are read in one way by those who take them, and do not go on.
  for (const line of ['GET  /x HTTP/1.1', 'GET /x  HTTP/1.1']) {
    t.is((await gateway.ask(`${line}\r\nHost: a\r\n\r\n`)).status, 200);
    t.true(upstream.requests.at(-1)?.head.startsWith('GET /x HTTP/1.1\r\n'));
  }

  t.is((await gateway.ask('GET /x HTTP/1.1\r\nHost: a\r\nX:\ta b\t \r\n\r\n')).status, 200);
  t.deepEqual(upstream.requests.at(-1)?.values('x'), ['a b']);
});
