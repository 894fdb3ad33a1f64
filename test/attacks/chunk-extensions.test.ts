import test from 'ava';
import { codeOf, requestBytes, startBehind } from '../support/gateway.ts';
import type { WireHeader } from '../support/http-bytes.ts';

// What stands behind the size of a chunk is read by few and ended by each in his own way: a line feed within it is the
// end of the line to one server and a part of it to another (TERM.EXT and EXT.TERM, 2025); and as much as one likes of
// it is memory and time for nothing (node CVE-2024-22019). The body is chunked anew, so that none of it goes on.

const chunked = (gatewayHeader: WireHeader) => [gatewayHeader, ['Transfer-Encoding', 'chunked']] as const;
const BAD = [
  '2;\nab\r\n0\r\n\r\n',
  '2;a\nab\r\n0\r\n\r\n',
  '2;a\rb\r\nab\r\n0\r\n\r\n',
  '2;\r\nab\r\n0\r\n\r\n',
  '2 ;\r\nab\r\n0\r\n\r\n',
  '2;a="b\r\nab\r\n0\r\n\r\n',
  '2;a\0\r\nab\r\n0\r\n\r\n',
  `2;${'a'.repeat(64 * 1024)}\r\nab\r\n0\r\n\r\n`,
];

test('an extension of a chunk is read in one way or refused, and none goes on', async (t) => {
  const { gateway, upstream } = await startBehind(t, {}, undefined, { answerOn: 'end' });
  for (const body of BAD) {
    const bytes = requestBytes({ method: 'POST', headers: chunked(gateway.bearer()), body });
    const { responses } = await gateway.send(bytes, { until: 'close' });
    t.deepEqual(
      responses.map(({ status }) => status >= 400 && status < 500),
      [true],
      body.slice(0, 40),
    );
    t.is(responses[0] && codeOf(responses[0]), 'request.invalid');
  }
  t.is(upstream.requests.filter(({ complete }) => complete).length, 0);

  const body = '2;a=b\r\nab\r\n1;c="d;e"\r\nc\r\n0;f\r\n\r\n';
  t.is((await gateway.ask(requestBytes({ method: 'POST', headers: chunked(gateway.bearer()), body }))).status, 200);
  const request = upstream.requests.at(-1);
  t.is(request?.body.toString(), 'abc');
  t.notRegex(request?.connection.received().toString('latin1') ?? ';', /;/);
});
