// The peer: what Fastify's own plugins make of the task. Usage: node fastify.mjs UPSTREAM ISSUER PEM_FILE
import { readFileSync } from 'node:fs';
import proxy from '@fastify/http-proxy';
import jwt from '@fastify/jwt';
import fastify from 'fastify';

const [upstream, issuer, pem] = process.argv.slice(2);
const app = fastify({ logger: true }); // pino, two lines a request, as it comes
app.register(jwt, {
  secret: { public: readFileSync(pem, 'utf8') },
  sign: { algorithm: 'RS256' },
  // With its cache, which is off by default.
  verify: { algorithms: ['RS256'], allowedIss: issuer, allowedAud: 'orders-api', cache: 10_000 },
});
app.register(proxy, {
  upstream,
  prefix: '/orders',
  rewritePrefix: '/orders',
  undici: { connections: 128, pipelining: 1 },
  async preHandler(request, reply) {
    await request.jwtVerify();
    if (!request.user.scope.split(' ').includes('orders:read')) reply.code(403).send();
  },
  replyOptions: {
    rewriteRequestHeaders: (request, { authorization: _, ...headers }) => ({
      ...headers,
      'x-user-id': request.user.sub,
      'x-tenant': request.user.tenant,
    }),
  },
});
process.stderr.write(`listens on ${await app.listen({ host: '127.0.0.1', port: 0 })}\n`);
process.on('SIGTERM', () => process.exit());
