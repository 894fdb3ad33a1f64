import test from 'ava';
import { type LimitReport, LimitReports } from '../../src/observe/limit-reports.ts';
import { FakeClock } from '../support/clock.ts';

function start() {
  const clock = new FakeClock();
  const reports: LimitReport[] = [];
  let changes = 0;
  const limits = new LimitReports(
    clock,
    (report) => reports.push(report),
    () => {
      changes += 1;
    },
  );
  return { clock, limits, reports, changes: () => changes };
}

test('a limit is reported at once, then once a minute with how often, and no more once it is over', (t) => {
  const { clock, limits, reports, changes } = start();
  for (let times = 0; times < 5; times += 1) limits.add('a');
  t.deepEqual(reports, [{ limit: 'a', times: 1 }]);
  clock.advance(60_000);
  t.deepEqual(reports.slice(1), [{ limit: 'a', times: 4, seconds: 60 }]);
  limits.add('a');
  clock.advance(60_000);
  t.deepEqual(reports.slice(2), [{ limit: 'a', times: 1, seconds: 60 }]);
  t.deepEqual(limits.reached, ['a']);
  t.is(changes(), 1);
  clock.advance(60_000);
  t.is(reports.length, 3);
  t.deepEqual(limits.reached, []);
  t.is(changes(), 2);
  t.deepEqual(clock.waiting, [], 'nothing is kept of it');
  limits.add('a');
  t.deepEqual(reports[3], { limit: 'a', times: 1 });
});

test('each limit is reported for itself, and every time is counted once', (t) => {
  const { clock, limits, reports } = start();
  let added = 0;
  for (let minute = 0; minute < 10; minute += 1) {
    for (let times = 0; times <= minute; times += 1) {
      limits.add('a');
      limits.add('b');
      added += 2;
    }
    clock.advance(60_000);
  }
  clock.advance(120_000);
  t.is(
    reports.reduce((sum, { times }) => sum + times, 0),
    added,
  );
});
