// The peer: http-proxy as its README has it, with kept connections. It checks nothing. Usage: node http-proxy.mjs UPSTREAM
import { Agent, createServer } from 'node:http';
import httpProxy from 'http-proxy';

const proxy = httpProxy.createProxyServer({
  target: process.argv[2],
  agent: new Agent({ keepAlive: true, maxSockets: 128 }),
});
proxy.on('error', (_, __, response) => response.destroy());
const server = createServer((request, response) => proxy.web(request, response));
server.listen(0, '127.0.0.1', () => process.stderr.write(`listens on http://127.0.0.1:${server.address().port}\n`));
process.on('SIGTERM', () => process.exit());
