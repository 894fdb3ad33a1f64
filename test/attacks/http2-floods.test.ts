import { constants } from 'node:http2';
import { SecureServer } from '../../src/server/http2/secure-server.ts';
import { makeAuthority, needsOpenssl } from '../support/certificates.ts';
import { FakeClock } from '../support/clock.ts';
import { askHttp2, connectHttp2 } from '../support/http2-client.ts';
import {
  connectFrames,
  type Field,
  FLAG,
  FRAME,
  type Frame,
  fieldBlock,
  frame,
  pseudo,
  requestFrame,
  uint32,
} from '../support/http2-frames.ts';
import { closeNow, listenOnLoopback } from '../support/listen.ts';
import { startSecure } from '../support/secure-gateway.ts';
import { until } from '../support/until.ts';

// Frames that cost a client nothing and the server something: streams that are opened and reset (rapid reset,
// CVE-2023-44487) or made to be reset (MadeYouReset, CVE-2025-8671), header blocks without an end (CVE-2024-27316 and its
// like), PING and SETTINGS (CVE-2019-9512, CVE-2019-9515), empty DATA (CVE-2019-9518), answers for which no window is ever
// opened (CVE-2019-9511, CVE-2019-9517). Whoever floods loses the connection; others are served.

const PUBLIC = { routes: [{ id: 'all', match: { path: '/**' }, auth: 'public' }] };
/** The time that a client has for its first request is not what these are about. */
const PATIENT = { ...PUBLIC, listening: { limits: { headersTimeout: '2m' } } };
const { NGHTTP2_CANCEL, NGHTTP2_ENHANCE_YOUR_CALM, NGHTTP2_REFUSED_STREAM } = constants;
type Secure = Awaited<ReturnType<typeof startSecure>>;

const ids = (count: number) => Array.from({ length: count }, (_, at) => 2 * at + 1);
const endOf = (id: number) => (one: Frame) => one.stream === id && (one.flags & FLAG.endStream) !== 0 && one.type < 2;
const isGoaway = ({ type }: Frame) => type === FRAME.goaway;
const reasonOf = (goaway: Frame) => goaway.payload.readUInt32BE(4);

async function isServed(t: Parameters<typeof connectHttp2>[0], { gateway, secure }: Secure): Promise<void> {
  const session = await connectHttp2(t, gateway.port, secure);
  t.is((await askHttp2(session)).status, 200, 'others are served');
}

needsOpenssl('streams that are opened and reset end the connection, in one packet and in many', async (t) => {
  const started = await startSecure(t, PATIENT, () => undefined);
  const reset = (id: number) => [requestFrame(id, pseudo()), frame(FRAME.reset, 0, id, uint32(NGHTTP2_CANCEL))];
  const atOnce = await connectFrames(t, started.gateway.port, started.secure);
  atOnce.write(...ids(600).flatMap(reset));
  t.is(reasonOf(await atOnce.waitFor(isGoaway, 'GOAWAY')), NGHTTP2_ENHANCE_YOUR_CALM);
  await atOnce.closed();

  const ended = () => started.gateway.lines.filter(({ durationMs }) => durationMs !== undefined).length;
  const oneByOne = await connectFrames(t, started.gateway.port, started.secure);
  const isOver = () => oneByOne.socket.destroyed || oneByOne.frames.some(isGoaway);
  for (let id = 1; !isOver(); id += 180) {
    t.true(id < 3000, 'that is enough');
    const before = ended();
    const streams = ids(90).map((at) => id + at - 1);
    oneByOne.write(...streams.map((at) => requestFrame(at, pseudo())));
    await oneByOne.settled().catch(() => {}); // closed
    oneByOne.write(...streams.map((at) => frame(FRAME.reset, 0, at, uint32(NGHTTP2_CANCEL))));
    await until(() => ended() >= before + 90 || isOver(), 'their end');
  }
  t.is(reasonOf(await oneByOne.waitFor(isGoaway, 'GOAWAY')), NGHTTP2_ENHANCE_YOUR_CALM);
  const other = await connectFrames(t, started.gateway.port, started.secure);
  other.write(requestFrame(1, pseudo({ ':path': '/a/../b' })));
  await other.waitFor(endOf(1), 'an answer to others');
});

