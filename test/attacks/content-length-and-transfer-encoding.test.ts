import test from 'ava';
import { codeOf, requestBytes, startBehind } from '../support/gateway.ts';
import type { WireHeader } from '../support/http-bytes.ts';

// CL.TE and TE.CL: one hop ends the request by Content-Length, the next by its chunks, and what lies between is a
// request that only one of them sees. RFC 9112 §6.1 and §6.3: treat as an error and close. Also every Content-Length on
// which two parsers may differ.

const CHUNKS = '0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n';

const ATTACKS: readonly (readonly WireHeader[])[] = [
  [
    ['Content-Length', String(CHUNKS.length)],
    ['Transfer-Encoding', 'chunked'],
  ],
  [
    ['Transfer-Encoding', 'chunked'],
    ['Content-Length', String(CHUNKS.length)],
  ],
  [
    ['Transfer-Encoding', 'chunked'],
    ['Content-Length', '0'],
  ],
  [
    ['content-length', '5'],
    ['TRANSFER-ENCODING', 'chunked'],
  ],
  [
    ['Content-Length', '5'],
    ['Content-Length', '6'],
  ],
  [
    ['Content-Length', '5'],
    ['Content-Length', '5'],
  ],
  [['Content-Length', '5, 6']],
  [['Content-Length', '+5']],
  [['Content-Length', '-5']],
  [['Content-Length', '5 5']],
  [['Content-Length', '0x5']],
  [['Content-Length', '5.0']],
  [['Content-Length', '']],
  [['Content-Length', '99999999999999999999']],
];

test('a body whose length is given in two ways, or unclearly, is refused and its connection closed', async (t) => {
  const { gateway, upstream } = await startBehind(t);
  for (const method of ['POST', 'GET', 'DELETE']) {
    for (const framing of ATTACKS) {
      const bytes = requestBytes({ method, headers: [gateway.bearer(), ...framing], body: CHUNKS });
      const { responses } = await gateway.send(bytes, { until: 'close' });
      t.deepEqual(
        responses.map(({ status }) => status),
        [400],
        `${method} ${JSON.stringify(framing)}`,
      );
      t.is(responses[0] && codeOf(responses[0]), 'request.invalid');
    }
  }
  t.is(upstream.requests.filter(({ complete }) => complete).length, 0);
  t.false(upstream.connections.some((connection) => connection.received().includes('smuggled')));

  const good = requestBytes({ method: 'POST', headers: [gateway.bearer(), ['Content-Length', '5']], body: 'hello' });
  t.is((await gateway.ask(good)).status, 200);
  t.is(upstream.requests.at(-1)?.body.toString(), 'hello');
});
