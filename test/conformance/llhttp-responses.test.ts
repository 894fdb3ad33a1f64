import type { ExecutionContext } from 'ava';
import { startBehind } from '../support/gateway.ts';
import { finals, type RawExchange } from '../support/raw-client.ts';
import { vectorTest } from '../support/vectors.ts';

// The answers of llhttp's own test suite, as an upstream gives them: byte for byte, then the end of its connection.

interface Vectors {
  readonly cases: readonly {
    readonly title: string;
    readonly wire_b64: string;
    readonly expect: 'gateway_502' | 'relay';
  }[];
}

const FILE = 'llhttp/responses.json';

async function askForAll(t: ExecutionContext, { cases }: Vectors, verdict: Vectors['cases'][number]['expect']) {
  const { gateway, upstream } = await startBehind(
    t,
    { routes: [{ id: 'all', match: { path: '/**' }, auth: 'public', retries: 0 }] },
    ({ target }, socket) => {
      if (target === '/after') return 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nafter';
      socket.end(Buffer.from(cases[Number(target.slice(1))]?.wire_b64 ?? '', 'base64'));
      return undefined;
    },
  );
  const answers = new Map<string, RawExchange>();
  for (const [index, { title, expect }] of cases.entries()) {
    if (expect !== verdict) continue;
    answers.set(title, await gateway.send(`GET /${index} HTTP/1.1\r\nHost: a\r\n\r\n`));
    // Whatever the last answer was, it is not a part of the next one.
    t.is((await gateway.ask('GET /after HTTP/1.1\r\nHost: a\r\n\r\n')).body, 'after', title);
  }
  t.is(upstream.requests.length, 2 * answers.size);
  return answers;
}

/** The parser in undici, like the one in node, takes CR CR LF for the end of a line. */
const TAKEN = 'Bare CR followed by CR after response line';

/** A whole answer that says `Connection: close`, and more bytes behind it: undici has cut the connection by then. */
const MORE_BEHIND: Readonly<Record<string, string>> = {
  'HTTP/1.1 with keep-alive disabled and 204 status': '',
  'HTTP/1.1 with keep-alive disabled, content-length': '2ad73',
};

vectorTest<Vectors>(
  'an answer that is not valid becomes a 502, or a broken one where its head had gone',
  FILE,
  async (t, vectors) => {
    const answers = await askForAll(t, vectors, 'gateway_502');
    t.is(answers.size, 24);
    for (const [title, { responses, ended, raw }] of answers) {
      const [response, ...more] = responses;
      t.deepEqual(more, [], title);
      const behind = MORE_BEHIND[title];
      if (behind !== undefined) {
        t.is(response?.body, behind, title);
        t.true(raw.endsWith(`\r\n\r\n${behind}`), title);
      } else if (title === TAKEN) t.like(response, { status: 200, body: 'Evil' });
      else if (response?.status !== 502) {
        t.like(response, { status: 200, complete: false }, title);
        t.not(ended, 'responses', title);
      }
    }
  },
);

/** What undici does not take although it is valid: a 100 that nobody asked for, an unasked 101, tabs around a length. */
const REFUSED = new Set([
  'HTTP 100 first, then 400',
  'HTTP 101 response with Upgrade and Content-Length header',
  'HTTP 101 response with Upgrade and Transfer-Encoding header',
  'Tabs in `Content-Length` (surrounding)',
  // Bodies in codings that nobody takes off.
  '`chunked` before other transfer-encoding',
  'multiple transfer-encoding where chunked is not the last one',
  '`chunkedchunked` transfer-encoding does not enable chunked enconding',
]);

vectorTest<Vectors>(
  'an answer that is valid arrives with its status, and whole where it is whole',
  FILE,
  async (t, vectors) => {
    const answers = await askForAll(t, vectors, 'relay');
    t.is(answers.size, 40);
    for (const [title, exchange] of answers) {
      const responses = finals(exchange.responses);
      const wire = Buffer.from(vectors.cases.find((entry) => entry.title === title)?.wire_b64 ?? '', 'base64').toString(
        'latin1',
      );
      const stated = [...wire.matchAll(/^(?:HTTP|RTSP|ICE)\/\d\.\d +(\d{3})/gm)].map(([, status]) => Number(status));
      const wanted = stated.find((status) => status >= 200);
      t.is(responses.length, 1, title);
      t.is(responses[0]?.status, REFUSED.has(title) ? 502 : wanted, title);
    }
  },
);
