import type { ExecutionContext } from 'ava';
import { startBehind } from '../support/gateway.ts';
import { vectorTest } from '../support/vectors.ts';

// The requests of llhttp's own test suite, with the verdict of its strict mode. It is the parser inside node, and node
// lets more pass than that. Each is sent byte for byte on a connection of its own, which our side then ends.

type Verdict = 'reject' | '400_missing_host' | 'accept' | 'upgrade_or_connect' | 'incomplete';

interface Vectors {
  readonly cases: readonly { readonly title: string; readonly wire_b64: string; readonly expect: Verdict }[];
}

const FILE = 'llhttp/requests.json';

async function sendAll(t: ExecutionContext, { cases }: Vectors, verdict: Verdict) {
  const { gateway, upstream } = await startBehind(t, {
    routes: [{ id: 'all', match: { path: '/**' }, auth: 'public' }],
  });
  const results = await Promise.all(
    cases
      .filter(({ expect }) => expect === verdict)
      .map(async ({ title, wire_b64 }) => {
        const bytes = Buffer.from(wire_b64, 'base64');
        const { responses, ended } = await gateway.send(bytes, { until: 'close', half: true });
        return { title, statuses: responses.map(({ status }) => status), ended };
      }),
  );
  return { results, gateway, upstream };
}

/** HTTP/1.0 without Host, which is valid, and a second request behind it. To llhttp the bytes behind the last one are the mistake. */
const BEHIND_THE_LAST = '`keep-alive` / No restart when keep-alive is off (1.0)';

vectorTest<Vectors>(
  'each of the 54 requests that must be refused gets one 400, and none goes on; behind the last one nothing does',
  FILE,
  async (t, vectors) => {
    const { results, upstream } = await sendAll(t, vectors, 'reject');
    t.is(results.length, 55);
    for (const { title, statuses, ended } of results) {
      t.deepEqual(statuses, [title === BEHIND_THE_LAST ? 200 : 400], title);
      t.is(ended, 'close', title);
    }
    t.deepEqual(
      upstream.requests.filter(({ complete }) => complete).map(({ method, target }) => [method, target]),
      [['PUT', '/url']],
    );
  },
);

vectorTest<Vectors>(
  'valid to the parser, but without a Host, with an upgrade or unfinished: refused once',
  FILE,
  async (t, vectors) => {
    for (const verdict of ['400_missing_host', 'upgrade_or_connect', 'incomplete'] as const) {
      const { results, upstream } = await sendAll(t, vectors, verdict);
      t.true(results.length > 4);
      for (const { title, statuses } of results) {
        t.is(statuses.length, 1, title);
        t.true(
          statuses[0] === 400 || (verdict === 'upgrade_or_connect' && statuses[0] === 405),
          `${title}: ${statuses}`,
        );
      }
      t.is(upstream.requests.length, 0);
    }
  },
);

vectorTest<Vectors>(
  'a valid request goes on as it came, once; a Host that is none is refused',
  FILE,
  async (t, { cases }) => {
    const { gateway, upstream } = await startBehind(t, {
      routes: [{ id: 'all', match: { path: '/**' }, auth: 'public' }],
    });
    let served = 0;
    for (const { title, wire_b64 } of cases.filter(({ expect }) => expect === 'accept')) {
      const bytes = Buffer.from(wire_b64, 'base64');
      const [, method, target = ''] = /([A-Z-]+) (\S+) /.exec(bytes.toString('latin1')) ?? [];
      const { responses } = await gateway.send(bytes);
      const request = upstream.requests.at(-1);
      if (responses[0]?.status === 400) {
        // `Host: 0.0.0.0=5000`, no Host at all, and `M-SEARCH *`, whose target nobody but OPTIONS may have.
        t.true(/Host: 0\.0\.0\.0=5000|^M-SEARCH \*|^(?![\s\S]*\nHost:)/.test(bytes.toString('latin1')), title);
        continue;
      }
      served += 1;
      t.is(responses[0]?.status, 200, title);
      // An absolute target becomes a path (RFC 9112 §3.2.1).
      t.deepEqual([request?.method, request?.target], [method, target.replace(/^\w+:\/\/[^/]+/, '')], title);
    }
    t.true(served > 8);
  },
);
