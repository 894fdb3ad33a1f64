import test from 'ava';
import { passOnInterim } from '../../src/forward/interim.ts';
import { needsOpenssl } from '../support/certificates.ts';
import { requestBytes, startBehind } from '../support/gateway.ts';
import { askHttp2, connectHttp2 } from '../support/http2-client.ts';
import { startSecure } from '../support/secure-gateway.ts';
import { rawResponse } from '../support/upstream.ts';

// node's own writeEarlyHints holds each Link against a pattern with two readings of every parameter. An upstream that sends
// a link which nearly matches stops the process for good: 116 bytes, and no timer runs any more. What an upstream links to
// must reach the client without being held against that pattern.

const STOPS_NODE = `</a>${';a=b'.repeat(28)}"`;
const HONEST = '</style.css>; rel=preload; as=style';

const hinting = (...links: readonly string[]) =>
  `HTTP/1.1 103 Early Hints\r\n${links.map((link) => `Link: ${link}\r\n`).join('')}\r\n${rawResponse(200, 'ok')}`;

test('a link that node could not judge in a lifetime goes on like any other', async (t) => {
  const { gateway } = await startBehind(t, {}, () => hinting(HONEST, STOPS_NODE));
  const { raw } = await gateway.send(requestBytes({ headers: [gateway.bearer()] }));
  t.true(raw.startsWith(`HTTP/1.1 103 Early Hints\r\nLink: ${HONEST}, ${STOPS_NODE}\r\n\r\nHTTP/1.1 200 `), raw);
});

needsOpenssl('so it does in HTTP/2', async (t) => {
  const { gateway, secure } = await startSecure(t, {}, () => hinting(HONEST, STOPS_NODE));
  const session = await connectHttp2(t, gateway.port, secure);
  const [name, value] = gateway.bearer();
  const { status, interim } = await askHttp2(session, { [name]: value });
  t.is(status, 200);
  t.deepEqual(
    interim.map((fields) => [fields[':status'], fields.link]),
    [[103, `${HONEST}, ${STOPS_NODE}`]],
  );
});

test('what is no link, or is too much, does not go on', async (t) => {
  const long = `</${'a'.repeat(200)}>`;
  const { gateway } = await startBehind(t, {}, () =>
    hinting('not a link', '', '\t</kept> ; title="a, b" ', ...Array(100).fill(long)),
  );
  const { raw } = await gateway.send(requestBytes({ headers: [gateway.bearer()] }));
  const expected = ['</kept> ; title="a, b"', ...Array(63).fill(long)].join(', ');
  t.true(raw.startsWith(`HTTP/1.1 103 Early Hints\r\nLink: ${expected}\r\n\r\nHTTP/1.1 200 `), raw);
});

test('one that cannot stand in a header is dropped, whatever let it through', (t) => {
  const sent: unknown[] = [];
  const response = { writeProcessing() {}, writeEarlyHints: (hints: unknown) => void sent.push(hints) };
  passOnInterim(103, ['Link', '</a>\r\nX-Admin: 1', 'Link', '</\u0100>', 'LINK', '</b>'], response);
  passOnInterim(103, ['Link', '</a>\0', 'X-Link', '</b>'], response);
  t.deepEqual(sent, [{ link: ['</b>'] }]);
});
