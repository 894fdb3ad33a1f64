import test from 'ava';
import { codeOf, requestBytes, startBehind } from '../support/gateway.ts';
import type { WireHeader } from '../support/http-bytes.ts';

// TE.TE: a Transfer-Encoding that one hop understands and the other passes over, so that each frames the body its own
// way. The variants are those of smuggler (defparam) and llhttp's own list. node:http takes several of them.

const VALUES = [
  'xchunked',
  'chunked, chunked',
  'gzip, chunked',
  'chunked, gzip',
  'identity',
  'chunked, identity',
  'identity, chunked',
  'chunk',
  '"chunked"',
  'chunked;q=1',
  'chunked,',
  ',chunked',
  '\x0bchunked',
  '\x0cchunked',
  'chunked\x0b',
  'chu nked',
  '\xa0chunked',
  'cow',
  '',
];

const NAMES: readonly WireHeader[] = [
  ['Transfer-Encoding ', 'chunked'],
  ['Transfer-Encoding\t', 'chunked'],
  [' Transfer-Encoding', 'chunked'],
  ['Transfer_Encoding', 'chunked'],
  ['Transfer.Encoding', 'chunked'],
  ['X: y\nTransfer-Encoding', 'chunked'],
  ['X: y\rTransfer-Encoding', 'chunked'],
  ['Transfer\x00-Encoding', 'chunked'],
  ['Transfer-Encoding\r\n', 'chunked'],
];

const BODY = '2\r\nab\r\n0\r\n\r\n';

test('a Transfer-Encoding is exactly `chunked`, or the request is refused and its connection closed', async (t) => {
  const { gateway, upstream } = await startBehind(t);
  const attacks: (readonly WireHeader[])[] = [
    ...VALUES.map((value) => [['Transfer-Encoding', value]] as const),
    ...NAMES.map((header) => [header]),
    [
      ['Transfer-Encoding', 'chunked'],
      ['Transfer-Encoding', 'chunked'],
    ],
    [
      ['Transfer-Encoding', 'chunked'],
      ['Transfer-Encoding', 'identity'],
    ],
    [
      ['Transfer-Encoding', 'x'],
      ['Transfer-Encoding', 'chunked'],
    ],
  ];
  for (const headers of attacks) {
    const { responses } = await gateway.send(
      requestBytes({ method: 'POST', headers: [gateway.bearer(), ...headers], body: BODY }),
      { until: 'close' },
    );
    t.is(responses[0]?.status, 400, JSON.stringify(headers));
    t.is(responses[0] && codeOf(responses[0]), 'request.invalid', JSON.stringify(headers));
  }
  const old = requestBytes({
    version: 'HTTP/1.0',
    method: 'POST',
    headers: [gateway.bearer(), ['Transfer-Encoding', 'chunked']],
    body: BODY,
  });
  t.is((await gateway.ask(old)).status, 400);
  t.is(upstream.requests.filter(({ complete }) => complete).length, 0);

  for (const value of ['chunked', 'Chunked', 'CHUNKED', '  chunked ']) {
    const good = requestBytes({
      method: 'POST',
      headers: [gateway.bearer(), ['Transfer-Encoding', value]],
      body: BODY,
    });
    t.is((await gateway.ask(good)).status, 200, value);
    t.is(upstream.requests.at(-1)?.body.toString(), 'ab');
  }
});

const BAD_CHUNKS = [
  '0x2\r\nab\r\n0\r\n\r\n',
  '+2\r\nab\r\n0\r\n\r\n',
  '-2\r\nab\r\n0\r\n\r\n',
  '\r\nab\r\n0\r\n\r\n',
  'zz\r\n',
  '2 \nab\r\n0\r\n\r\n',
  '2\nab\r\n0\r\n\r\n',
  '2\r\nabc\r\n0\r\n\r\n',
  '2\r\nab0\r\n\r\n',
  '11111111111111111\r\nab\r\n',
  '2;\nx\r\nab\r\n0\r\n\r\n',
  '2\r\nab\n0\r\n\r\n',
];

test('chunks on which two parsers may differ never become a complete request', async (t) => {
  const { gateway, upstream } = await startBehind(t);
  for (const body of BAD_CHUNKS) {
    const headers = [gateway.bearer(), ['Transfer-Encoding', 'chunked']] as const;
    const { responses } = await gateway.send(requestBytes({ method: 'POST', headers, body }), { until: 'close' });
    t.is(responses[0]?.status, 400, JSON.stringify(body));
  }
  t.is(upstream.requests.filter(({ complete }) => complete).length, 0);
});
