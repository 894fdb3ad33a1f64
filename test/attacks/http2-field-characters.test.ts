import { needsOpenssl } from '../support/certificates.ts';
import {
  type Coding,
  connectFrames,
  type Field,
  FLAG,
  FRAME,
  type Frame,
  type FrameConnection,
  fieldBlock,
  frame,
  pseudo,
} from '../support/http2-frames.ts';
import { startSecure } from '../support/secure-gateway.ts';

// A field with a line break, a NUL or a blank where none may be makes an HTTP/2 request malformed (RFC 9113 §8.2.1).
// nghttp2 leaves such a field out, node goes on without it, and the gateway would judge a request that nobody sent: one
// whose second Authorization, Cookie or Host is not there. The rest of the chain may have seen it.

const ROUTES = { routes: [{ id: 'all', match: { path: '/**' }, auth: 'public' }] };

const VALUES = [
  'b\nc',
  'b\rc',
  'b\r\nx-user-id: root',
  'b\0',
  '\0',
  'b\x01c',
  'b\x1fc',
  'b\x7f',
  ' b',
  'b ',
  '\tb',
  'b\t',
  ' ',
  '\t',
];
const NAMES = [
  '',
  ' ',
  'x a',
  'x:a',
  'x-a:',
  'x-a ',
  ' x-a',
  'x\ta',
  'x\na',
  'x\r\na',
  'x\0',
  'x\x01',
  'x\x7f',
  'x\xe9',
];
const SEPARATORS = [...'(),/;<=>?@[\\]{}"'].map((separator) => `x${separator}a`);
const FLAWED: readonly Field[] = [
  ...VALUES.map((value): Field => ['x-a', value]),
  ...[...NAMES, ...SEPARATORS, 'transfer-encoding ', 'authorization\0', 'X-A'].map((name): Field => [name, 'b']),
  ...['authorization', 'cookie', 'host', 'content-type', 'content-length', 'x-request-id', 'te'].flatMap((name) =>
    [`trailers\0`, ` trailers`, 'trailers\t', 'trailers\n'].map((value): Field => [name, value]),
  ),
];

/** Looks like the flawed ones, and is sound. */
const SOUND: readonly Field[] = [
  ['x-a', ''],
  ['x-a', 'b c\td'],
  ['x-a', `${'~$@[]{}<>`^|#+?!"'.repeat(20)}`],
  ['x-a', '\xe9\xff\x80'],
  ["x!#$%&'*+-.^_`|~09", 'b'],
  ['authorization', `Bearer ${'eyJ'.repeat(300)}`],
];

const CODINGS: readonly Coding[] = [{}, { kind: 'never' }, { coded: true }, { kind: 'never', coded: true }];
const isOver = (id: number) => (one: Frame) =>
  one.stream === id && (one.type === FRAME.reset || (one.type < 2 && (one.flags & FLAG.endStream) !== 0));
const statusOf = (connection: FrameConnection, id: number) =>
  connection.frames.some((one) => one.stream === id && one.type === FRAME.headers);
const shown = (fields: unknown) => JSON.stringify(fields);

function request(id: number, field: Field, coding: Coding): Buffer {
  const block = Buffer.concat([fieldBlock(pseudo()), fieldBlock([field], coding), fieldBlock([['x-behind', '1']])]);
  return frame(FRAME.headers, FLAG.endStream | FLAG.endHeaders, id, block);
}

for (const coding of CODINGS) {
  needsOpenssl(`a request with a field that none may have is refused, written as ${shown(coding)}`, async (t) => {
    const { gateway, upstream, secure } = await startSecure(t, ROUTES);
    const connection = await connectFrames(t, gateway.port, secure);
    let id = -1;
    for (const field of FLAWED) {
      id += 2;
      const before = gateway.lines.length;
      connection.write(request(id, field, coding));
      await connection.waitFor(isOver(id), `the end of ${shown(field)}`);
      if (!statusOf(connection, id)) continue; // reset by nghttp2
      const isLine = (line: object) => gateway.lines.indexOf(line as never) >= before && 'status' in line;
      const line = await gateway.waitForLine(isLine);
      t.deepEqual([line.status, line.code], [400, 'request.invalid'], shown(field));
    }
    t.is(upstream.requests.length, 0);
    for (const field of SOUND) {
      id += 2;
      connection.write(request(id, field, coding));
      await connection.waitFor(isOver(id), `the end of ${shown(field)}`);
      const seen = upstream.requests.at(-1);
      if (field[0] !== 'authorization') t.deepEqual(seen?.values(field[0]), [field[1]], shown(field));
      t.deepEqual(seen?.values('x-behind'), ['1']);
    }
    t.is(upstream.requests.length, SOUND.length);
  });
}

needsOpenssl('a field that none may have is not named by its number later on', async (t) => {
  const { gateway, upstream, secure } = await startSecure(t, ROUTES);
  for (const field of [
    ['x-a', 'b\0'],
    ['x a', 'b'],
    ['authorization', 'Bearer a '],
  ] as const) {
    for (const coded of [false, true]) {
      const connection = await connectFrames(t, gateway.port, secure);
      const again = Buffer.concat([fieldBlock(pseudo()), Buffer.of(0x80 | 62)]);
      connection.write(
        request(1, field, { kind: 'remembered', coded }),
        frame(FRAME.headers, FLAG.endStream | FLAG.endHeaders, 3, again),
      );
      await connection.waitFor(isOver(1), `the end of ${shown(field)}`);
      await connection.closed();
      t.true(statusOf(connection, 1));
    }
  }
  t.is(upstream.requests.length, 0);
  // One that is sound may be.
  const connection = await connectFrames(t, gateway.port, secure);
  connection.write(request(1, ['x-a', 'b'], { kind: 'remembered', coded: true }));
  const again = Buffer.concat([fieldBlock(pseudo()), Buffer.of(0x80 | 62)]);
  connection.write(frame(FRAME.headers, FLAG.endStream | FLAG.endHeaders, 3, again));
  for (const id of [1, 3]) await connection.waitFor(isOver(id), 'an answer');
  t.deepEqual(
    upstream.requests.map(({ values }) => values('x-a')),
    [['b'], ['b']],
  );
});

/** One block in several frames, padded, with a priority. */
function inPieces(id: number, block: Buffer, size: number): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0; at < block.length; at += size) pieces.push(block.subarray(at, at + size));
  const [first, ...more] = pieces;
  const padding = 7;
  const head = Buffer.concat([Buffer.of(padding, 0, 0, 0, 0, 15), first as Buffer, Buffer.alloc(padding)]);
  return [
    frame(FRAME.headers, FLAG.endStream | 0x08 | 0x20, id, head),
    ...more.map((piece, at) => frame(FRAME.continuation, at === more.length - 1 ? FLAG.endHeaders : 0, id, piece)),
  ];
}

