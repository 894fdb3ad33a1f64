import test from 'ava';
import { LEAST_RATE, type Sending, StalledClients } from '../../src/server/stalled.ts';
import { FakeClock } from '../support/clock.ts';

const LIMIT = 30_000;
const LEAST = (LIMIT / 1000) * LEAST_RATE;

/** Something that waits for its client, which takes what the test says. */
class Waiting implements Sending {
  waiting = 100_000;
  taken = 0;
  ended = 0;
  readonly connection: Sending | undefined;

  constructor(connection?: Sending) {
    this.connection = connection;
  }

  take(bytes: number): void {
    this.taken += bytes;
  }

  stalled(): void {
    this.ended += 1;
  }
}

function start() {
  const clock = new FakeClock();
  return { clock, clients: new StalledClients(clock, LIMIT) };
}

/** Lets so many quarters of the limit pass, with something done before each. */
function pass(clock: FakeClock, quarters: number, act: () => void = () => {}): void {
  for (let quarter = 0; quarter < quarters; quarter += 1) {
    act();
    clock.advance(LIMIT / 4);
  }
}

test('what its client takes nothing of ends once, after the limit and not before', (t) => {
  const { clock, clients } = start();
  const mute = new Waiting();
  clients.add(mute);
  pass(clock, 4);
  t.is(mute.ended, 0);
  pass(clock, 1);
  t.is(mute.ended, 1);
  pass(clock, 20);
  t.is(mute.ended, 1);
});

test('a byte now and then is nothing; the least rate is enough, however it is spread', (t) => {
  const { clock, clients } = start();
  const [byte, nearly, slow, burst] = [new Waiting(), new Waiting(), new Waiting(), new Waiting()];
  for (const one of [byte, nearly, slow, burst]) clients.add(one);
  let quarter = 0;
  pass(clock, 40, () => {
    quarter += 1;
    byte.take(1);
    nearly.take(LEAST / 4 - 100);
    slow.take(LEAST / 4);
    if (quarter % 4 === 0) burst.take(LEAST);
  });
  t.deepEqual(
    [byte, nearly, slow, burst].map(({ ended }) => ended),
    [1, 1, 0, 0],
  );
});

test('where nothing waits nothing is asked, for however long; time begins when something does', (t) => {
  const { clock, clients } = start();
  const quiet = new Waiting();
  quiet.waiting = 0;
  clients.add(quiet);
  pass(clock, 100);
  t.is(quiet.ended, 0);
  quiet.waiting = 1;
  pass(clock, 4);
  t.is(quiet.ended, 0);
  pass(clock, 1);
  t.is(quiet.ended, 1);
});

test('a stream that gets nothing waits longer where its connection takes enough for all of its streams', (t) => {
  const { clock, clients } = start();
  const lively = new Waiting();
  const [starved, other] = [new Waiting(lively), new Waiting(lively)];
  const idle = new Waiting();
  const mute = new Waiting(idle);
  for (const one of [starved, other, mute]) clients.add(one);
  pass(clock, 5, () => lively.take(LEAST / 2 + 10));
  t.deepEqual([starved.ended, other.ended, mute.ended], [0, 0, 1]);
  // A whole piece of one of them has left: its time begins anew.
  starved.take(64 * 1024);
  pass(clock, 12, () => lively.take(LEAST / 2 + 10));
  t.deepEqual([starved.ended, other.ended], [0, 1]);
  // For all that its connection takes, it does not wait for ever.
  pass(clock, 12, () => lively.take(LEAST * 10));
  t.is(starved.ended, 1);
});

test('a connection that takes enough for one stream keeps no two', (t) => {
  const { clock, clients } = start();
  const connection = new Waiting();
  const streams = [new Waiting(connection), new Waiting(connection)];
  for (const stream of streams) clients.add(stream);
  pass(clock, 6, () => connection.take(LEAST / 4));
  t.true(streams.some(({ ended }) => ended === 1));
});

test('what has left is not looked at, a changed limit holds from the next look on, and nothing is left behind', (t) => {
  const { clock, clients } = start();
  const [gone, mute] = [new Waiting(), new Waiting()];
  clients.add(gone);
  clients.add(mute);
  clients.delete(gone);
  clients.limit = 1_000;
  clock.advance(LIMIT / 4);
  clock.advance(1_100);
  t.deepEqual([gone.ended, mute.ended], [0, 1]);
  clients.stop();
  t.deepEqual(clock.waiting, []);
});