needsOpenssl('streams that the server is made to reset count too', async (t) => {
  const started = await startSecure(t, PUBLIC, ({ target }) =>
    target === '/hangs' ? undefined : 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
  );
  const connection = await connectFrames(t, started.gateway.port, started.secure);
  const endless = [...pseudo({ ':method': 'POST', ':path': '/hangs' }), ['content-length', '0']] as const;
  const gone = () => started.gateway.lines.filter(({ msg }) => msg === 'aborted').length;
  const isOver = () => connection.socket.destroyed || connection.frames.some(isGoaway);
  for (let id = 1; !isOver(); id += 180) {
    t.true(id < 3000, 'that is enough');
    const before = gone();
    // A byte more than was said is an error of the stream (RFC 9113 §8.1.1). Newer nghttp2 takes it for one of the connection.
    for (const at of ids(90))
      connection.write(requestFrame(id + at - 1, endless, 0), frame(FRAME.data, 0, id + at - 1, Buffer.of(1)));
    await until(() => gone() >= before + 90 || isOver(), 'their end');
  }
  await connection.closed();
  await isServed(t, started);
});

needsOpenssl('a client that has some of its requests answered may reset as many, and no more', async (t) => {
  const { gateway, secure } = await startSecure(t, PUBLIC);
  const connection = await connectFrames(t, gateway.port, secure);
  // nghttp2 of Node 20 takes 1000 resets at once, whatever else is sent.
  const rounds = 18;
  let id = 1;
  for (let round = 0; round < rounds; round += 1) {
    const answered = ids(50).map((at) => id + at - 1);
    // Without bodies, so that no window is used up.
    connection.write(...answered.map((at) => requestFrame(at, pseudo({ ':method': 'HEAD', ':path': '/a/../b' }))));
    id += 100;
    for (const at of answered) await connection.waitFor(endOf(at), 'an answer');
    const cancelled = ids(50).map((at) => id + at - 1);
    const cancel = (at: number) => [requestFrame(at, pseudo()), frame(FRAME.reset, 0, at, uint32(NGHTTP2_CANCEL))];
    connection.write(...cancelled.flatMap(cancel));
    id += 100;
    await connection.settled();
  }
  t.false(connection.frames.some(isGoaway), `${rounds * 50} of each`);
  // However many were answered, they buy no more than there was in the beginning.
  for (const at of ids(600)) {
    const later = id + at - 1;
    connection.write(requestFrame(later, pseudo()), frame(FRAME.reset, 0, later, uint32(NGHTTP2_CANCEL)));
  }
  await connection.waitFor(isGoaway, 'GOAWAY');
});

needsOpenssl('a client that cancels what it has waited for is no flood', async (t) => {
  const authority = makeAuthority();
  const { cert, key } = authority.issue();
  const clock = new FakeClock(0);
  const server = new SecureServer({ cert, key }, clock.now);
  // Nothing is ever answered.
  let open = 0;
  server.on('request', (_, response) => {
    open += 1;
    response.on('close', () => {
      open -= 1;
    });
  });
  const { port } = await listenOnLoopback(server);
  t.teardown(() => closeNow(server));
  const cancel = async (rounds: number, waited: number) => {
    const connection = await connectFrames(t, port, { ca: authority.cert, servername: 'localhost' });
    for (let id = 1; id < rounds * 180 && !connection.frames.some(isGoaway); id += 180) {
      const streams = ids(90).map((at) => id + at - 1);
      connection.write(...streams.map((at) => requestFrame(at, pseudo())));
      await until(() => open === 90 || connection.socket.destroyed, 'the requests');
      clock.advance(waited);
      connection.write(...streams.map((at) => frame(FRAME.reset, 0, at, uint32(NGHTTP2_CANCEL))));
      await until(() => open === 0, 'their end');
    }
    return connection;
  };
  const patient = await cancel(8, 1000);
  await patient.settled();
  t.false(patient.frames.some(isGoaway), '720 that were open for a second');
  const rapid = await cancel(8, 0);
  t.is(reasonOf(await rapid.waitFor(isGoaway, 'GOAWAY')), NGHTTP2_ENHANCE_YOUR_CALM);
});

