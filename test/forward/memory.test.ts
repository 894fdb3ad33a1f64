import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import type { ExecutionContext } from 'ava';
import { SMALL_CONFIG, startCommand } from '../support/command.ts';
import { temporaryFolder } from '../support/files.ts';
import { closeNow, listenOnLoopback } from '../support/listen.ts';
import { needs } from '../support/needs.ts';

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;
/** What node's heap and the buffers of a few connections may take; a gateway that keeps bodies would take eight times that. */
const ALLOWED = 128 * MIB;
const PIECE = Buffer.alloc(MIB, 'constant memory ');

const needsProc = needs('/proc', () => existsSync('/proc/self/status'));

/** As many bytes, made as they are asked for. */
function bytes(count: number): Readable {
  return Readable.from(
    (function* () {
      for (let left = count; left > 0; left -= PIECE.length) yield PIECE;
    })(),
    { objectMode: false, highWaterMark: MIB },
  );
}

async function countOf(stream: AsyncIterable<Buffer>): Promise<number> {
  let count = 0;
  for await (const chunk of stream) count += chunk.length;
  return count;
}

/** A gateway in a process of its own, before a server that takes and gives any amount. */
async function startMeasured(t: ExecutionContext) {
  const server = createServer(async (request, response) => {
    if (request.method === 'PUT') response.end(String(await countOf(request)));
    else bytes(GIB).pipe(response);
  });
  const { url } = await listenOnLoopback(server);
  const folder = await temporaryFolder({ 'gateway.yaml': SMALL_CONFIG.replace('http://127.0.0.1:1', url) });
  const command = await startCommand(['start', '--config', folder.file('gateway.yaml')]);
  t.teardown(async () => {
    await command.stop('SIGKILL');
    await closeNow(server);
    await folder.remove();
  });
  const memory = (field: 'VmRSS' | 'VmHWM') => {
    const [, kilobytes] = new RegExp(`${field}:\\s+(\\d+) kB`).exec(
      readFileSync(`/proc/${command.pid}/status`, 'utf8'),
    ) as RegExpExecArray;
    return Number(kilobytes) * 1024;
  };
  const ask = async (method = 'GET', body?: Readable) => {
    const request = httpRequest(`${command.url}/`, { method, agent: false });
    request.on('error', () => {});
    const answered = once(request, 'response') as Promise<[IncomingMessage]>;
    if (body) body.pipe(request);
    else request.end();
    const [response] = await answered;
    return { request, response };
  };
  return { ask, now: () => memory('VmRSS'), peak: () => memory('VmHWM') };
}

needsProc('1 GiB goes up and 1 GiB comes down in constant memory', async (t) => {
  t.timeout(180_000);
  const { ask, now, peak } = await startMeasured(t);
  const before = now();
  const { response: up } = await ask('PUT', bytes(GIB));
  t.is(Number((await up.toArray()).join('')), GIB);
  const { response: down } = await ask();
  t.is(await countOf(down), GIB);
  t.true(peak() - before < ALLOWED, `${Math.round((peak() - before) / MIB)} MiB`);
});

needsProc('clients that do not read what they asked for do not fill the memory', async (t) => {
  t.timeout(180_000);
  const { ask, now, peak } = await startMeasured(t);
  const before = now();
  const slow = await Promise.all(Array.from({ length: 8 }, () => ask()));
  // As much as each of them could have got, another client gets meanwhile.
  t.is(await countOf((await ask()).response), GIB);
  t.true(peak() - before < ALLOWED, `${Math.round((peak() - before) / MIB)} MiB`);
  for (const { request } of slow) request.destroy();
});
