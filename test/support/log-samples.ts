import { Log } from '../../src/observe/log.ts';
import type { LogLine } from './gateway.ts';

/** The methods of the log that write no line. */
type Silent = 'configure' | 'endNow' | 'end' | 'dropped' | 'droppedEvents';

const journey = {
  ...{ id: '01J', trace: { traceId: 't', spanId: 's' }, peer: { address: '192.0.2.1' }, authority: 'api.example.com' },
  ...{ head: { method: 'GET' }, target: { path: '/orders' }, route: { settings: { id: 'orders' } } },
  permit: {
    route: { upstream: { name: 'orders', urls: ['http://a', 'http://b'] } },
    token: { issuer: { name: 'main' }, claims: { sub: 'ada' } },
  },
  ...{ servedBy: 'http://a', upstreamMs: 1 },
};
const ending = { status: 200, durationMs: 1, aborted: false };
const error = new Error('a reason');

/** Has each kind of line written, with every field that it can have. A method without a sample does not compile. */
const SAMPLES: Readonly<Record<Exclude<keyof Log, Silent>, (log: Log) => void>> = {
  requestEnded(log) {
    const of = (more: object, end: object = {}) =>
      log.requestEnded({ ...journey, ...more } as never, { ...ending, ...end });
    of({});
    of({ fault: { code: 'token.missing', detail: 'told', cause: error } });
    of({}, { aborted: true });
    of({ ended: 'token ended' });
    of({}, { broken: error });
  },
  listening: (log) => log.listening({ gateway: 'http://localhost:8080', admin: 'http://127.0.0.1:9090' }, 3),
  keysFetched: (log) => log.keysFetched('main', 2, ['key 1: weak']),
  keysFailed(log) {
    log.keysFailed({ issuer: 'main', error, usable: true, times: 1 });
    log.keysFailed({ issuer: 'main', error, usable: false, times: 15 });
  },
  keysFailedAgain: (log) => log.keysFailedAgain('main', error),
  keysBack: (log) => log.keysBack('main', 3, 12_000),
  snapshotUsed(log) {
    log.snapshotUsed('main', '/var/cache/a.json', undefined);
    log.snapshotUsed('main', '/var/cache/a.json', 'is torn');
  },
  targetLeftOut: (log) => log.targetLeftOut('orders', 'http://a', 'ECONNREFUSED'),
  targetBack: (log) => log.targetBack('orders', 'http://a'),
  reloaded(log) {
    log.reloaded(['route a added'], ['gateway.yaml:1:1: a warning']);
    log.reloaded([], []);
  },
  reloadedWithoutKeys: (log) => log.reloadedWithoutKeys(['main']),
  restartNeeded: (log) => log.restartNeeded(['listen.port 1 → 2']),
  reloadRefused: (log) => log.reloadRefused(['gateway.yaml:1:1: a mistake']),
  workerEnded: (log) => log.workerEnded(1, 'SIGKILL', 1000),
  workerStarted: (log) => log.workerStarted(1, 17),
  workerFailed: (log) => log.workerFailed(1, 'a reason'),
  workerSilent: (log) => log.workerSilent(1),
  workerUnreachable: (log) => log.workerUnreachable(1, error),
  limitReached: (log) => log.limitReached({ limit: 'listen.limits.maxConnections', times: 3, seconds: 60 }),
  linesLost: (log) => log.linesLost({ all: 3, events: 1 }),
  draining: (log) => log.draining('SIGTERM'),
  closed: (log) => log.closed(),
  stopped: (log) => log.stopped(0),
  handshakeFailed: (log) => log.handshakeFailed('192.0.2.1', error),
  flooded: (log) => log.flooded('192.0.2.1'),
  defect: (log) => log.defect(error, 'reload'),
  requestDefect: (log) => log.requestDefect(error, '01J'),
  crashed: (log) => log.crashed(error, () => {}),
};

/** One line of each kind that there is, in the order in which the reference lists them. */
export function sampleLines(): readonly LogLine[] {
  const lines: LogLine[] = [];
  const log = new Log(
    { level: 'debug', access: true },
    { log: { write: (line) => void lines.push(JSON.parse(line)) }, worker: 1 },
  );
  for (const write of Object.values(SAMPLES)) write(log);
  log.endNow(() => {});
  return lines;
}
