import { type ClientHttp2Session, constants, type OutgoingHttpHeaders } from 'node:http2';
import { needsOpenssl } from '../support/certificates.ts';
import { connectHttp2, fieldsOf } from '../support/http2-client.ts';
import { isFlood, LOAD_TIMEOUT, MANY, startLoaded } from '../support/load.ts';

// The same as client-load.test.ts, with the client of node, which also sends several kinds of request in turn and aborts some.

/** What a client sends of each kind in turn, and the status that it gets. */
function kindsWith(bearer: readonly [string, string]): readonly (readonly [number, OutgoingHttpHeaders, string?])[] {
  return [
    [200, { ':path': '/open' }],
    [200, { ':path': '/open', ':method': 'HEAD' }],
    [200, { ':path': '/open', ':method': 'POST' }, 'x'.repeat(200)],
    [401, { ':path': '/guarded' }],
    [200, { ':path': '/guarded', [bearer[0]]: bearer[1] }],
    [403, { ':path': '/scoped', [bearer[0]]: bearer[1] }],
    [404, { ':path': '/missing' }],
    [401, { ':path': '/guarded', ':method': 'POST' }, 'x'.repeat(200)],
    [413, { ':path': '/small', ':method': 'POST' }, 'x'.repeat(2000)],
  ];
}

for (const connections of [1, 10]) {
  needsOpenssl.serial(`${MANY} requests, some of them aborted, over ${connections} kept connection(s)`, async (t) => {
    t.timeout(LOAD_TIMEOUT);
    const { gateway, secure, count } = await startLoaded(t, { access: false });
    const kinds = kindsWith(gateway.bearer());
    const sessions: ClientHttp2Session[] = [];
    for (let at = 0; at < connections; at += 1) sessions.push(await connectHttp2(t, gateway.port, secure));
    const wrong: string[] = [];
    let sent = 0;
    let aborted = 0;
    const oneByOne = async (session: ClientHttp2Session): Promise<void> => {
      while (sent < MANY && !session.destroyed) {
        sent += 1;
        // One in 25, which is far more than may be aborted by a client that has nothing answered.
        if (sent % 25 === 0) {
          aborted += 1;
          await abortOne(session, sent % 50 === 0);
          continue;
        }
        const [status, fields, body] = kinds[sent % kinds.length] as (typeof kinds)[number];
        const got = await statusOf(session, fields, body);
        if (got !== status) wrong.push(`${fields[':path']}: ${got} in place of ${status}`);
      }
    };
    await Promise.all(
      Array.from({ length: 20 }, (_, at) => oneByOne(sessions[at % connections] as ClientHttp2Session)),
    );
    t.deepEqual(wrong.slice(0, 3), []);
    t.is(sent, MANY);
    t.true(aborted >= 800);
    for (const session of sessions) t.is(await statusOf(session, { ':path': '/open' }), 200);
    t.is(count(isFlood), 0);
  });
}

/** The status of an answer that is complete; -1 of any other. */
function statusOf(session: ClientHttp2Session, fields: OutgoingHttpHeaders, body?: string): Promise<number> {
  const stream = session.request(fieldsOf(fields), { endStream: body === undefined });
  if (body !== undefined) stream.end(body);
  return new Promise((resolve) => {
    let status = -1;
    stream.once('response', (headers) => {
      status = headers[':status'] ?? -1;
    });
    stream.on('error', () => {}).resume();
    stream.once('close', () => resolve(stream.rstCode === 0 ? status : -1));
  });
}

/** Cancels a request at once, or as soon as its answer begins. */
async function abortOne(session: ClientHttp2Session, atOnce: boolean): Promise<void> {
  const stream = session.request(fieldsOf({ ':path': '/open' }));
  stream.on('error', () => {}).resume();
  const cancel = () => stream.close(constants.NGHTTP2_CANCEL);
  if (atOnce) setImmediate(cancel);
  else stream.once('response', cancel);
  await new Promise((resolve) => stream.once('close', resolve));
}
