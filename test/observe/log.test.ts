import test from 'ava';
import { Log } from '../../src/observe/log.ts';
import { requestBytes, startBehind } from '../support/gateway.ts';

const SECRETS = { Cookie: 'session=cookie-secret', 'X-Api-Key': 'header-secret' };

test('a request has one line, with what an operator needs and nothing that is secret', async (t) => {
  const { gateway } = await startBehind(t);
  const token = gateway.token({ sub: 'ada' });
  const headers = [['Authorization', `Bearer ${token}`], ...Object.entries(SECRETS)] as [string, string][];
  await gateway.ask(requestBytes({ target: '/orders/7?access_token=query-secret', headers }));
  const line = await gateway.waitForLine(({ msg }) => msg === 'served');
  const { id, time, durationMs, upstreamMs, host, trace, span, ...rest } = line;
  t.regex(String(id), /^[0-9A-HJKMNP-TV-Z]{26}$/);
  t.regex(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  t.true(Number(durationMs) >= Number(upstreamMs) && Number(upstreamMs) > 0);
  t.is(typeof host, 'string');
  t.regex(`${trace} ${span}`, /^[0-9a-f]{32} [0-9a-f]{16}$/);
  t.deepEqual(rest, {
    level: 'info',
    client: '127.0.0.1',
    method: 'GET',
    path: '/orders/7',
    status: 200,
    route: 'all',
    upstream: 'legacy',
    issuer: 'main',
    sub: 'ada',
    msg: 'served',
  });
  const all = JSON.stringify(gateway.lines);
  for (const secret of [token, token.split('.')[2] as string, 'cookie-secret', 'header-secret', 'query-secret']) {
    t.false(all.includes(secret));
  }
  t.is(gateway.lines.filter((other) => other.id === id).length, 1);
});

test('a line is as loud as the one who has to act: the client, what stands behind, the gateway', async (t) => {
  const { gateway } = await startBehind(t, {
    upstreams: { gone: { url: 'http://127.0.0.1:1' } },
    routes: [
      { id: 'all', match: { path: '/**' } },
      { id: 'gone', match: { path: '/gone' }, upstream: 'gone', auth: 'public' },
    ],
  });
  await gateway.ask(requestBytes({}));
  await gateway.ask(requestBytes({ target: '/gone' }));
  t.like(await gateway.waitForLine(({ code }) => code === 'token.missing'), {
    level: 'info',
    status: 401,
    msg: 'refused',
  });
  const gone = await gateway.waitForLine(({ code }) => code === 'forward.unreachable');
  t.like(gone, { level: 'warn', status: 502, upstream: 'gone' });
  t.regex(String(gone.cause), /ECONNREFUSED/, 'the cause is for the log alone');
});

test('without the access log there are only the lines that somebody has to act on', async (t) => {
  const { gateway } = await startBehind(t, {
    log: { level: 'info', access: false },
    upstreams: { gone: { url: 'http://127.0.0.1:1' } },
    routes: [
      { id: 'all', match: { path: '/**' } },
      { id: 'gone', match: { path: '/gone' }, upstream: 'gone', auth: 'public' },
    ],
  });
  await gateway.ask(requestBytes({}));
  await gateway.ask(requestBytes({ target: '/gone' }));
  await gateway.waitForLine(({ code }) => code === 'forward.unreachable');
  t.deepEqual(
    gateway.lines.map(({ msg }) => msg),
    ['listening', 'refused'],
  );
});

test('a request whose line cannot be made is a defect with its id, and the lines beside it are written', (t) => {
  const lines: Record<string, unknown>[] = [];
  const log = new Log({ level: 'info', access: true }, { log: { write: (line) => void lines.push(JSON.parse(line)) } });
  const ending = { status: 200, durationMs: 1, aborted: false };
  const journey = (id: string) => ({
    ...{ id, trace: { traceId: 't', spanId: 's' }, authority: '' },
    get peer() {
      if (id === 'bad') throw new Error('provoked by a test');
      return { address: '127.0.0.1' };
    },
  });
  for (const id of ['one', 'bad', 'two']) log.requestEnded(journey(id) as never, ending);
  log.draining('SIGTERM');
  t.deepEqual(
    lines.map(({ id, where, msg }) => [id ?? where, msg]),
    [
      ['one', 'served'],
      ['bad', 'a defect of the gateway'],
      ['two', 'served'],
      [undefined, 'draining'],
    ],
  );
});
