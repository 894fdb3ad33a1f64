import { setImmediate } from 'node:timers/promises';
import util from 'node:util';
import test from 'ava';
import { httpProxy } from '../../src/forward/http-proxy.ts';

// From Node 22 on `util._extend` warns where it is called first, which http-proxy does for every upgrade.
test('http-proxy works without a warning, and everybody else’s warnings stay', async (t) => {
  const shared = util as unknown as { _extend: (target: object, source: object) => object };
  const before = shared._extend;
  const warnings: Error[] = [];
  const listen = (warning: Error) => warnings.push(warning);
  process.on('warning', listen);
  t.teardown(() => process.off('warning', listen));

  const proxy = httpProxy();
  t.is(httpProxy(), proxy, 'it is read once');
  let refused = false;
  const socket = { destroy: () => (refused = true) };
  const request = { method: 'POST', headers: {} } as never;
  proxy.createProxyServer({}).ws(request, socket, Buffer.alloc(0), { target: { host: 'a', port: 1 } });
  await setImmediate();
  t.true(refused);
  t.deepEqual(warnings, []);

  t.is(shared._extend, before, 'util is as it was');
  shared._extend({}, {});
  process.emitWarning('of somebody else');
  await setImmediate();
  t.true(warnings.some(({ message }) => message === 'of somebody else'));
});
