import test from 'ava';
import { requestBytes, startBehind, type TestGateway } from '../support/gateway.ts';
import { rawResponse } from '../support/upstream.ts';

/** A sample of bearergate_upstream_duration_seconds; undefined where it has none. */
async function sampleOf(
  gateway: TestGateway,
  suffix: string,
  labels = 'upstream="legacy"',
): Promise<number | undefined> {
  const page = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
  const line = page
    .split('\n')
    .find((text) => text.startsWith(`bearergate_upstream_duration_seconds_${suffix}{${labels}} `));
  return line === undefined ? undefined : Number(line.split(' ')[1]);
}

test('the time of an upstream is counted once for each request that was sent to it, answered or not', async (t) => {
  let attempts = 0;
  const { gateway } = await startBehind(t, {}, ({ target }, socket) => {
    if (target === '/dies') return void socket.destroy();
    if (target === '/once' && attempts++ === 0) return void socket.destroy();
    return rawResponse(200, 'ok');
  });
  const ask = (target: string, method = 'GET') =>
    gateway.ask(requestBytes({ method, target, headers: [gateway.bearer()] }));
  t.is(await sampleOf(gateway, 'count'), undefined);
  t.is((await gateway.ask(requestBytes({ target: '/' }))).status, 401);
  t.is(await sampleOf(gateway, 'count'), undefined, 'what is refused is not sent');
  const cases = [
    ['/', 'GET', 200],
    ['/once', 'GET', 200],
    ['/dies', 'POST', 502],
  ] as const;
  for (const [index, [target, method, status]] of cases.entries()) {
    t.is((await ask(target, method)).status, status);
    await gateway.waitForLine(({ path }) => path === target);
    t.is(await sampleOf(gateway, 'count'), index + 1, target);
  }
});

test('the time ends with the headers of the answer, not with its body', async (t) => {
  let finish = () => {};
  const { gateway } = await startBehind(t, {}, (_request, socket) => {
    finish = () => void socket.write('ok');
    return 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nok';
  });
  const [name, value] = gateway.bearer();
  const response = await fetch(`${gateway.url}/slow`, { headers: { [name]: value } });
  // The head is there; what the body takes from here on is not the upstream's time.
  await new Promise((resolve) => setTimeout(resolve, 200));
  finish();
  t.is(await response.text(), 'okok');
  const { durationMs, upstreamMs } = await gateway.waitForLine(({ path }) => path === '/slow');
  t.true(Number(durationMs) - Number(upstreamMs) >= 190, `${durationMs} ${upstreamMs}`);
  t.is(Math.round(((await sampleOf(gateway, 'sum')) ?? 0) * 1000), Math.round(Number(upstreamMs)));
});
