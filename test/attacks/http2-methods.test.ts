import { METHODS } from 'node:http';
import { needsOpenssl } from '../support/certificates.ts';
import { codeOf, requestBytes } from '../support/gateway.ts';
import { askHttp2, connectHttp2 } from '../support/http2-client.ts';
import { startSecure } from '../support/secure-gateway.ts';

// Method names are case-sensitive, and a rule about DELETE does not hold for `delete`. An upstream that folds them deletes
// all the same. HTTP/1.1's parser takes known names in capitals alone; HTTP/2 has a method as text, which may be anything.

const SPELLINGS = [
  ...METHODS.flatMap((name) => [name, name.toLowerCase(), name.slice(0, -1) + name.slice(-1).toLowerCase()]),
  ...METHODS.map((name) => name.charAt(0) + name.slice(1).toLowerCase()),
  ...METHODS.map((name) => `${name}S`),
  ...['FOO', 'G', 'GE', 'PRI', 'DESCRIBE', 'SETUP', 'BASELINE-CONTROL', 'VERSION-CONTROL', '*', "G'T", '0', 'GET_'],
];
/** Refused in both: HTTP/2 in http2-malformed.test.ts, since node's client sends these in its own way. */
const NOT_FORWARDED = new Set(['CONNECT', 'TRACE']);

needsOpenssl('HTTP/2 takes the methods that HTTP/1.1 takes, spelled as there, and no other', async (t) => {
  const { gateway, upstream, secure } = await startSecure(t, {
    routes: [
      { id: 'all', match: { path: '/**' }, auth: 'public' },
      { id: 'deletes', match: { path: '/**', methods: ['DELETE'] } },
    ],
  });
  const session = await connectHttp2(t, gateway.port, secure);
  t.is((await askHttp2(session, { ':method': 'GET' })).status, 200, 'the positive control');
  const taken: string[] = [];
  for (const method of new Set(SPELLINGS)) {
    const before = upstream.requests.length;
    const first = await gateway.ask(requestBytes({ method }), { secure });
    const inHttp1 = upstream.requests.length - before;
    const second = NOT_FORWARDED.has(method)
      ? { status: first.status, body: first.body }
      : await askHttp2(session, { ':method': method });
    t.is(second.status, first.status, method);
    if (first.status === 400)
      t.deepEqual([codeOf(first), JSON.parse(second.body).code], Array(2).fill('request.invalid'));
    else taken.push(method);
    if (!NOT_FORWARDED.has(method)) t.is(upstream.requests.length - before, 2 * inHttp1, method);
  }
  t.deepEqual(taken.sort(), [...METHODS].sort(), 'every known method gets an answer of its own');
  t.false(upstream.requests.some(({ method }) => method !== method.toUpperCase() || method === 'DELETE'));
});