const FLOODS: Readonly<Record<string, () => Buffer[]>> = {
  PING: () => Array.from({ length: 20_000 }, () => frame(FRAME.ping, 0, 0, Buffer.alloc(8))),
  SETTINGS: () => Array.from({ length: 20_000 }, () => frame(FRAME.settings, 0, 0)),
  'empty DATA': () => [
    requestFrame(1, pseudo({ ':method': 'POST' }), 0),
    ...Array.from({ length: 20_000 }, () => frame(FRAME.data, 0, 1)),
  ],
  CONTINUATION: () => [
    frame(FRAME.headers, FLAG.endStream, 1, fieldBlock(pseudo())),
    ...Array.from({ length: 20_000 }, () => frame(FRAME.continuation, 0, 1, fieldBlock([['x-a', 'b']]))),
  ],
  'empty CONTINUATION': () => [
    frame(FRAME.headers, FLAG.endStream, 1, fieldBlock(pseudo())),
    ...Array.from({ length: 20_000 }, () => frame(FRAME.continuation, 0, 1)),
  ],
};

for (const [what, frames] of Object.entries(FLOODS)) {
  needsOpenssl(`a flood of ${what} ends the connection`, async (t) => {
    const started = await startSecure(t, PUBLIC);
    const connection = await connectFrames(t, started.gateway.port, started.secure);
    connection.write(...frames());
    await connection.closed();
    t.is(started.upstream.requests.filter(({ complete }) => complete).length, 0);
    await isServed(t, started);
  });
}

const ROUNDS = 40;

// nghttp2 ends what is not read of its acknowledgements; this client reads every one before it goes on.
for (const [what, type, payload, atOnce] of [
  ['PING', FRAME.ping, Buffer.alloc(8), 200],
  ['SETTINGS', FRAME.settings, Buffer.alloc(0), 10],
] as const) {
  needsOpenssl(`a flood of ${what} by a client that reads the acknowledgements ends the connection`, async (t) => {
    const started = await startSecure(t, PATIENT);
    const connection = await connectFrames(t, started.gateway.port, started.secure);
    const acknowledged = () =>
      connection.frames.filter((one) => one.type === type && (one.flags & FLAG.ack) !== 0).length;
    const isOver = () => connection.socket.destroyed || connection.frames.some(isGoaway);
    let sent = 0;
    for (let round = 0; !isOver(); round += 1) {
      t.true(round < ROUNDS, 'that is enough');
      connection.write(...Array.from({ length: atOnce }, () => frame(type, 0, 0, payload)));
      sent += atOnce;
      await until(() => acknowledged() >= sent || isOver(), 'their acknowledgements');
    }
    t.is(reasonOf(await connection.waitFor(isGoaway, 'GOAWAY')), NGHTTP2_ENHANCE_YOUR_CALM);
    await connection.closed();
    t.like(await started.gateway.waitForLine(({ msg }) => /flood/.test(String(msg))), { level: 'warn' });
    await isServed(t, started);
  });
}

needsOpenssl('a client may send a PING for each answer and for each piece of a large one', async (t) => {
  const { gateway, secure } = await startSecure(t, PUBLIC, ({ target }) => {
    const length = target === '/large' ? 60_000 : 2;
    return `HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\n${'x'.repeat(length)}`;
  });
  const connection = await connectFrames(t, gateway.port, secure);
  const ping = frame(FRAME.ping, 0, 0, Buffer.alloc(8));
  let pings = 0;
  let id = 0;
  const ask = async (fields: readonly Field[], streams: number, perStream: number) => {
    const begun = ids(streams).map((at) => id + at);
    id += 2 * streams;
    const each = (at: number) => [requestFrame(at, fields), ...Array.from({ length: perStream }, () => ping)];
    connection.write(...begun.flatMap(each));
    pings += streams * perStream;
    for (const at of begun) await connection.waitFor(endOf(at), 'an answer');
    await connection.settled();
    connection.write(frame(FRAME.window, 0, 0, uint32(60_000)));
  };
  for (let round = 0; round < 30; round += 1) await ask(pseudo({ ':path': '/large' }), 1, 50);
  for (let round = 0; round < 30; round += 1) await ask(pseudo({ ':method': 'HEAD', ':path': '/a/../b' }), 50, 1);
  t.is(pings, 3000);
  t.false(connection.frames.some(isGoaway));
});

needsOpenssl('a client may change its settings now and then', async (t) => {
  const { gateway, secure } = await startSecure(t, PATIENT);
  const connection = await connectFrames(t, gateway.port, secure);
  // SETTINGS_INITIAL_WINDOW_SIZE, as one doubles it that looks for the best.
  for (let at = 0; at < 40; at += 1) {
    connection.write(frame(FRAME.settings, 0, 0, Buffer.concat([Buffer.of(0, 4), uint32(65_535 + at)])));
    await connection.settled();
  }
  connection.write(requestFrame(1, pseudo()));
  await connection.waitFor(endOf(1), 'an answer');
  t.false(connection.frames.some(isGoaway));
});

