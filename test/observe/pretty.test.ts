import test from 'ava';
import { Log } from '../../src/observe/log.ts';
import { PrettyLines } from '../../src/observe/pretty.ts';

/** What a terminal is sent for these lines. */
function shown(lines: readonly object[], color = false): string {
  const parts: string[] = [];
  const pretty = new PrettyLines({ write: (part) => void parts.push(part) }, { color });
  for (const line of lines) pretty.write(`${JSON.stringify(line)}\n`);
  return parts.join('');
}

/** On a wall clock that is the same in every time zone. */
const TIME = new Date(2026, 10, 25, 9, 5, 7, 42).toISOString();

const served = {
  ...{ level: 'info', time: TIME, id: '01J', trace: 'a', span: 'b', client: '127.0.0.1', method: 'GET', host: 'a' },
  ...{ path: '/api/data', status: 200, durationMs: 3.217, route: 'data', upstream: 'legacy', upstreamMs: 2.1 },
  ...{ issuer: 'main', sub: 'ada', msg: 'served' },
};

test('a request is one line in columns, a long reason a second one', (t) => {
  const detail = 'It expired 2 h 14 min ago, at 2026-11-22T10:00:00Z, and that is long.';
  const refused = { ...served, status: 401, durationMs: 0.04, code: 'token.expired', detail, msg: 'refused' };
  const waiting = { ...served, method: 'DELETE', status: undefined, durationMs: 12_000, msg: 'aborted' };
  t.deepEqual(shown([served, refused, waiting]).split('\n'), [
    '09:05:07.042  info   served    200  GET     /api/data                        3.2 ms  data → legacy  ada',
    '09:05:07.042  info   refused   401  GET     /api/data                        0.0 ms  token.expired  data → legacy  ada',
    `                     detail: ${detail}`,
    '09:05:07.042  info   aborted        DELETE  /api/data                     12000.0 ms  data → legacy  ada',
    '',
  ]);
});

test('other lines name their fields, lists and stacks have a line for each part', (t) => {
  const lines = [
    { level: 'info', time: TIME, gateway: 'http://localhost:8080', routes: 2, msg: 'listening' },
    { level: 'error', time: TIME, problems: ['a:1:1: error: x', 'a:2:1: error: y'], msg: 'configuration refused' },
    { level: 'info', time: TIME, changes: [], msg: 'nothing has changed' },
    { level: 'fatal', time: TIME, error: 'Error: no\n    at here', msg: 'a defect' },
  ];
  t.deepEqual(shown(lines).split('\n'), [
    '09:05:07.042  info   listening  gateway: http://localhost:8080  routes: 2',
    '09:05:07.042  error  configuration refused',
    '                     problems: a:1:1: error: x',
    '                       a:2:1: error: y',
    '09:05:07.042  info   nothing has changed',
    '09:05:07.042  fatal  a defect',
    '                     error: Error: no',
    '                           at here',
    '',
  ]);
});

test('colours change nothing else', (t) => {
  const lines = [served, { level: 'warn', time: TIME, issuer: 'main', error: 'x'.repeat(100), msg: 'no keys' }];
  const colored = shown(lines, true);
  t.true(colored.includes('\x1b[32m200\x1b[0m'));
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  t.is(colored.replace(/\x1b\[\d+m/g, ''), shown(lines));
});

test('nothing in a value reaches the terminal as a command, wherever it stands', (t) => {
  const evil = '\x1b[2J\x1b]0;owned\x07\r\u009b31m\u202ereversed\u2066\u2028\u200b\x7f\ud800';
  const fields = ['level', 'time', 'msg', 'method', 'path', 'status', 'route', 'upstream', 'target', 'sub', 'code'];
  for (const name of [...fields, 'ended', 'detail', 'cause', 'error', 'problems', evil])
    for (const value of [evil, [evil], { [evil]: evil }, `a\n${evil}`])
      for (const line of [
        { ...served, [name]: value },
        { level: 'warn', time: TIME, msg: 'other', [name]: value },
      ])
        t.notRegex(shown([line]), /[^\n\P{C}]|\p{Zl}|\p{Zp}/u, name);
  t.true(shown([{ ...served, path: '/\x1b[2J' }]).includes('/\\u{1b}[2J'));
  t.true(shown([{ ...served, path: '/a\n09:05:07.042  fatal  forged' }]).includes('/a\\u{a}09'));
});

test('a very long value is cut', (t) => {
  t.true(shown([{ ...served, path: `/${'x'.repeat(100_000)}` }]).length < 1500);
});

test('where lines are not for a terminal they are JSON', (t) => {
  const lines: string[] = [];
  const log = new Log({ level: 'info', access: true }, { log: { write: (line) => void lines.push(line) } });
  log.draining('SIGTERM');
  t.regex(lines.join(''), /^\{"level":"info","time":"[^"]+","signal":"SIGTERM","msg":"draining"\}\n$/);
});
