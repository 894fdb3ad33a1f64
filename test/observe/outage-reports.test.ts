import test from 'ava';
import { type KeyFailure, OutageReports } from '../../src/observe/outage-reports.ts';

function reports() {
  const lines: unknown[] = [];
  let now = 1_000_000;
  const outages = new OutageReports(
    {
      keysFailed: ({ issuer, usable, times }: KeyFailure) => lines.push([issuer, usable, times]),
      keysFailedAgain() {},
      keysBack: (issuer, failures, outage) => lines.push([issuer, 'back', failures, outage]),
    },
    () => now,
  );
  return { outages, lines, pass: (ms: number) => (now += ms) };
}

const error = new Error('refused');

test('an outage is reported at once, then once a minute with a count, and its end with how long it was', (t) => {
  const { outages, lines, pass } = reports();
  outages.failed('main', error, true);
  for (let attempt = 0; attempt < 30; attempt += 1) {
    pass(4_000);
    outages.failed('main', error, true);
  }
  outages.fetched('main');
  t.deepEqual(lines, [
    ['main', true, 1],
    ['main', true, 15],
    ['main', true, 15],
    ['main', 'back', 31, 120_000],
  ]);
});

test('keys that run out during an outage are reported at once', (t) => {
  const { outages, lines, pass } = reports();
  outages.failed('main', error, true);
  pass(1_000);
  outages.failed('main', error, true);
  pass(1_000);
  outages.failed('main', error, false);
  t.deepEqual(lines, [
    ['main', true, 1],
    ['main', false, 2],
  ]);
});

test('issuers do not share an outage, and a fetch without one before is not reported', (t) => {
  const { outages, lines } = reports();
  outages.fetched('main');
  outages.failed('main', error, true);
  outages.failed('other', error, false);
  outages.fetched('main');
  outages.failed('main', error, true);
  t.deepEqual(lines, [
    ['main', true, 1],
    ['other', false, 1],
    ['main', 'back', 1, 0],
    ['main', true, 1],
  ]);
});

test('a clock that is set back does not silence an outage', (t) => {
  const { outages, lines, pass } = reports();
  outages.failed('main', error, true);
  pass(-3_600_000);
  outages.failed('main', error, true);
  t.is(lines.length, 2);
});
