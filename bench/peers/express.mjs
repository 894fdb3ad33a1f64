// The peer: what Express and the packages most used with it make of the task. Usage: node express.mjs UPSTREAM ISSUER
import { Agent } from 'node:http';
import express from 'express';
import { auth, requiredScopes } from 'express-oauth2-jwt-bearer';
import { createProxyMiddleware } from 'http-proxy-middleware';
import morgan from 'morgan';

const [upstream, issuer] = process.argv.slice(2);
const app = express();
app.use(morgan('combined'));
app.use(
  '/orders',
  auth({ issuer, jwksUri: `${issuer}/jwks`, audience: 'orders-api', tokenSigningAlg: 'RS256' }),
  requiredScopes('orders:read'),
  createProxyMiddleware({
    target: `${upstream}/orders`,
    agent: new Agent({ keepAlive: true, maxSockets: 128 }),
    on: {
      proxyReq(outgoing, request) {
        outgoing.removeHeader('authorization');
        outgoing.setHeader('x-user-id', request.auth.payload.sub);
        outgoing.setHeader('x-tenant', request.auth.payload.tenant);
      },
    },
  }),
);
const server = app.listen(0, '127.0.0.1', () => {
  process.stderr.write(`listens on http://127.0.0.1:${server.address().port}\n`);
});
process.on('SIGTERM', () => process.exit());
