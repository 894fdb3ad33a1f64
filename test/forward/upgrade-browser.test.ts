import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { ExecutionContext } from 'ava';
import { temporaryFolder } from '../support/files.ts';
import { startTestGateway } from '../support/gateway.ts';
import { closeNow, listenOnLoopback } from '../support/listen.ts';
import { needs } from '../support/needs.ts';
import { startEcho } from '../support/websocket.ts';

const testWithChromium = needs('chromium', () => spawnSync('chromium', ['--version']).status === 0);

/** Runs a script in a page of a headless Chromium; `tell` in it hands one value to the test. */
async function inBrowser(t: ExecutionContext, script: string): Promise<unknown> {
  let resolve = (_value: unknown) => {};
  const told = new Promise<unknown>((settle) => {
    resolve = settle;
  });
  const server = createServer(async (request, response) => {
    if (request.method === 'POST') {
      let text = '';
      for await (const piece of request) text += piece;
      resolve(JSON.parse(text));
    }
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.end(
      `<script>const tell = (value) => fetch('/', { method: 'POST', body: JSON.stringify(value) });\n${script}</script>`,
    );
  });
  const { url } = await listenOnLoopback(server);
  const folder = await temporaryFolder({});
  const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'];
  const browser = spawn('chromium', [...flags, `--user-data-dir=${folder.file('profile')}`, url], { stdio: 'ignore' });
  const ended = once(browser, 'exit');
  t.teardown(async () => {
    browser.kill();
    await ended;
    await closeNow(server);
    await folder.remove();
  });
  return Promise.race([told, ended.then(() => 'the browser ended by itself')]);
}

testWithChromium('a web page opens a WebSocket with its token as a subprotocol, and talks', async (t) => {
  t.timeout(60_000);
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
  const address = JSON.stringify(`${gateway.url.replace('http', 'ws')}/chat`);
  const seen = await inBrowser(
    t,
    `
    const open = (protocols) => new Promise((resolve) => {
      const socket = new WebSocket(${address}, protocols);
      socket.onopen = () => socket.send('grüezi');
      socket.onmessage = ({ data }) => { resolve([socket.protocol, data]); socket.close(); };
      socket.onclose = ({ code }) => resolve(['closed', code]);
    });
    (async () => tell([await open(['bearer', ${JSON.stringify(gateway.token())}]), await open(['bearer', 'wrong']), await open([])]))();
    `,
  );
  t.deepEqual(seen, [
    ['bearer', 'grüezi'],
    ['closed', 1006],
    ['closed', 1006],
  ]);
  t.is(echo.handshakes.length, 1);
  t.is(echo.handshakes[0]?.headers['sec-websocket-protocol'], undefined);
});
