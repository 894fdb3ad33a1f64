import test from 'ava';
import { codeOf, requestBytes, startBehind } from '../support/gateway.ts';

// A guard that looks at bodies, or only at their length, decides otherwise once the same body comes in chunks, or is too
// large to be looked at (skipper CVE-2026-50197). Here a decision never depends on how the body is framed.

const SIZES = [1, 100, 70_000];

test('the same request gets the same answer, whether its body has a length, comes in chunks or is large', async (t) => {
  const { gateway, upstream } = await startBehind(t, {
    routes: [
      { id: 'small', match: { path: '/small' }, maxBody: '50B' },
      { id: 'scoped', match: { path: '/scoped' }, auth: { scopes: ['admin'] } },
      { id: 'all', match: { path: '/**' } },
    ],
  });
  const ask = (
    target: string,
    size: number,
    framing: 'length' | 'chunks' | 'one chunk',
    headers = [gateway.bearer()],
  ) => {
    const body = 'x'.repeat(size);
    const half = size >> 1;
    const chunk = (piece: string) => (piece === '' ? '' : `${piece.length.toString(16)}\r\n${piece}\r\n`);
    const pieces = framing === 'chunks' ? [body.slice(0, half), body.slice(half)] : [body];
    const parts =
      framing === 'length'
        ? { headers: [...headers, ['Content-Length', String(size)] as const], body }
        : {
            headers: [...headers, ['Transfer-Encoding', 'chunked'] as const],
            body: `${pieces.map(chunk).join('')}0\r\n\r\n`,
          };
    return gateway.ask(requestBytes({ method: 'POST', target, ...parts }));
  };
  for (const framing of ['length', 'chunks', 'one chunk'] as const) {
    for (const size of SIZES) {
      t.is((await ask('/x', size, framing, [])).status, 401, framing);
      t.is(codeOf(await ask('/scoped', size, framing)), 'authorise.scope', framing);
      t.is((await ask('/small', size, framing)).status, size > 50 ? 413 : 200, `${framing} ${size}`);
      t.is((await ask('/x', size, framing)).status, 200, framing);
      t.is(upstream.requests.at(-1)?.body.length, size);
    }
  }
  const whole = upstream.requests.filter(({ complete }) => complete);
  t.true(whole.every(({ target, body }) => target === '/x' || (target === '/small' && body.length <= 50)));
});
