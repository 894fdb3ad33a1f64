import type { ExecutionContext } from 'ava';
import { needsOpenssl } from '../../support/certificates.ts';
import {
  connectFrames,
  FLAG,
  FRAME,
  type Frame,
  type FrameConnection,
  frame,
  pseudo,
  requestFrame,
} from '../../support/http2-frames.ts';
import { startSecure } from '../../support/secure-gateway.ts';

// A client that is refused while it uploads gets its answer, but not every one survives a reset behind it: httpx reports an
// error, and java.net.http waits for ever. So the rest is read and dropped, within bounds.

const PIECE = 8 * 1024;
/** More than every window and buffer on the way holds. */
const SIZE = 2 * 1024 * 1024;

async function startUpload(t: ExecutionContext) {
  const { gateway, upstream, secure } = await startSecure(t);
  const connection = await connectFrames(t, gateway.port, secure);
  connection.write(requestFrame(1, [...pseudo({ ':method': 'POST' }), ['content-length', String(SIZE)]], 0));
  const isAnswerEnd = ({ stream, type, flags }: Frame) =>
    stream === 1 && type <= FRAME.headers && (flags & FLAG.endStream) !== 0;
  await connection.waitFor(isAnswerEnd, 'the refusal');
  return { gateway, upstream, connection };
}

const isReset = ({ stream, type }: Frame) => stream === 1 && type === FRAME.reset;

/** The room that the other side has given so far, for stream 1 or for all of the connection. */
function roomOf({ frames }: FrameConnection, stream: number): number {
  const updates = frames.filter((one) => one.type === FRAME.window && one.stream === stream);
  return updates.reduce((sum, { payload }) => sum + payload.readUInt32BE(), 65_535);
}

needsOpenssl('a client that writes its whole upload before it looks is not reset', async (t) => {
  const { gateway, upstream, connection } = await startUpload(t);
  for (let sent = 0; sent < SIZE; sent += PIECE) {
    const hasRoom = () => Math.min(roomOf(connection, 0), roomOf(connection, 1)) >= sent + PIECE;
    if (!hasRoom()) await connection.waitFor((one) => isReset(one) || hasRoom(), 'room for more');
    connection.write(frame(FRAME.data, sent + PIECE === SIZE ? FLAG.endStream : 0, 1, Buffer.alloc(PIECE)));
  }
  connection.write(requestFrame(3, [...pseudo(), ['authorization', gateway.bearer()[1]]]));
  await connection.waitFor(({ stream, type }) => stream === 3 && type === FRAME.headers, 'another answer');
  t.false(connection.frames.some(isReset));
  t.false(connection.frames.some(({ type }) => type === FRAME.goaway));
  t.is(upstream.requests.length, 1);
  t.deepEqual(
    (await Promise.all([401, 200].map((status) => gateway.waitForLine((line) => line.status === status)))).map(
      ({ aborted }) => aborted,
    ),
    [undefined, undefined],
  );
});

needsOpenssl('one that sends nothing more is reset, without an error', async (t) => {
  const { gateway, connection } = await startUpload(t);
  // Its line does not wait for that.
  await gateway.waitForLine(({ status }) => status === 401);
  t.false(connection.frames.some(isReset));
  const { payload } = await connection.waitFor(isReset, 'a reset');
  t.is(payload.readUInt32BE(), 0);
});

needsOpenssl('a shutdown does not wait for what is dropped', async (t) => {
  const { gateway, connection } = await startUpload(t);
  await gateway.waitForLine(({ status }) => status === 401);
  await gateway.server.drain('SIGTERM', 0);
  t.true(connection.frames.some(isReset) || connection.socket.destroyed);
  t.like(gateway.lines.at(-1), { msg: 'stopped', cut: 0 });
});
