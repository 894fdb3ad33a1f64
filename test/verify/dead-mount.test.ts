import promises from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import test from 'ava';
import { ask } from '../../src/verify/ask.ts';
import { KeySet } from '../../src/verify/keys.ts';
import { FakeClock } from '../support/clock.ts';
import { issuerSettings, KeyLog } from '../support/issuers.ts';
import { makeKey, serveJwks } from '../support/keys.ts';

// A network file system whose server is gone answers no call on it, for ever. The keys of an issuer come from the issuer
// all the same.

const open = promises.open;
let asked = 0;
promises.open = ((path, ...rest) => {
  if (!String(path).startsWith('/dead-mount')) return open(path, ...rest);
  asked += 1;
  return new Promise(() => {});
}) as typeof open;
syncBuiltinESMExports();

test('a file system that does not answer holds up no start, and only one thread', async (t) => {
  const server = await serveJwks([makeKey('ES256', 'one')]);
  const clock = new FakeClock();
  const source = { kind: 'url', url: server.jwksUri } as const;
  const sets = [1, 2, 3].map((number) => {
    const settings = issuerSettings(
      { issuer: server.issuer, name: `main${number}` },
      { source, snapshot: '/dead-mount/x' },
    );
    const log = new KeyLog();
    return { log, set: new KeySet(settings, clock, ask, log) };
  });
  t.teardown(async () => {
    for (const { set } of sets) set.close();
    await server.close();
  });
  const started = sets.map(({ set }) => set.start());
  await new Promise((resolve) => setImmediate(resolve));
  clock.advance(5_000);
  await Promise.all(started);
  for (const { set, log } of sets) {
    t.true((await set.find('ES256', 'one', clock.now())).ok);
    t.deepEqual(
      log.snapshots.map(({ error }) => error),
      ['the snapshot cannot be read: its file system does not answer within 5 s'],
    );
  }
  t.is(asked, 1, 'the others wait for their turn');
});
