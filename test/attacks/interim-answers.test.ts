import type { Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { codeOf, requestBytes, startBehind } from '../support/gateway.ts';
import { connectRaw, finals } from '../support/raw-client.ts';

// An interim answer (RFC 9110 §15.2) says that the final one is still to come. A client library whose clock begins anew with
// each of them waits for ever on an upstream that sends one now and then, and the request keeps its place: as many of
// those as there are connections, and the service is gone for everybody.

const PROCESSING = 'HTTP/1.1 102 Processing\r\n\r\n';
const HINTS = 'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n';
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const PUBLIC = [{ id: 'all', match: { path: '/**' }, auth: 'public' }];

/** Says the same again and again, far more often than the gateway may wait, until the connection closes. */
function repeat(t: ExecutionContext, socket: Socket, bytes: string): void {
  const timer = setInterval(() => socket.write(bytes), 20);
  const stop = () => clearInterval(timer);
  socket.on('close', stop);
  t.teardown(stop);
}

for (const [title, interim] of Object.entries({
  '102': PROCESSING,
  '103': HINTS,
  '199': 'HTTP/1.1 199 Mine\r\n\r\n',
})) {
  test(`an upstream that sends nothing but interim answers is 504 in the time that it has: ${title}`, async (t) => {
    const { gateway, upstream } = await startBehind(
      t,
      { upstream: { connections: 1, timeouts: { response: '400ms' } }, routes: PUBLIC },
      ({ target }, socket) => {
        if (target === '/after') return OK;
        repeat(t, socket, interim);
        return interim;
      },
    );
    const answer = await gateway.ask(requestBytes(), { timeoutMs: 20_000 });
    t.is(answer.status, 504);
    t.is(codeOf(answer), 'forward.timeout');
    await upstream.waitUntil(() => upstream.connections[0]?.open === false, 'its connection is given up', 20_000);
    t.is((await gateway.ask(requestBytes({ target: '/after' }))).body, 'ok');
  });
}

test('an answer that comes in time behind many interim ones arrives, and so does one behind a long upload', async (t) => {
  const { gateway, upstream } = await startBehind(
    t,
    { upstream: { timeouts: { response: '1s' } }, routes: PUBLIC },
    ({ complete }, socket) => {
      if (complete) {
        setTimeout(() => socket.write(OK), 200);
        return PROCESSING.repeat(5);
      }
      return PROCESSING;
    },
    { answerOn: 'head' },
  );
  const quick = await gateway.ask(requestBytes());
  t.like(quick, { status: 200, body: 'ok' });

  // The time is measured from the end of the request: while a body is on its way, the upstream may say that it is there.
  const client = await connectRaw(gateway.port);
  t.teardown(async () => client.destroy());
  client.write(requestBytes({ method: 'POST', headers: [['Content-Length', '3']] }));
  for (const piece of ['a', 'b', 'c']) {
    await new Promise((resolve) => setTimeout(resolve, 600));
    client.write(piece);
  }
  await upstream.waitUntil(() => upstream.requests[1]?.complete === true, 'the upload has arrived');
  upstream.requests[1]?.connection.socket.write(OK);
  const { responses } = await client.read({ timeoutMs: 20_000 });
  t.like(finals(responses)[0], { status: 200, body: 'ok' });
});