needsOpenssl('fields above limits.headers do not get in, nor do small ones that unpack to more', async (t) => {
  const started = await startSecure(t, { ...PUBLIC, listening: { limits: { headers: '8KiB' } } });
  const { gateway, upstream, secure } = started;
  const many = Array.from({ length: 200 }, (_, at) => [`x-${at}`, 'y'.repeat(100)] as const);
  const large = await connectFrames(t, gateway.port, secure);
  large.write(requestFrame(1, [...pseudo(), ...many.slice(0, 120)]));
  await gateway.waitForLine(({ code, status }) => code === 'request.headers-too-large' && status === 431);
  // Who has acknowledged the settings gets no answer but a reset, from nghttp2.
  large.write(frame(FRAME.settings, FLAG.ack, 0), requestFrame(3, [...pseudo(), ...many.slice(0, 120)]));
  await large.waitFor(({ type, stream }) => type === FRAME.reset && stream === 3, 'RST_STREAM');
  // One large field in the dynamic table, named again and again (CVE-2016-6581).
  const bomb = await connectFrames(t, gateway.port, secure);
  const indexed = Buffer.concat([Buffer.of(0x40), fieldBlock([['x-bomb', 'z'.repeat(3000)]]).subarray(1)]);
  const block = Buffer.concat([fieldBlock(pseudo()), indexed, Buffer.alloc(1000, 0x80 | 62)]);
  bomb.write(frame(FRAME.headers, FLAG.endStream | FLAG.endHeaders, 1, block));
  await bomb.waitFor(({ type }) => type === FRAME.reset || type === FRAME.goaway, 'a refusal');
  t.is(upstream.requests.length, 0);
  const fits = await connectFrames(t, gateway.port, secure);
  fits.write(requestFrame(1, [...pseudo(), ...many.slice(0, 40)]));
  await fits.waitFor(({ stream, flags }) => stream === 1 && (flags & FLAG.endStream) !== 0, 'an answer');
  t.is(upstream.requests[0]?.values('x-39').length, 1);
  await isServed(t, started);
});

needsOpenssl('more streams than are offered are refused, and those that are open go on', async (t) => {
  const { gateway, upstream, secure } = await startSecure(t, PUBLIC, () => undefined);
  const connection = await connectFrames(t, gateway.port, secure);
  const settings = await connection.waitFor(({ type }) => type === FRAME.settings, 'SETTINGS');
  const at = Array.from({ length: settings.payload.length / 6 }, (_, index) => index * 6);
  const offered = at.find((offset) => settings.payload.readUInt16BE(offset) === 3);
  t.is(offered === undefined ? 0 : settings.payload.readUInt32BE(offered + 2), 100);
  connection.write(...ids(101).map((id) => requestFrame(id, pseudo())));
  const refused = await connection.waitFor(({ type }) => type === FRAME.reset, 'RST_STREAM');
  t.deepEqual([refused.stream, refused.payload.readUInt32BE()], [201, NGHTTP2_REFUSED_STREAM]);
  await upstream.waitUntil(() => upstream.requests.length === 100, 'the others');
  upstream.requests[0]?.connection.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
  await gateway.waitForLine(({ status }) => status === 200);
  // Who has acknowledged the limit breaks the protocol, and the connection ends with all there is.
  connection.write(frame(FRAME.settings, FLAG.ack, 0), requestFrame(203, pseudo()), requestFrame(205, pseudo()));
  await connection.closed();
  // One is idle, in the pool.
  await upstream.waitUntil(() => upstream.connections.filter(({ open }) => open).length <= 1, 'the end of all others');
});

