import test from 'ava';
import type { Config } from '../../../src/config/config.ts';
import { abandonable, goodFor, SharedFetch } from '../../../src/server/workers/shared-fetch.ts';
import type { Answer, Ask } from '../../../src/verify/ask.ts';
import { FakeClock } from '../../support/clock.ts';

const URL_OF_KEYS = 'https://login.example.com/jwks';

/** Somebody who answers this, and counts how often it is asked. */
function startAsking(answer: () => Response | Error) {
  const asked: string[] = [];
  const ask: Ask = async (url) => {
    asked.push(url);
    const given = answer();
    if (given instanceof Error) throw given;
    return given;
  };
  const clock = new FakeClock();
  return { asked, clock, shared: new SharedFetch(ask, clock, () => 5_000) };
}

async function textOf({ body }: Answer): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body ?? []) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

test('those that ask at once, and for a while after, are answered by one asking', async (t) => {
  const { asked, clock, shared } = startAsking(() => new Response('{"keys":"é"}'));
  const [one, other] = await Promise.all([shared.ask(URL_OF_KEYS, {}), shared.ask(URL_OF_KEYS, {})]);
  t.is(await textOf(one), '{"keys":"é"}');
  t.is(await textOf(other), '{"keys":"é"}');
  clock.advance(4_900);
  t.is((await shared.ask(URL_OF_KEYS, {})).status, 200);
  t.is(asked.length, 1);
  await shared.ask(`${URL_OF_KEYS}2`, {});
  t.is(asked.length, 2);
  clock.advance(200);
  await shared.ask(URL_OF_KEYS, {});
  t.is(asked.length, 3);
});

test('a failure stands for a second, and so does an answer that is none', async (t) => {
  let answer: Response | Error = new Error('refused');
  const { asked, clock, shared } = startAsking(() => answer);
  await t.throwsAsync(shared.get(URL_OF_KEYS), { message: 'refused' });
  await t.throwsAsync(shared.get(URL_OF_KEYS), { message: 'refused' });
  clock.advance(1_100);
  answer = new Response('sorry', { status: 503 });
  t.is((await shared.get(URL_OF_KEYS)).status, 503);
  clock.advance(1_100);
  answer = new Response(null, { status: 304 });
  t.is((await shared.ask(URL_OF_KEYS, {})).status, 304);
  t.is(asked.length, 3);
});

test('what is more than a plain GET is not shared', async (t) => {
  const { asked, shared } = startAsking(() => new Response('{"active":true}'));
  for (const token of ['a', 'b']) await shared.ask(URL_OF_KEYS, { method: 'POST', body: token });
  t.is(asked.length, 2);
});

test('far too much is refused', async (t) => {
  const { shared } = startAsking(() => new Response('x'.repeat(2 * 1024 * 1024)));
  await t.throwsAsync(shared.get(URL_OF_KEYS), { message: 'more than 1 MiB' });
});

test('who asks may give up, and what was asked goes on', async (t) => {
  const control = new AbortController();
  let resolve = (_: string) => {};
  const asked = new Promise<string>((done) => {
    resolve = done;
  });
  const impatient = abandonable(asked, control.signal);
  control.abort(new Error('no time'));
  await t.throwsAsync(impatient, { message: 'no time' });
  await t.throwsAsync(abandonable(asked, control.signal), { message: 'no time' });
  resolve('answer');
  t.is(await abandonable(asked, undefined), 'answer');
});

test('documents are as good as new no longer than any issuer allows', (t) => {
  const of = (...keys: readonly object[]) =>
    goodFor({ issuers: keys.map((one) => ({ keys: one })) } as unknown as Config);
  t.is(of(), 30_000);
  t.is(of({ cooldown: 30_000, refresh: 600_000 }, { cooldown: 2_000, refresh: 600_000 }), 2_000);
  t.is(of({ cooldown: 30_000, refresh: 4_000 }), 2_000);
  t.is(of({ cooldown: 3_600_000, refresh: 86_400_000 }), 30_000);
});
