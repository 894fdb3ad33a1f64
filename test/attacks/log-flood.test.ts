import test from 'ava';
import { startCommand } from '../support/command.ts';
import { temporaryFolder } from '../support/files.ts';
import { until } from '../support/until.ts';
import { startRecordingUpstream } from '../support/upstream.ts';

// While stdout is not read (a log agent that hangs, `docker logs` on a full disk), a client floods the gateway: access lines
// fill the buffer, and the line of a reload that opened a route is dropped with them. What changed leaves no trace.

const LONG_PATH = `/${'x'.repeat(12 * 1024)}`;

const config = (upstream: string, routes: string) => `
listen: { host: 127.0.0.1, port: 0 }
admin: { port: 0 }
drain: { delay: 0s }
issuers: { main: { issuer: "http://127.0.0.1:1", audience: api } }
upstreams: { api: { url: "${upstream}" } }
routes:
  - { id: all, match: { path: "/**" }, auth: { issuers: [main] }, upstream: api }
${routes}`;

const OPENED = '  - { id: opened, match: { path: /opened }, auth: public, upstream: api }\n';

for (const workers of [1, 2]) {
  test.serial(`a flood of requests does not cost the line of a reload, with ${workers} process(es)`, async (t) => {
    t.timeout(120_000);
    const upstream = await startRecordingUpstream();
    const text = (routes: string) => `${config(upstream.url, routes)}workers: ${workers}\n`;
    const folder = await temporaryFolder({ 'gateway.yaml': text('') });
    const gateway = await startCommand(['start', '--config', folder.file('gateway.yaml')]);
    t.teardown(async () => {
      await gateway.stop('SIGKILL');
      await folder.remove();
      await upstream.close();
    });
    const ask = async (path: string) => {
      const answer = await fetch(gateway.url + path, { headers: { connection: 'close' } });
      await answer.arrayBuffer();
      return answer.status;
    };
    const dropped = async (name: string) => {
      const page = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
      return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(page)?.[1]);
    };

    gateway.stallReading();
    let asked = 0;
    const flood = async (enough: () => Promise<boolean>) => {
      while (!(await enough())) {
        if (asked > 8000) throw new Error('the flood did not fill the buffer');
        await Promise.all(Array.from({ length: 50 }, () => ask(LONG_PATH)));
        asked += 50;
      }
    };
    // Far beyond the first line that is dropped, so that the buffer of every worker is full.
    await flood(async () => (await dropped('bearergate_log_lines_dropped_total')) >= workers * 300);
    await folder.write('gateway.yaml', text(OPENED));
    await until(async () => (await ask('/opened')) === 200, 'the route is open', 20_000);
    for (let more = 0; more < 500; more += 50) await Promise.all(Array.from({ length: 50 }, () => ask(LONG_PATH)));

    t.true((await dropped('bearergate_log_lines_dropped_total')) > workers * 300, 'control: lines are being dropped');
    t.is(await dropped('bearergate_log_events_dropped_total'), 0);
    t.true(upstream.requests.length > 0, 'what the reload opened is forwarded');
    t.true(
      upstream.requests.every(({ target }) => target === '/opened'),
      'the flood is not',
    );
    gateway.resumeReading();
    const line = await gateway.waitForLine(({ msg }) => msg === 'configuration reloaded');
    t.true(JSON.stringify(line.changes).includes('opened'), JSON.stringify(line));
    await until(
      () => reloads(gateway.lines()) === (workers === 1 ? 1 : workers + 1),
      'every process logged it',
      20_000,
    );
  });
}

const reloads = (lines: readonly Record<string, unknown>[]) =>
  lines.filter(({ msg }) => msg === 'configuration reloaded').length;
