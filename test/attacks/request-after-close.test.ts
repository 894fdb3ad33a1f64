import test from 'ava';
import { codeOf, requestBytes, startBehind } from '../support/gateway.ts';

// An answer before the end of the body promises to close the connection: the rest of it is not worth waiting for. What
// stands behind in the same packet must not be served any more (RFC 9112 §9.6): its client gets no answer, and yet
// something would have been done; and to a proxy in front of us it may have been part of the body.

const SECOND = requestBytes({ method: 'DELETE', target: '/open/second' });
const ROUTES = [
  { id: 'open', match: { path: '/open/**' }, auth: 'public' },
  { id: 'small', match: { path: '/small/**' }, auth: 'public', maxBody: '4B' },
  { id: 'all', match: { path: '/**' } },
];

const body = 'hello';
const length = ['Content-Length', '5'] as const;
const chunked = ['Transfer-Encoding', 'chunked'] as const;
const FIRSTS: readonly (readonly [bytes: string, code: string])[] = [
  [requestBytes({ method: 'POST', target: '/x', headers: [length], body }), 'token.missing'],
  [
    requestBytes({ method: 'POST', target: '/x', headers: [chunked], body: '5\r\nhello\r\n0\r\n\r\n' }),
    'token.missing',
  ],
  [
    requestBytes({ method: 'POST', target: '/x', headers: [length, ['Authorization', 'Bearer a b']], body }),
    'token.request',
  ],
  [requestBytes({ method: 'POST', target: '/open/..%3B/x', headers: [length], body }), 'route.target'],
  [requestBytes({ method: 'POST', target: '/small/x', headers: [length], body }), 'request.too-large'],
];

test('nothing is served behind a refusal that closes the connection', async (t) => {
  const { gateway, upstream } = await startBehind(t, { routes: ROUTES });
  for (const [first, code] of FIRSTS) {
    const { responses } = await gateway.send(first + SECOND + SECOND, { until: 'close' });
    t.is(responses.length, 1, code);
    t.is(responses[0] && codeOf(responses[0]), code);
    t.is(responses[0]?.header('connection'), 'close', code);
  }
  // Whatever was on its way would have arrived before this one, which comes on a connection of its own.
  t.is((await gateway.ask(requestBytes({ target: '/open/after' }))).status, 200);
  t.deepEqual(
    upstream.requests.map(({ target }) => target),
    ['/open/after'],
  );
});

test('behind one that leaves the connection open, the next request is served', async (t) => {
  const { gateway, upstream } = await startBehind(t, { routes: ROUTES });
  const { responses } = await gateway.send(requestBytes({ target: '/x' }) + SECOND, { until: 2 });
  t.deepEqual(
    responses.map(({ status }) => status),
    [401, 200],
  );
  t.is(upstream.requests[0]?.target, '/open/second');
});
