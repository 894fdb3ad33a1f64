import type { Socket } from 'node:net';
import { mutate } from './mutate.ts';
import type { Random } from './random.ts';

const WORDS = [
  ...[
    '\r\n',
    '\n',
    '\r\n\r\n',
    '\0',
    ' ',
    '0\r\n\r\n',
    '5\r\n',
    '-1\r\n',
    'HTTP/1.0',
    'HTTP/1.1 200 OK\r\n\r\n',
    '099',
    '600',
  ],
  ...[
    'Content-Length: 1\r\n',
    'Content-Length: 9999999\r\n',
    'Transfer-Encoding: chunked\r\n',
    'Connection: close\r\n',
  ],
  ...[
    'Transfer-Encoding: gzip\r\n',
    'Set-Cookie: a=b\r\n',
    'Connection: Set-Cookie\r\n',
    'Trailer: X\r\n',
    '\xff',
    ': x\r\n',
  ],
  ...['HTTP/1.1 100 Continue\r\n\r\n', 'HTTP/1.1 101 Switching Protocols\r\n\r\n', 'HTTP/1.1 103 Early Hints\r\n\r\n'],
];

const WHOLE = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

/** Answers one request as its case wants: whole, cut, late, wrong, or not at all. */
export function answer(random: Random, method: string, socket: Socket): void {
  const bodiless = method === 'HEAD';
  const plain = bodiless ? 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n' : WHOLE;
  if (random.chance(0.5)) return void socket.write(plain);
  const bytes = random.pick([
    plain,
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${bodiless ? '' : '2\r\nok\r\n0\r\nX: y\r\n\r\n'}`,
    'HTTP/1.1 204 No Content\r\n\r\n',
    'HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n',
    'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end',
    'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
    `HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n${'y'.repeat(200_000)}`,
    'HTTP/1.1 500 Oops\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 0\r\n\r\n',
  ]);
  const sent = random.chance(0.5) ? mutate(random, bytes, WORDS) : bytes;
  const part = random.chance(0.3) ? sent.slice(0, random.below(sent.length)) : sent;
  const end = random.below(6);
  const finish = () => {
    if (end === 0) socket.resetAndDestroy();
    else if (end <= 2 || part !== bytes || bytes.includes('Connection: close')) socket.end();
  };
  const write = () => {
    if (socket.destroyed) return;
    socket.write(Buffer.from(part, 'latin1'));
    if (end === 0 || end > 2) finish();
    else setTimeout(finish, random.below(20));
  };
  const delay = random.chance(0.2) ? random.below(50) : 0;
  if (delay === 0) write();
  else setTimeout(write, delay);
}
