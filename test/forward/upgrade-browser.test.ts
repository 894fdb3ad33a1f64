import { askBrowser, browserTest } from '../support/browser.ts';
import { startTestGateway } from '../support/gateway.ts';
import { startEcho } from '../support/websocket.ts';

browserTest('a web page opens a WebSocket with its token as a subprotocol, and talks', async (t) => {
  const echo = await startEcho();
  const gateway = await startTestGateway({
    upstreams: { legacy: echo.url },
    routes: [
      { id: 'all', match: { path: '/**' }, websocket: true, auth: { tokenFrom: [{ websocketProtocol: 'bearer' }] } },
    ],
  });
  t.teardown(async () => {
    await gateway.close();
    await echo.close();
  });
  const seen = await askBrowser(
    `
    const open = (protocols) => new Promise((resolve) => {
      const socket = new WebSocket(input.address, protocols);
      socket.onopen = () => socket.send('hello');
      socket.onmessage = ({ data }) => { resolve([socket.protocol, data]); socket.close(); };
      socket.onclose = ({ code }) => resolve(['closed', code]);
    });
    return [await open(['bearer', input.token]), await open(['bearer', 'wrong']), await open([])];
    `,
    { address: `${gateway.url.replace('http', 'ws')}/chat`, token: gateway.token() },
  );
  t.deepEqual(seen, [
    ['bearer', 'hello'],
    ['closed', 1006],
    ['closed', 1006],
  ]);
  t.is(echo.handshakes.length, 1);
  t.is(echo.handshakes[0]?.headers['sec-websocket-protocol'], undefined);
});
