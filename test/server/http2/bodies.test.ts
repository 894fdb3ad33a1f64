import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { constants } from 'node:http2';
import { needsOpenssl } from '../../support/certificates.ts';
import { answerOf, askHttp2, connectHttp2, fieldsOf } from '../../support/http2-client.ts';
import { connectFrames, FLAG, FRAME, frame, pseudo, requestFrame, uint32 } from '../../support/http2-frames.ts';
import { startSecure } from '../../support/secure-gateway.ts';
import { until } from '../../support/until.ts';
import { rawResponse } from '../../support/upstream.ts';

const PUBLIC = { routes: [{ id: 'all', match: { path: '/**' }, auth: 'public' }] };
const { NGHTTP2_CANCEL, NGHTTP2_INTERNAL_ERROR, NGHTTP2_NO_ERROR } = constants;
const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n';

needsOpenssl('a body goes up in one framing, by its length or in chunks', async (t) => {
  const { gateway, upstream, secure } = await startSecure(t, PUBLIC);
  const session = await connectHttp2(t, gateway.port, secure);
  await askHttp2(session, { ':method': 'POST', 'content-length': '5' }, 'hello');
  await askHttp2(session, { ':method': 'POST' }, 'hello');
  await askHttp2(session, { ':method': 'DELETE' }, 'hello');
  await askHttp2(session, { ':method': 'POST' });
  const framings = (await upstream.waitForRequests(4)).map((seen) => ({
    length: seen.values('content-length'),
    coding: seen.values('transfer-encoding'),
    body: seen.body.toString(),
  }));
  t.deepEqual(framings, [
    { length: ['5'], coding: [], body: 'hello' },
    { length: [], coding: ['chunked'], body: 'hello' },
    { length: [], coding: ['chunked'], body: 'hello' },
    { length: ['0'], coding: [], body: '' },
  ]);
});

needsOpenssl('large bodies come whole in both directions', async (t) => {
  const large = randomBytes(3_000_000);
  const { gateway, upstream, secure } = await startSecure(t, PUBLIC, ({ body }) =>
    rawResponse(200, body.toString('latin1')),
  );
  const session = await connectHttp2(t, gateway.port, secure);
  const answers = await Promise.all([1, 2, 3].map(() => askHttp2(session, { ':method': 'POST' }, large)));
  for (const answer of answers) t.true(answer.complete && answer.body === large.toString('latin1'));
  t.is(upstream.requests.length, 3);
  const short = randomBytes(5000);
  t.is((await askHttp2(session, { ':method': 'POST' }, short)).body, short.toString('latin1'));
});