needsOpenssl('an answer that the client gives no window to read is not kept', async (t) => {
  const { gateway, upstream, secure } = await startSecure(t, {
    ...PUBLIC,
    listening: { limits: { stalled: '300ms' } },
  });
  // SETTINGS_INITIAL_WINDOW_SIZE of 0
  const settings = Buffer.concat([Buffer.of(0, 4), uint32(0)]);
  const connection = await connectFrames(t, gateway.port, secure, settings);
  connection.write(requestFrame(1, pseudo()), requestFrame(3, pseudo({ ':path': '/a/../b' })));
  for (const id of [1, 3]) {
    await connection.waitFor(({ type, stream }) => type === FRAME.reset && stream === id, `the reset of ${id}`);
    t.false(connection.frames.some(({ stream, flags, type }) => stream === id && type === FRAME.data && flags === 1));
  }
  t.is(upstream.requests.length, 1);
  const session = await connectHttp2(t, gateway.port, secure);
  t.is((await askHttp2(session)).status, 200);
});

needsOpenssl('pings do not keep an answer that the client gives no window to read', async (t) => {
  const { gateway, secure } = await startSecure(t, { ...PUBLIC, listening: { limits: { stalled: '300ms' } } });
  const connection = await connectFrames(t, gateway.port, secure, Buffer.concat([Buffer.of(0, 4), uint32(0)]));
  connection.write(requestFrame(1, pseudo({ ':path': '/a/../b' })));
  const timer = setInterval(() => connection.write(frame(FRAME.ping, 0, 0, Buffer.alloc(8))), 50);
  t.teardown(() => clearInterval(timer));
  await connection.waitFor(({ type, stream }) => type === FRAME.reset && stream === 1, 'the reset');
  t.false(connection.frames.some(({ stream, type }) => stream === 1 && type === FRAME.data));
});

needsOpenssl('neither pings nor half a head keep a connection that has no request', async (t) => {
  const started = await startSecure(t, {
    ...PUBLIC,
    listening: { limits: { headersTimeout: '2s', keepAlive: '1s' } },
  });
  const { gateway, secure } = started;
  const silent = await connectFrames(t, gateway.port, secure);
  const half = await connectFrames(t, gateway.port, secure);
  half.write(frame(FRAME.headers, FLAG.endStream, 1, fieldBlock(pseudo())));
  const pings = await connectFrames(t, gateway.port, secure);
  pings.write(requestFrame(1, pseudo()));
  await pings.waitFor(({ stream, flags }) => stream === 1 && (flags & FLAG.endStream) !== 0, 'an answer');
  const timer = setInterval(() => pings.write(frame(FRAME.ping, 0, 0, Buffer.alloc(8))), 100);
  t.teardown(() => clearInterval(timer));
  await Promise.all([silent.closed(), half.closed(), pings.closed()]);
  t.true(pings.frames.some(isGoaway));
  await isServed(t, started);
});

// node (seen in 20 and 24) is not told when nghttp2 gives up a connection over such a frame: it reads no more of it, and does not
// see the client leave.
needsOpenssl('a client that goes on behind the end of its stream, and leaves, holds nothing for long', async (t) => {
  const started = await startSecure(t, { ...PUBLIC, listening: { limits: { keepAlive: '500ms' } } }, ({ target }) =>
    target === '/hangs' ? undefined : 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
  );
  const { gateway, upstream, secure } = started;
  for (const method of ['GET', 'POST']) {
    const connection = await connectFrames(t, gateway.port, secure);
    connection.write(requestFrame(1, pseudo({ ':method': method, ':path': '/hangs' })));
    await upstream.waitUntil(() => upstream.requests.at(-1)?.method === method, 'the request');
    const seen = upstream.requests.at(-1);
    connection.write(frame(FRAME.data, 0, 1, Buffer.of(1)), frame(FRAME.data, 0, 1, Buffer.of(1)));
    await connection.waitFor(isGoaway, 'GOAWAY');
    connection.socket.destroy();
    await upstream.waitUntil(() => seen?.connection.open === false, 'the end of its request');
  }
  await isServed(t, started);
  await gateway.server.drain('SIGTERM');
  t.like(await gateway.waitForLine(({ msg }) => msg === 'stopped'), { cut: 0 });
});

needsOpenssl('a client that is there keeps its slow request', async (t) => {
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const { gateway, upstream, secure } = await startSecure(
    t,
    // As often as it is looked whether the client is there.
    { ...PUBLIC, listening: { limits: { keepAlive: '500ms' } } },
    async () => {
      await released;
      return 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
    },
  );
  const session = await connectHttp2(t, gateway.port, secure);
  let pings = 0;
  session.on('ping', () => {
    pings += 1;
    if (pings === 3) release();
  });
  t.like(await askHttp2(session), { status: 200, complete: true });
  t.is(upstream.requests.length, 1);
});
