import test from 'ava';
import { requestBytes, startBehind } from '../support/gateway.ts';
import type { WireHeader } from '../support/http-bytes.ts';
import { rawResponse } from '../support/upstream.ts';

// A pattern that trims a text tries again at each of its blanks: 16 KB of them in a Cookie or a Sec-WebSocket-Protocol keep
// the event loop for a tenth of a second, and nobody has to show a token for it. In what an upstream answers, 3,000 blanks in a
// Set-Cookie or a Refresh kept it for seconds. Requests with blanks must not cost more than a small multiple of others.

const LENGTH = 15_000;
const blanks = (before: string, behind: string) => before + ' '.repeat(LENGTH) + behind;
const letters = (before: string, behind: string) => before + 'b'.repeat(LENGTH) + behind;

/** In ms of CPU, of all that runs in this process: client, gateway and upstream. */
async function costOf(run: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

/** What may be spent on the awkward where this was spent on the plain. */
const allowed = (plain: number) => 1000 + 5 * plain;

const REQUESTS: readonly (readonly [name: string, fill: (text: typeof blanks) => WireHeader])[] = [
  ['a cookie', (text) => ['Cookie', text('a', '=1')]],
  ['the value of a cookie', (text) => ['Cookie', text('a=', 'x; b=1')]],
  ['a subprotocol', (text) => ['Sec-WebSocket-Protocol', text('a', 'x')]],
  ['Authorization', (text) => ['Authorization', text('Bearer a', 'x')]],
  ['Connection', (text) => ['Connection', text('close, a', 'x')]],
];

for (const [name, fill] of REQUESTS) {
  test.serial(`blanks in ${name} cost no more than letters`, async (t) => {
    const { gateway } = await startBehind(t, {
      routes: [
        {
          id: 'all',
          match: { path: '/**' },
          auth: {
            issuers: ['main'],
            tokenFrom: ['authorization', { cookie: 'session' }, { websocketProtocol: 'bearer' }],
          },
        },
      ],
    });
    const thirty = (text: typeof blanks) => async () => {
      for (let at = 0; at < 30; at += 1) {
        const { status } = await gateway.ask(requestBytes({ headers: [fill(text)] }));
        t.true(status === 401 || status === 400, String(status));
      }
    };
    await thirty(letters)();
    const plain = await costOf(thirty(letters));
    const awkward = await costOf(thirty(blanks));
    t.true(awkward < allowed(plain), `${awkward} ms, where letters take ${plain}`);
  });
}

const ANSWERS: readonly (readonly [name: string, fill: (text: typeof blanks) => WireHeader])[] = [
  ['a cookie', (text) => ['Set-Cookie', text('a=1;', '=x;')]],
  ['the Path of a cookie', (text) => ['Set-Cookie', text('a=1; Path=/a', 'x')]],
  ['Refresh', (text) => ['Refresh', text('0', ';')]],
  ['the address of Refresh', (text) => ['Refresh', text('0; url = /a', "'")]],
  ['Location', (text) => ['Location', text('/a', 'x')]],
  ['Connection', (text) => ['Connection', text('a', 'x')]],
];

for (const [name, fill] of ANSWERS) {
  test.serial(`blanks in ${name} of an answer cost no more than letters`, async (t) => {
    let text = letters;
    const { gateway } = await startBehind(
      t,
      { routes: [{ id: 'all', match: { path: '/**' }, rewrite: { addPrefix: '/v1' } }] },
      () => rawResponse(200, 'ok', [fill(text)]),
    );
    const ten = async () => {
      for (let at = 0; at < 10; at += 1)
        t.is((await gateway.ask(requestBytes({ headers: [gateway.bearer()] }))).status, 200);
    };
    await ten();
    const plain = await costOf(ten);
    text = blanks;
    const awkward = await costOf(ten);
    t.true(awkward < allowed(plain), `${awkward} ms, where letters take ${plain}`);
  });
}
