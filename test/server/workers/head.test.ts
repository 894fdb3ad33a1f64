import test from 'ava';
import type { MetricFigures } from '../../../src/observe/figures.ts';
import { Head } from '../../../src/server/workers/head.ts';
import type { FromWorker, ToWorker } from '../../../src/server/workers/messages.ts';
import { FakeClock } from '../../support/clock.ts';

/** A worker's end, whose messages leave when they are told to. */
function startHead() {
  const clock = new FakeClock();
  const messages: FromWorker[] = [];
  const leaving: (() => void)[] = [];
  let hear: (message: ToWorker) => void = () => {};
  const head = new Head(
    {
      send: (message, sent) => {
        messages.push(message);
        if (sent) leaving.push(sent);
      },
      onMessage: (listener) => {
        hear = listener;
      },
    },
    clock,
  );
  const gateway = {
    countedUntil: 0,
    broken: false,
    defects: [] as string[],
    figures: async (): Promise<MetricFigures[]> => {
      if (gateway.broken) throw new Error('no figures');
      return [];
    },
    renewKeys: () => {},
    defect: (error: unknown, where: string) => void gateway.defects.push(`${where}: ${(error as Error).message}`),
  };
  head.listening('http://127.0.0.1:1', gateway);
  const reports = () => messages.filter(({ kind }) => kind === 'figures').length;
  /** Lets a while pass, and what comes of it. */
  const pass = async (ms = 10_000) => {
    clock.advance(ms);
    await new Promise(setImmediate);
  };
  const leave = async () => {
    for (const sent of leaving.splice(0)) sent();
    await new Promise(setImmediate);
  };
  return { head, gateway, messages, reports, pass, leave, hear: (message: ToWorker) => hear(message) };
}

test('a worker that has counted something reports it by itself, one that has not is silent', async (t) => {
  const { gateway, reports, pass, leave } = startHead();
  await pass();
  t.is(reports(), 0);
  gateway.countedUntil += 1;
  await pass();
  t.is(reports(), 1);
  await leave();
  await pass();
  t.is(reports(), 1);
  gateway.countedUntil += 1;
  await pass();
  t.is(reports(), 2);
});

test('reports do not pile up for a head that takes nothing', async (t) => {
  const { gateway, reports, pass, leave } = startHead();
  for (let times = 0; times < 20; times += 1) {
    gateway.countedUntil += 1;
    await pass();
  }
  t.is(reports(), 1);
  await leave();
  gateway.countedUntil += 1;
  await pass();
  t.is(reports(), 2);
});

test('figures that cannot be had are a defect, and later ones are reported', async (t) => {
  const { gateway, reports, pass, leave, hear } = startHead();
  gateway.broken = true;
  gateway.countedUntil += 1;
  await pass();
  hear({ kind: 'figures', id: 7 });
  await new Promise(setImmediate);
  t.deepEqual(gateway.defects, ['figures: no figures', 'figures: no figures']);
  gateway.broken = false;
  gateway.countedUntil += 1;
  await pass();
  await leave();
  t.is(reports(), 1);
});

test('before an end at once the last figures are sent, without a wait', async (t) => {
  const { head, gateway, reports } = startHead();
  await head.lastReport();
  t.is(reports(), 1);
  gateway.broken = true;
  await t.notThrowsAsync(head.lastReport());
});
