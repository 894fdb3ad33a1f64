import { createServer } from 'node:http';
import test from 'ava';
import { codeOf, requestBytes, startBehind } from '../support/gateway.ts';
import { closeNow, listenOnLoopback } from '../support/listen.ts';

// About an opaque token the provider has to be asked, and anybody can invent as many as they like: each one is another
// question, no cache helps. A gateway that asks them all at once opens a connection for each, until it has no more
// descriptors or the provider is down, and with it everybody's login.

const INVENTED = 300;
const MOST = 64;

test('a flood of invented tokens reaches the provider in single file, and good ones are answered', async (t) => {
  const open = { now: 0, most: 0 };
  const asking = { now: 0, most: 0 };
  let questions = 0;
  let full = () => {};
  const isFull = new Promise<void>((resolve) => {
    full = resolve;
  });
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const up = (count: { now: number; most: number }) => {
    count.now += 1;
    count.most = Math.max(count.most, count.now);
  };
  const provider = createServer(async (request, response) => {
    questions += 1;
    up(asking);
    if (asking.now === MOST) full();
    const form = new URLSearchParams(Buffer.concat(await request.toArray()).toString());
    await released;
    asking.now -= 1;
    response.setHeader('content-type', 'application/json');
    const active = form.get('token')?.startsWith('good') ?? false;
    response.end(JSON.stringify(active ? { active, aud: 'orders-api' } : { active }));
  });
  provider.on('connection', (socket) => {
    up(open);
    socket.on('close', () => {
      open.now -= 1;
    });
  });
  const { url } = await listenOnLoopback(provider);
  t.teardown(() => closeNow(provider));
  const { gateway } = await startBehind(t, {
    issuers: {
      opaque: {
        ...{ issuer: 'https://login.example.com', audience: 'orders-api' },
        introspection: { url, clientId: 'gateway', clientSecret: '${' + 'SECRET}', timeout: '20s' },
      },
    },
    variables: { SECRET: 'never-mind-which-one' },
    routes: [{ id: 'all', match: { path: '/**' }, auth: { issuers: ['opaque'] } }],
  });
  const ask = (token: string) => requestBytes({ target: '/orders', headers: [['Authorization', `Bearer ${token}`]] });
  // Each on a connection of its own: of one connection a request begins when the one before it is answered.
  const answered = Array.from({ length: INVENTED }, (_, index) =>
    gateway.ask(ask(`invented-${index}`), { timeoutMs: 20_000 }),
  );
  await isFull;
  const good = gateway.ask(ask('good-1'), { timeoutMs: 20_000 });
  release();

  const refused = await Promise.all(answered);
  t.deepEqual([...new Set(refused.map(({ status }) => status))], [401]);
  t.deepEqual([...new Set(refused.map(codeOf))], ['token.inactive']);
  t.is((await good).status, 200, 'a good one in the middle of it waits for its turn');
  t.is((await gateway.ask(ask('good-2'))).status, 200);
  t.is(questions, INVENTED + 2, 'each was asked about');
  t.log(`connections: ${open.most}, questions: ${asking.most}`);
  t.is(asking.most, MOST, 'questions at a time');
  // An answer is read a moment before its connection is free again: the next question may open another one meanwhile.
  t.true(open.most <= 2 * MOST, `${open.most} connections at a time`);
});
