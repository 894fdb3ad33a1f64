import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import type { ExecutionContext } from 'ava';
import { CODE_LENGTHS } from '../../src/request/huffman.ts';

// HTTP/2 written by hand, for what no client would send, and read by the frame.

export const FRAME = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  window: 8,
  continuation: 9,
} as const;
export const FLAG = { endStream: 1, ack: 1, endHeaders: 4 } as const;

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

/** RFC 9113 §4.1 */
export function frame(type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export type Field = readonly [name: string, value: string];

/** How fields are put down (RFC 7541 §6.2): what is remembered has numbers from 62 on, and codes are Huffman's. */
export interface Coding {
  readonly kind?: 'plain' | 'never' | 'remembered';
  readonly coded?: boolean;
}
const KINDS = { plain: 0, never: 0x10, remembered: 0x40 } as const;

/** Fields as literals; as they are if nothing else is said, so that the bytes are those of the text. */
export function fieldBlock(fields: readonly Field[], { kind = 'plain', coded = false }: Coding = {}): Buffer {
  return Buffer.concat(
    fields.flatMap(([name, value]) => [Buffer.of(KINDS[kind]), literal(name, coded), literal(value, coded)]),
  );
}

function literal(text: string, coded: boolean): Buffer {
  const bytes = coded ? huffman(text) : Buffer.from(text, 'latin1');
  const flag = coded ? 0x80 : 0;
  if (bytes.length < 127) return Buffer.concat([Buffer.of(flag | bytes.length), bytes]);
  const length = [flag | 127];
  let rest = bytes.length - 127;
  for (; rest >= 128; rest >>= 7) length.push((rest & 127) | 128);
  return Buffer.concat([Buffer.from([...length, rest]), bytes]);
}

/** A text in the code of RFC 7541, appendix B. */
export function huffman(text: string): Buffer {
  const bits = [...Buffer.from(text, 'latin1')].map((byte) => CODES[byte]).join('');
  const padded = bits.padEnd(Math.ceil(bits.length / 8) * 8, '1');
  return Buffer.from(padded.match(/.{8}/g)?.map((byte) => Number.parseInt(byte, 2)) ?? []);
}

/** Codes of the same length follow each other, from the shortest to the longest. */
const CODES = ((): readonly string[] => {
  const codes: string[] = [];
  let code = 0;
  let before = 0;
  const inOrder = [...CODE_LENGTHS.entries()].sort((a, b) => a[1] - b[1] || a[0] - b[0]);
  for (const [byte, length] of inOrder) {
    code *= 2 ** (length - before);
    codes[byte] = code.toString(2).padStart(length, '0');
    code += 1;
    before = length;
  }
  return codes;
})();

/** The pseudo-fields of a request for `/`, in place of which others may be given. */
export function pseudo(more: Readonly<Record<string, string | undefined>> = {}): Field[] {
  const all = { ':method': 'GET', ':scheme': 'https', ':authority': 'api.example.com', ':path': '/', ...more };
  return Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined);
}

/** A whole request without a body. */
export function requestFrame(stream: number, fields: readonly Field[], flags: number = FLAG.endStream): Buffer {
  return frame(FRAME.headers, flags | FLAG.endHeaders, stream, fieldBlock(fields));
}

export interface FrameConnection {
  readonly socket: TLSSocket;
  readonly frames: readonly Frame[];
  write(...bytes: readonly Buffer[]): void;
  /** Waits until some frame is like this, also among those that are there; rejects after `timeoutMs` (30 s) or at the end. */
  waitFor(isIt: (frame: Frame) => boolean, what: string, timeoutMs?: number): Promise<Frame>;
  /** Waits until the other side has closed. */
  closed(timeoutMs?: number): Promise<void>;
  /** Waits until a PING that is sent now comes back: whatever was sent before has been looked at. */
  settled(): Promise<void>;
}

/** A connection that has sent its preface and settings. It acknowledges nothing by itself, and ends with the test. */
export async function connectFrames(
  t: ExecutionContext,
  port: number,
  secure: ConnectionOptions,
  settings: Buffer = Buffer.alloc(0),
): Promise<FrameConnection> {
  const socket = connect({ port, host: '127.0.0.1', ...secure, ALPNProtocols: ['h2'] });
  t.teardown(() => void socket.destroy());
  const frames: Frame[] = [];
  const watchers = new Set<() => void>();
  const changed = () => {
    for (const watcher of watchers) watcher();
  };
  let pending = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    pending = Buffer.concat([pending, chunk]);
    while (pending.length >= 9) {
      const length = pending.readUIntBE(0, 3);
      if (pending.length < 9 + length) break;
      const payload = pending.subarray(9, 9 + length);
      frames.push({
        ...{ type: pending[3] as number, flags: pending[4] as number },
        ...{ stream: pending.readUInt32BE(5) & 0x7fffffff, payload },
      });
      pending = pending.subarray(9 + length);
    }
    changed();
  });
  socket.on('error', () => {});
  socket.on('close', changed);
  const wait = (holds: () => boolean, what: string, timeoutMs: number): Promise<void> =>
    new Promise((resolve, reject) => {
      const settle = (act: () => void) => {
        clearTimeout(timer);
        watchers.delete(look);
        act();
      };
      const look = () => {
        if (holds()) settle(resolve);
        else if (socket.destroyed) settle(() => reject(new Error(`closed without: ${what}`)));
      };
      const timer = setTimeout(() => settle(() => reject(new Error(`not within ${timeoutMs} ms: ${what}`))), timeoutMs);
      watchers.add(look);
      look();
    });
  await new Promise<void>((resolve, reject) => {
    socket.once('secureConnect', resolve);
    socket.once('error', reject);
  });
  socket.write(Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(FRAME.settings, 0, 0, settings)]));
  let pings = 0;
  return {
    socket,
    frames,
    write: (...bytes) => void socket.write(Buffer.concat(bytes)),
    waitFor: async (isIt, what, timeoutMs = 30_000) => {
      await wait(() => frames.some(isIt), what, timeoutMs);
      return frames.find(isIt) as Frame;
    },
    closed: (timeoutMs = 30_000) => wait(() => socket.destroyed, 'the end of the connection', timeoutMs),
    settled: async () => {
      pings += 1;
      const mark = Buffer.concat([uint32(0x736f6d65), uint32(pings)]);
      socket.write(frame(FRAME.ping, 0, 0, mark));
      const isMine = ({ type, payload }: Frame) => type === FRAME.ping && payload.equals(mark);
      await wait(() => frames.some(isMine), 'the answer to a PING', 30_000);
    },
  };
}
