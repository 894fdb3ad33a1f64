import { ServerResponse } from 'node:http';
import test from 'ava';
import { requestBytes, startBehind } from '../support/gateway.ts';
import { rawResponse } from '../support/upstream.ts';

// Errors that no code expects, made by breaking node's own response for requests to /boom. Other requests of the same turn
// share a batch with them.

const end = ServerResponse.prototype.end;
ServerResponse.prototype.end = function (this: ServerResponse, ...args: unknown[]) {
  if (this.req.url === '/boom') throw new Error('provoked by a test');
  return Reflect.apply(end, this, args);
} as typeof end;

const BOOM = requestBytes({ target: '/boom' });
const FINE = requestBytes({ target: '/fine' });

test.serial(
  'a refusal that cannot be sent costs its own connection and nothing else, and is logged as a defect',
  async (t) => {
    const { gateway } = await startBehind(t);
    const [boom, ...others] = await Promise.all([BOOM, FINE, FINE, FINE].map((bytes) => gateway.send(bytes)));
    t.deepEqual(boom?.responses.map(({ complete }) => complete).filter(Boolean), []);
    for (const other of others) t.is(other.responses[0]?.status, 401);
    const line = await gateway.waitForLine(({ msg }) => msg === 'a defect of the gateway');
    t.like(line, { level: 'error', error: 'provoked by a test' });
    const own = await gateway.waitForLine(({ path }) => path === '/boom');
    t.is(line.where, own.id, 'it names its request');
    t.like(own, { level: 'error', code: 'gateway.internal', msg: 'refused' }, 'and the client is not blamed');
    t.true((line.at as string[]).some((frame) => frame.includes('defects.test')));
    t.is((await gateway.ask(FINE)).status, 401, 'it still serves');
  },
);

test.serial('the same of an answer that is passed on', async (t) => {
  const { gateway } = await startBehind(t, {}, () => rawResponse(200, 'ok'));
  const headers = [gateway.bearer()];
  const bytes = ['/boom', '/fine', '/fine', '/fine'].map((target) => requestBytes({ target, headers }));
  const [boom, ...others] = await Promise.all(bytes.map((one) => gateway.send(one)));
  t.deepEqual(boom?.responses.map(({ complete }) => complete).filter(Boolean), []);
  for (const other of others) t.is(other.responses[0]?.body, 'ok');
  const line = await gateway.waitForLine(({ msg }) => msg === 'a defect of the gateway');
  t.is(line.error, 'provoked by a test');
  t.is((await gateway.ask(bytes[1] as string)).status, 200, 'it still serves');
});