needsOpenssl('it is found in whatever pieces its frames and their bytes come', async (t) => {
  const { gateway, upstream, secure } = await startSecure(t, ROUTES);
  const block = (value: string) => fieldBlock([...pseudo(), ['x-first', '1'], ['x-a', value]], { coded: true });
  const connection = await connectFrames(t, gateway.port, secure);
  let id = -1;
  for (const size of [12, 17, 23, 40]) {
    for (const value of ['b\nc', 'b c']) {
      id += 2;
      const bytes = Buffer.concat(inPieces(id, block(value), size));
      // Each write is a TLS record, and arrives as a piece of its own.
      for (let at = 0; at < bytes.length; at += 11) {
        connection.write(bytes.subarray(at, at + 11));
        if (at % 5 === 0) await new Promise(setImmediate);
      }
      await connection.waitFor(isOver(id), 'an answer');
    }
  }
  t.deepEqual(
    upstream.requests.map(({ values }) => values('x-a')),
    Array(4).fill(['b c']),
  );
  await connection.settled();
  t.deepEqual(
    gateway.lines.filter(({ status }) => status !== undefined).map(({ status }) => status),
    Array(4).fill([400, 200]).flat(),
  );
});

needsOpenssl('what is written in a way that another reader may take otherwise is refused too', async (t) => {
  const { gateway, upstream, secure } = await startSecure(t, ROUTES);
  const value = Buffer.from('b\0');
  // Numbers with more bytes than they need (RFC 7541 §5.1), and a code that ends in no padding.
  const long = (length: number) => Buffer.of(0x7f, 0x80 | ((length - 127) & 0x7f), 0x80, 0x80, 0x80, 0x00);
  const large = Buffer.from(`${'x'.repeat(200)}\0`);
  const blocks = [
    Buffer.concat([Buffer.of(0), Buffer.of(3), Buffer.from('x-a'), long(large.length), large]),
    Buffer.concat([Buffer.of(0x0f, 0x80, 0x80, 0x80, 0x80, 0x00), Buffer.of(2), value]),
    Buffer.concat([Buffer.of(0), Buffer.of(3), Buffer.from('x-a'), Buffer.of(0x81, 0x00)]),
    Buffer.concat([Buffer.of(0), Buffer.of(3), Buffer.from('x-a'), Buffer.of(0x7f)]),
  ];
  for (const [at, block] of blocks.entries()) {
    const connection = await connectFrames(t, gateway.port, secure);
    connection.write(frame(FRAME.headers, 5, 1, Buffer.concat([fieldBlock(pseudo()), block])));
    const isEnd = (one: Frame) => one.type === FRAME.goaway || isOver(1)(one);
    await connection.waitFor(isEnd, `the end of ${at}`);
    connection.socket.destroy();
  }
  t.is(upstream.requests.length, 0);
});
