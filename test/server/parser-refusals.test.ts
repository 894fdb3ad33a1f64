import test from 'ava';
import { startBehind } from '../support/gateway.ts';

// What node's parser refuses gets words of its own: a client that is told about a Host header it has sent rightly looks in
// the wrong place.

const BEGIN = 'POST / HTTP/1.1\r\nHost: a\r\n';

const REFUSED: readonly (readonly [what: string, bytes: string, detail: RegExp])[] = [
  ['an unknown method', 'JEFF / HTTP/1.1\r\nHost: a\r\n\r\n', /method/],
  ['a method in small letters', 'get / HTTP/1.1\r\nHost: a\r\n\r\n', /method/],
  ['TLS', '\x16\x03\x01\x00\xf0\x01\x00', /method/],
  ['a control in the target', 'GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n', /target/],
  ['a blank in the target', 'GET /a b HTTP/1.1\r\nHost: a\r\n\r\n', /blank/],
  ['another version', 'GET / HTTP/3.0\r\nHost: a\r\n\r\n', /version/],
  ['HTTP/2 that was not agreed on', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', /HTTP\/2/],
  ['a line end without CR', 'GET / HTTP/1.1\nHost: a\n\n', /CR LF/],
  ['a CR in a value', 'GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n', /CR/],
  ['a blank before a colon', 'GET / HTTP/1.1\r\nHost : a\r\n\r\n', /header line/],
  ['a folded line', 'GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n', /header line/],
  ['a control in a value', 'GET / HTTP/1.1\r\nHost: a\r\nX: a\x01\r\n\r\n', /header line/],
  ['a negative Content-Length', `${BEGIN}Content-Length: -1\r\n\r\n`, /Content-Length/],
  ['two Content-Lengths', `${BEGIN}Content-Length: 1\r\nContent-Length: 2\r\n\r\n`, /Content-Length/],
  ['both framings', `${BEGIN}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`, /Transfer-Encoding/],
  ['another coding behind', `${BEGIN}Transfer-Encoding: chunked, gzip\r\n\r\n`, /Transfer-Encoding/],
  ['no Host', 'GET / HTTP/1.1\r\n\r\n', /Host/],
  ['two Hosts', 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', /Host/],
];

for (const [what, bytes, expected] of REFUSED) {
  test(`${what} is refused with the detail and the fix that fit`, async (t) => {
    const { gateway, upstream } = await startBehind(t);
    const { responses } = await gateway.send(Buffer.from(bytes, 'latin1'), { until: 'close' });
    const [response] = responses;
    t.is(response?.status, 400);
    const { code, detail, fix } = JSON.parse(response?.body ?? '{}') as Record<string, string>;
    t.is(code, 'request.invalid');
    t.regex(String(detail), expected);
    t.truthy(fix);
    if (!/Host/.test(what)) t.notRegex(`${detail} ${fix}`, /Host/);
    else t.regex(String(fix), /exactly one Host/);
    t.is(upstream.requests.length, 0);
  });
}
