import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { connect, createServer, type Socket } from 'node:net';
import { mock } from 'node:test';
import test from 'ava';
import { dropRest, hurry } from '../../src/request/linger.ts';
import { listenOnLoopback } from '../support/listen.ts';

// node's mocked timers are those of the whole process: one test after the other.

const STEP = 250;
const MIB = 1024 * 1024;

/** A connection whose rest is being dropped, and its client. `step` lets a quarter of a second pass. */
async function dropping() {
  const server = createServer({ allowHalfOpen: true });
  const { port } = await listenOnLoopback(server);
  const client = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  client.on('error', () => {});
  const [socket] = (await once(server, 'connection')) as [Socket];
  socket.on('error', () => {});
  mock.timers.enable({ apis: ['setInterval'] });
  dropRest({ socket, read: () => null } as unknown as IncomingMessage);
  socket.destroySoon();
  return {
    socket,
    client,
    step: (count = 1) => {
      for (let done = 0; done < count && !socket.destroyed; done++) mock.timers.tick(STEP);
    },
    end: () => {
      mock.timers.reset();
      client.destroy();
      socket.destroy();
      server.close();
    },
  };
}

test.serial('what a client still sends is dropped for 30 s, and then its connection is closed', async (t) => {
  const { socket, step, end } = await dropping();
  for (let seconds = 0; seconds < 29; seconds++) {
    socket.emit('data', Buffer.alloc(1));
    step(4);
  }
  t.false(socket.destroyed);
  socket.emit('data', Buffer.alloc(1));
  step(4);
  t.true(socket.destroyed);
  end();
});

test.serial('a client that is silent for 5 s loses its connection', async (t) => {
  const { socket, step, end } = await dropping();
  step(12);
  socket.emit('data', Buffer.alloc(1));
  step(20);
  t.false(socket.destroyed);
  step(1);
  t.true(socket.destroyed);
  end();
});

test.serial('no more than 4 MiB a second are read', async (t) => {
  const { socket, step, end } = await dropping();
  socket.emit('data', Buffer.alloc(MIB - 1));
  t.false(socket.isPaused());
  socket.emit('data', Buffer.alloc(1));
  t.true(socket.isPaused());
  step(1);
  t.false(socket.isPaused());
  end();
});

test.serial('a client that ends its side too has its connection closed at once', async (t) => {
  const { socket, client, end } = await dropping();
  client.end();
  await once(socket, 'close');
  t.true(socket.destroyed);
  end();
});

test.serial('one that is hurried closes within a second', async (t) => {
  const { socket, step, end } = await dropping();
  hurry(socket);
  step(3);
  t.false(socket.destroyed);
  step(1);
  t.true(socket.destroyed);
  end();
});
