import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { request } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { inheritedSocket } from '../../src/cli/inherited-socket.ts';
import { temporaryFolder } from '../support/files.ts';
import { startRecordingUpstream } from '../support/upstream.ts';

// Two gateways take connections off one listening socket, which the service manager keeps open: the new one begins before
// the old one drains, and no client sees a refused connection.

test('a socket is taken by the process that it is meant for', (t) => {
  t.is(inheritedSocket({ LISTEN_PID: '7', LISTEN_FDS: '1' }, 7), 3);
  t.is(inheritedSocket({ LISTEN_PID: '8', LISTEN_FDS: '1' }, 7), undefined);
  t.is(inheritedSocket({ LISTEN_PID: '7' }, 7), undefined);
  t.is(inheritedSocket({}, undefined), undefined);
  t.regex(String(inheritedSocket({ LISTEN_PID: '7', LISTEN_FDS: '2' }, 7)), /takes one socket/);
});

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

interface Process {
  /** Has it begin, and resolves once it listens. */
  begin(): Promise<void>;
  readonly child: ChildProcess;
  /** Resolves with the exit code. */
  readonly ended: Promise<number | null>;
  errors(): string;
}

/** A gateway that is started as systemd does it: with the socket as descriptor 3, and variables that name the process. */
function prepare(fd: number, file: string): Process {
  const node = [process.execPath, `--import=${import.meta.resolve('tsx/esm')}`, MAIN, 'start', '--config', file];
  const script = 'read -r go; LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"';
  const child = spawn('sh', ['-c', script, 'sh', ...node], {
    stdio: ['pipe', 'pipe', 'pipe', fd],
    env: { PATH: process.env.PATH ?? '' },
  });
  let errors = '';
  child.stderr?.on('data', (piece) => {
    errors += piece;
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  return {
    child,
    ended,
    errors: () => errors,
    begin: () =>
      new Promise((resolve, reject) => {
        createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
          if (line.includes('"msg":"listening"') && line.includes('"admin"')) resolve();
        });
        void ended.then((code) => reject(new Error(`it ended with ${code}: ${errors}`)));
        child.stdin?.end('go\n');
      }),
  };
}

interface Answered {
  readonly answers: number;
  readonly failures: readonly string[];
}

/** Asks again and again, each time on a connection of its own, until told to stop. */
function load(port: number, clients: number): { stop(): Promise<Answered>; answered(): number } {
  let stopped = false;
  let answers = 0;
  const failures: string[] = [];
  const ask = () =>
    new Promise<void>((resolve) => {
      const asked = request({ host: '127.0.0.1', port, path: '/', agent: false }, (response) => {
        if (response.statusCode === 200) answers += 1;
        else failures.push(String(response.statusCode));
        response.resume().once('close', resolve);
      });
      asked.once('error', (error: NodeJS.ErrnoException) => {
        failures.push(error.code ?? error.message);
        resolve();
      });
      asked.end();
    });
  const loops = Array.from({ length: clients }, async () => {
    while (!stopped) await ask();
  });
  return {
    answered: () => answers,
    stop: async () => {
      stopped = true;
      await Promise.all(loops);
      return { answers, failures };
    },
  };
}

for (const workers of [1, 2]) {
  // With workers node accepts for them in the process at the head, and a moment of their end shows: the page says so.
  const what = workers === 1 ? 'without a refused connection' : 'whose workers get the socket too';
  test(`a new gateway takes over under load, ${what}`, async (t) => {
    const upstream = await startRecordingUpstream();
    const folder = await temporaryFolder({
      'gateway.yaml': JSON.stringify({
        listen: { port: 1 }, // not taken: the socket is
        admin: { port: 0 },
        workers,
        drain: { delay: '100ms', timeout: '10s' },
        upstreams: { api: { url: upstream.url } },
        routes: [{ id: 'all', match: { path: '/**' }, auth: 'public', upstream: 'api' }],
      }),
    });
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const { fd } = (server as unknown as { _handle: { fd: number } })._handle;
    const [old, next] = [prepare(fd, folder.file('gateway.yaml')), prepare(fd, folder.file('gateway.yaml'))];
    // Both have it by now: what is accepted here would never be answered.
    server.close();
    t.teardown(async () => {
      for (const { child } of [old, next]) child.kill('SIGKILL');
      await upstream.close();
      await folder.remove();
    });

    await old.begin();
    const clients = load(port, 8);
    await enough(clients, 100);
    await next.begin();
    old.child.kill('SIGTERM');
    t.is(await old.ended, 0, old.errors());
    await enough(clients, clients.answered() + 100);
    const { answers, failures } = await clients.stop();
    t.true(answers > 200);
    // A connection that was accepted in the moment of closing gets gateway.draining, which says when to come again.
    const lost = failures.filter((failure) => failure !== '503');
    if (workers === 1) t.deepEqual(lost, []);
    t.true(failures.length < answers / 10, failures.join());
    next.child.kill('SIGTERM');
    t.is(await next.ended, 0, next.errors());
  });
}

/** Resolves once this many have been answered; rejects after 30 s. */
async function enough(clients: { answered(): number }, count: number): Promise<void> {
  for (const end = Date.now() + 30_000; clients.answered() < count; await pause(10)) {
    if (Date.now() > end) throw new Error(`${clients.answered()} of ${count} were answered within 30 s`);
  }
}