for (const [what, head] of [
  ['with a length', 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello'],
  ['in chunks', CHUNKED],
  ['of an event stream', CHUNKED.replace('\r\n\r\n', '\r\nContent-Type: text/event-stream\r\n\r\n')],
] as const) {
  needsOpenssl(`an answer ${what} that the upstream breaks off is reset, and never ended`, async (t) => {
    const { gateway, secure } = await startSecure(t, PUBLIC, ({ target, connection }) => {
      if (target === '/whole') return undefined;
      connection.socket.write(head);
      connection.socket.on('drain', () => {});
      setImmediate(() => connection.socket.destroySoon());
      return undefined;
    });
    const connection = await connectFrames(t, gateway.port, secure);
    connection.write(requestFrame(1, pseudo({ ':path': '/whole' })), requestFrame(3, pseudo()));
    const reset = await connection.waitFor(({ type, stream }) => type === FRAME.reset && stream === 3, 'RST_STREAM');
    t.is(reset.payload.readUInt32BE(), NGHTTP2_INTERNAL_ERROR);
    await connection.settled();
    const ends = connection.frames.filter(
      ({ type, flags, stream }) =>
        stream === 3 && (type === FRAME.data || type === FRAME.headers) && (flags & FLAG.endStream) !== 0,
    );
    t.deepEqual(ends, []);
    t.false(connection.socket.destroyed);
    await gateway.waitForLine(({ msg }) => msg === 'broken off');
  });
}

needsOpenssl('a whole answer ends with END_STREAM and no reset, however it is framed', async (t) => {
  const { gateway, secure } = await startSecure(t, PUBLIC, ({ target }) =>
    target === '/chunked' ? `${CHUNKED}0\r\n\r\n` : rawResponse(200, 'hello'),
  );
  const connection = await connectFrames(t, gateway.port, secure);
  connection.write(requestFrame(1, pseudo()), requestFrame(3, pseudo({ ':path': '/chunked' })));
  for (const id of [1, 3])
    await connection.waitFor(({ stream, flags }) => stream === id && (flags & FLAG.endStream) !== 0, 'END_STREAM');
  await connection.settled();
  t.false(connection.frames.some(({ type }) => type === FRAME.reset));
  const bodyOf = (id: number) =>
    Buffer.concat(
      connection.frames.filter((one) => one.type === FRAME.data && one.stream === id).map((one) => one.payload),
    );
  t.deepEqual([bodyOf(1).toString(), bodyOf(3).toString()], ['hello', 'hello']);
});

for (const code of [NGHTTP2_CANCEL, NGHTTP2_NO_ERROR]) {
  needsOpenssl(`a client that resets a stream (${code}) ends its upstream request, and no other`, async (t) => {
    const { gateway, upstream, secure } = await startSecure(t, PUBLIC, () => undefined);
    const session = await connectHttp2(t, gateway.port, secure);
    const stays = session.request(fieldsOf({ ':path': '/stays' }));
    const answered = answerOf(stays);
    await upstream.waitUntil(() => upstream.requests.length === 1, 'the first');
    const leaves = session.request(fieldsOf({ ':path': '/leaves' }));
    leaves.on('error', () => {});
    await upstream.waitUntil(() => upstream.requests.length === 2, 'the second');
    leaves.close(code);
    const [first, second] = upstream.requests;
    await upstream.waitUntil(() => second?.connection.open === false, 'its end');
    t.true(first?.connection.open);
    first?.connection.socket.write(rawResponse(200, 'here'));
    t.like(await answered, { status: 200, body: 'here', complete: true });
    t.like(await gateway.waitForLine(({ msg }) => msg === 'aborted'), { path: '/leaves' });
  });
}

// By hand: node's own client ends a stream before it resets it.
for (const code of [NGHTTP2_CANCEL, NGHTTP2_NO_ERROR]) {
  for (const method of ['POST', 'HEAD']) {
    needsOpenssl(`a body of ${method} that ends in a reset (${code}) is not complete to the upstream`, async (t) => {
      const { gateway, upstream, secure } = await startSecure(t, PUBLIC);
      const connection = await connectFrames(t, gateway.port, secure);
      connection.write(requestFrame(1, pseudo({ ':method': method }), 0));
      connection.write(frame(FRAME.data, 0, 1, Buffer.from('half of it')));
      await upstream.waitUntil(() => upstream.requests[0]?.body.toString() === 'half of it', 'a part of the body');
      connection.write(frame(FRAME.reset, 0, 1, uint32(code)));
      const [seen] = upstream.requests;
      await upstream.waitUntil(() => seen?.connection.open === false, 'its end');
      t.false(seen?.complete);
      t.notRegex(seen?.connection.received().toString() ?? '', /0\r\n\r\n$/);
      await gateway.waitForLine(({ msg }) => msg === 'aborted');
    });
  }
}

needsOpenssl('a refusal comes without the body being read, and the connection goes on', async (t) => {
  const { gateway, upstream, secure } = await startSecure(t);
  const session = await connectHttp2(t, gateway.port, secure);
  const upload = session.request(fieldsOf({ ':method': 'POST' }), { endStream: false });
  upload.write(Buffer.alloc(1000));
  const refused = await answerOf(upload);
  t.like(refused, { status: 401, complete: true, rstCode: NGHTTP2_NO_ERROR });
  t.is(JSON.parse(refused.body).code, 'token.missing');
  const [name, value] = gateway.bearer();
  t.is((await askHttp2(session, { [name]: value })).status, 200);
  t.is(upstream.requests.length, 1);

  const connection = await connectFrames(t, gateway.port, secure);
  connection.write(requestFrame(1, pseudo({ ':method': 'POST' }), 0));
  const reset = await connection.waitFor(({ type }) => type === FRAME.reset, 'RST_STREAM');
  t.is(reset.payload.readUInt32BE(), NGHTTP2_NO_ERROR);
  const ends = connection.frames.findIndex(({ type, flags }) => type === FRAME.data && (flags & FLAG.endStream) !== 0);
  t.true(ends !== -1 && ends < connection.frames.indexOf(reset), 'the answer is whole before it');
});

needsOpenssl('a body above maxBody is refused with 413, in the middle too', async (t) => {
  const { gateway, secure } = await startSecure(t, {
    routes: [{ id: 'all', match: { path: '/**' }, auth: 'public', maxBody: '1KiB' }],
  });
  const session = await connectHttp2(t, gateway.port, secure);
  for (const fields of [{ 'content-length': '2000' }, {}]) {
    const answer = await askHttp2(session, { ':method': 'POST', ...fields }, Buffer.alloc(2000));
    t.is(answer.status, 413);
  }
  t.is((await askHttp2(session, { ':method': 'POST' }, Buffer.alloc(1000))).status, 200);
});

/** Waits until a number has not changed for a good many looks. */
async function stands(count: () => number): Promise<void> {
  let before = -1;
  let looks = 0;
  await until(() => {
    looks = count() === before ? looks + 1 : 0;
    before = count();
    return looks === 40;
  }, 'it to stand still');
}

needsOpenssl('back-pressure holds in both directions', async (t) => {
  const total = 60_000_000;
  let written = 0;
  const { gateway, upstream, secure } = await startSecure(
    t,
    PUBLIC,
    ({ method, connection: { socket } }) => {
      if (method === 'POST') return undefined;
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${total}\r\n\r\n`);
      const piece = Buffer.alloc(65_536);
      const more = () => {
        while (written < total) {
          const next = piece.subarray(0, Math.min(piece.length, total - written));
          written += next.length;
          if (!socket.write(next)) return void socket.once('drain', more);
        }
      };
      more();
      return undefined;
    },
    { answerOn: 'head' },
  );
  const session = await connectHttp2(t, gateway.port, secure);
  const download = session.request(fieldsOf());
  await once(download, 'response');
  await stands(() => written);
  t.true(written < total / 2, `${written} of ${total}`);
  let got = 0;
  download.on('data', (chunk: Buffer) => {
    got += chunk.length;
  });
  await once(download, 'end');
  t.is(got, total);

  // An upstream that does not read.
  const upload = session.request(fieldsOf({ ':method': 'POST' }), { endStream: false });
  upload.write('begun');
  await upstream.waitUntil(() => upstream.requests.length === 2, 'the head');
  upstream.requests[1]?.connection.socket.pause();
  upload.on('error', () => {});
  const sent = () => (session.socket as unknown as { readonly bytesWritten: number }).bytesWritten;
  upload.write(Buffer.alloc(total));
  await stands(sent);
  t.true(sent() < total / 2, `${sent()} of ${total}`);
  upload.close(NGHTTP2_CANCEL);
});

needsOpenssl('an answer without a body has none, and the stream is over', async (t) => {
  const { gateway, upstream, secure } = await startSecure(t, PUBLIC, ({ target }) => {
    const status = Number(target.slice(1));
    if (status === 205) return 'HTTP/1.1 205 Reset\r\nContent-Length: 0\r\n\r\n';
    if (status === 200) return 'HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n';
    return `HTTP/1.1 ${status} None\r\nETag: "x"\r\n\r\n`;
  });
  const session = await connectHttp2(t, gateway.port, secure);
  for (const status of [204, 205, 304]) {
    t.like(await askHttp2(session, { ':path': `/${status}` }), { status, body: '', complete: true });
  }
  const head = await askHttp2(session, { ':path': '/200', ':method': 'HEAD' });
  t.like(head, { status: 200, body: '', complete: true });
  t.is(head.headers['content-length'], '1234');
  t.is((await askHttp2(session, { ':path': '/missing/../x', ':method': 'HEAD' })).status, 400);
  t.is(upstream.requests.length, 4);
  await until(() => gateway.lines.filter(({ msg }) => msg === 'served').length === 4, 'their lines');
  t.false(gateway.lines.some(({ msg }) => msg === 'aborted'));
});

needsOpenssl('interim answers come, and a body that waits for leave gets it', async (t) => {
  const { gateway, upstream, secure } = await startSecure(t, {}, ({ target }) =>
    target === '/hints'
      ? `HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n${rawResponse(200, 'ok')}`
      : rawResponse(200, 'ok'),
  );
  const session = await connectHttp2(t, gateway.port, secure);
  const [name, value] = gateway.bearer();
  const hinted = await askHttp2(session, { [name]: value, ':path': '/hints' });
  t.is(hinted.status, 200);
  t.deepEqual(
    hinted.interim.map((fields) => [fields[':status'], fields.link]),
    [[103, '</a.css>; rel=preload']],
  );
  const waits = session.request(fieldsOf({ [name]: value, ':method': 'POST', expect: '100-continue' }), {
    endStream: false,
  });
  const answered = answerOf(waits);
  waits.once('continue', () => waits.end('now'));
  const answer = await answered;
  t.is(answer.status, 200);
  t.is((await upstream.waitForRequests(2))[1]?.body.toString(), 'now');
  const refused = session.request(fieldsOf({ ':method': 'POST', expect: '100-continue' }), { endStream: false });
  refused.once('continue', () => t.fail('it is not wanted'));
  t.is((await answerOf(refused)).status, 401);
  t.is((await askHttp2(session, { [name]: value, expect: 'more' })).status, 417);
});

needsOpenssl("fields of the upstream's connection stay behind, and doubled ones do no harm", async (t) => {
  const { gateway, secure } = await startSecure(t, PUBLIC, () =>
    rawResponse(200, 'ok', [
      ['Connection', 'keep-alive, X-Hop'],
      ['Keep-Alive', 'timeout=5'],
      ['X-Hop', '1'],
      ['Proxy-Connection', 'keep-alive'],
      ['Upgrade', 'h2c'],
      ['Set-Cookie', 'a=1'],
      ['Set-Cookie', 'b=2'],
      ['ETag', '"one"'],
      ['ETag', '"two"'],
      ['X-Name', 'J\xfcrgen'],
    ]),
  );
  const session = await connectHttp2(t, gateway.port, secure);
  const { status, headers } = await askHttp2(session);
  t.is(status, 200);
  for (const name of ['connection', 'keep-alive', 'x-hop', 'proxy-connection', 'upgrade', 'transfer-encoding'])
    t.is(headers[name], undefined, name);
  t.deepEqual(headers['set-cookie'], ['a=1', 'b=2']);
  t.is(headers.etag, '"one"');
  t.is(headers['x-name'], 'J\xfcrgen');
});

needsOpenssl('what cannot be answered in HTTP/2 is a 502', async (t) => {
  const { gateway, secure } = await startSecure(t, PUBLIC, ({ target }) =>
    target === '/status' ? rawResponse(999, 'ok') : 'HTTP/1.1 200 OK\r\nX: a\x01b\r\nContent-Length: 0\r\n\r\n',
  );
  const session = await connectHttp2(t, gateway.port, secure);
  for (const path of ['/status', '/value']) {
    const answer = await askHttp2(session, { ':path': path });
    t.is(answer.status, 502, path);
    t.is(JSON.parse(answer.body).code, 'forward.invalid-response');
  }
});

// By node's own list of names: it throws where one of some stands twice, and which these are is its own business.
needsOpenssl('no field of an answer is too many for HTTP/2 when it stands twice', async (t) => {
  const framing = new Set(['content-length', 'transfer-encoding', 'connection', 'upgrade']);
  const names = Object.entries(constants)
    .filter(([key, name]) => key.startsWith('HTTP2_HEADER_') && /^[a-z]/.test(String(name)))
    .map(([, name]) => String(name))
    .filter((name) => !framing.has(name));
  t.true(names.length > 50);
  const { gateway, secure } = await startSecure(t, PUBLIC, ({ target }) => {
    const name = target.slice(1);
    return rawResponse(200, 'ok', [
      [name, '1'],
      [name, '2'],
    ]);
  });
  const session = await connectHttp2(t, gateway.port, secure);
  for (const name of names) t.is((await askHttp2(session, { ':path': `/${name}` })).status, 200, name);
});

needsOpenssl('a body that is told to be empty by its length alone holds nothing up', async (t) => {
  const { gateway, upstream, secure } = await startSecure(
    t,
    {
      ...PUBLIC,
      listening: { limits: { requestTimeout: '2s', headersTimeout: '2s' } },
    },
    () => undefined,
  );
  const connection = await connectFrames(t, gateway.port, secure);
  connection.write(requestFrame(1, [...pseudo({ ':method': 'POST' }), ['content-length', '0']], 0));
  connection.write(frame(FRAME.data, FLAG.endStream, 1));
  connection.write(requestFrame(3, pseudo({ ':method': 'POST' }), 0));
  // The other one is late.
  await connection.waitFor(({ type, stream }) => type === FRAME.reset && stream === 3, 'the end of the other');
  await upstream.waitUntil(() => upstream.requests.some(({ complete }) => complete), 'the request');
  upstream.requests.find(({ complete }) => complete)?.connection.socket.write(rawResponse(200, 'ok'));
  await connection.waitFor(({ stream, flags }) => stream === 1 && (flags & FLAG.endStream) !== 0, 'an answer');
  t.false(connection.frames.some(({ type, stream }) => type === FRAME.reset && stream === 1));
});

needsOpenssl('a value that spells the name of a field is not taken for it', async (t) => {
  const { gateway, upstream, secure } = await startSecure(t, PUBLIC);
  const connection = await connectFrames(t, gateway.port, secure);
  const fields = [
    ['x-a', 'content-length'],
    ['0', 'x'],
    ['x-b', ':method'],
    ['head', 'x'],
  ] as const;
  connection.write(requestFrame(1, [...pseudo({ ':method': 'POST' }), ...fields], 0));
  connection.write(frame(FRAME.data, FLAG.endStream, 1, Buffer.from('hello')));
  t.is((await upstream.waitForRequests(1))[0]?.body.toString(), 'hello');
  await connection.waitFor(({ stream, flags }) => stream === 1 && (flags & FLAG.endStream) !== 0, 'an answer');
});
