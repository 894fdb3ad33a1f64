import test from 'ava';
import { requestBytes, startBehind } from '../support/gateway.ts';
import type { RawResponse } from '../support/raw-client.ts';
import { vectorTest } from '../support/vectors.ts';

// The Transfer-Encoding mutations of smuggler (defparam): each is a line that one server takes for a Transfer-Encoding
// and another passes over. Beside it stands a Content-Length, and in the body a request that only a server sees which
// reads the body in chunks. Whoever reads a mutation has to refuse the request; whoever does not has to keep the body
// whole and must not pass the line on.

interface Vectors {
  readonly gadgets: readonly { readonly name: string; readonly gadget_latin1: string }[];
}

const SMUGGLED = requestBytes({ target: '/smuggled' });
const BODY = `0\r\n\r\n${SMUGGLED}`;
const NEXT = requestBytes({ target: '/next', headers: [['Connection', 'close']] });
const METHODS = ['GET', 'POST', 'DELETE', 'OPTIONS'];
/** Connections at once: more would measure how many sockets this machine likes. */
const LANES = 32;

for (const [file, count] of [
  ['smuggler/default.json', 134],
  ['smuggler/doubles.json', 966],
  ['smuggler/exhaustive.json', 668],
] as const) {
  vectorTest<Vectors>(
    `${count} mutations of Transfer-Encoding smuggle nothing (${file})`,
    file,
    async (t, { gadgets }) => {
      t.is(gadgets.length, count);
      const { gateway, upstream } = await startBehind(
        t,
        { log: { access: false }, routes: [{ id: 'all', match: { path: '/**' }, auth: 'public' }] },
        ({ target }) => `HTTP/1.1 200 OK\r\nContent-Length: ${target.length}\r\n\r\n${target}`,
      );
      const cases = gadgets.flatMap(({ gadget_latin1 }) =>
        METHODS.flatMap((method) =>
          ['keep-alive', 'close'].map((connection) => ({ method, connection, gadget_latin1 })),
        ),
      );
      const wrong: string[] = [];
      let served = 0;
      const lane = async () => {
        for (let next = cases.pop(); next; next = cases.pop()) {
          const { method, connection, gadget_latin1 } = next;
          const head = `${method} /outer HTTP/1.1\r\n${gadget_latin1}\r\nHost: api.example.com\r\nConnection: ${connection}`;
          const outer = `${head}\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`;
          const { responses } = await gateway.send(outer + (connection === 'close' ? '' : NEXT), { until: 'close' });
          const told = responses.map(tell).join();
          const whole = connection === 'close' ? '200 /outer' : '200 /outer,200 /next';
          if (told !== '400' && told !== whole) wrong.push(`${JSON.stringify(head)} ${told}`);
          if (told === whole) served += 1;
        }
      };
      await Promise.all(Array.from({ length: LANES }, lane));
      t.deepEqual(wrong, []);

      // What arrived is what was sent: one request each, its body whole, framed in one way, without the mutated line.
      const outer = upstream.requests.filter(({ target }) => target === '/outer');
      t.is(outer.filter(({ complete }) => complete).length, served);
      t.true(upstream.requests.every(({ target }) => target === '/outer' || target === '/next'));
      t.true(outer.every(({ complete, body }) => !complete || body.toString() === BODY));
      t.deepEqual(
        outer.filter(({ values }) => values('content-length').join() !== String(BODY.length)),
        [],
      );
      t.deepEqual([...new Set(outer.map(({ head }) => head).flatMap(lookAlikes))], []);
    },
  );
}

function tell({ status, body }: RawResponse): string {
  return status === 400 ? '400' : `${status} ${body}`;
}

/** Lines of a head that somebody may take for a Transfer-Encoding. */
function lookAlikes(head: string): string[] {
  return head.split('\r\n').filter((line) => /^\W*transfer.?encoding/i.test(line));
}

test('without a mutation the body goes on whole, and the next request after it', async (t) => {
  const { gateway, upstream } = await startBehind(t, {
    routes: [{ id: 'all', match: { path: '/**' }, auth: 'public' }],
  });
  for (const method of METHODS) {
    const outer = requestBytes({
      method,
      target: '/outer',
      headers: [['Content-Length', String(BODY.length)]],
      body: BODY,
    });
    const { responses } = await gateway.send(outer + NEXT, { until: 'close' });
    t.deepEqual(
      responses.map(({ status }) => status),
      [200, 200],
      method,
    );
  }
  t.deepEqual(
    upstream.requests.map(({ target }) => target).sort(),
    ['/next', '/outer'].flatMap((target) => METHODS.map(() => target)),
  );
  t.true(upstream.requests.every(({ target, body }) => body.toString() === (target === '/outer' ? BODY : '')));
});
