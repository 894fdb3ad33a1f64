import { createHmac, sign } from 'node:crypto';
import test from 'ava';
import { codeOf, requestBytes, startBehind } from '../support/gateway.ts';
import { accessClaims, compactToken, makeKey } from '../support/keys.ts';

// A verifier that goes by the `alg` of the token takes a public key, which everybody has, for an HMAC secret: fast-jwt
// CVE-2023-48223 and CVE-2026-34950, PyJWT CVE-2026-48526, MinIO CVE-2026-33322. Which bytes of the key it would take
// depends on the library: PEM, DER, the JWK, its coordinates. And `none` needs no key at all.

test('the public key of an issuer is no secret, in whatever bytes, and no algorithm but its own is taken', async (t) => {
  const { gateway, upstream } = await startBehind(t);
  const { publicKey, jwk, kid } = gateway.key;
  const claims = JSON.stringify(accessClaims({ iss: gateway.keyServer.issuer, sub: 'root' }));
  const pem = publicKey.export({ format: 'pem', type: 'spki' }).toString();
  const secrets: (string | Buffer)[] = [
    pem,
    pem.trim(),
    pem.replaceAll('\n', '\r\n'),
    pem.replace(/-----[^-]+-----|\n/g, ''),
    publicKey.export({ format: 'der', type: 'spki' }),
    JSON.stringify(jwk),
    JSON.stringify({ kty: jwk.kty, crv: jwk.crv, x: jwk.x, y: jwk.y }),
    Buffer.from(String(jwk.x), 'base64url'),
    String(jwk.x),
    kid,
    '',
  ];
  const send = async (token: string, why: string) => {
    const response = await gateway.ask(requestBytes({ headers: [['Authorization', `Bearer ${token}`]] }));
    t.is(response.status, 401, why);
    return codeOf(response);
  };
  for (const alg of ['HS256', 'HS384', 'HS512']) {
    const hash = alg.replace('HS', 'sha');
    for (const secret of secrets) {
      for (const header of [
        { alg, typ: 'at+jwt', kid },
        { alg, typ: 'at+jwt' },
      ]) {
        const token = compactToken(JSON.stringify(header), claims, (input) =>
          createHmac(hash, secret).update(input).digest(),
        );
        t.is(await send(token, alg), 'token.algorithm');
      }
    }
  }
  for (const alg of ['none', 'None', 'NONE', 'nOnE', '', 'es256', 'RS256', 'ES512', ['ES256'], null]) {
    const header = JSON.stringify({ alg, typ: 'at+jwt', kid });
    for (const signature of [Buffer.alloc(0), Buffer.alloc(64)])
      await send(
        compactToken(header, claims, () => signature),
        `${alg}`,
      );
  }
  // A key of the attacker's own, which the token brings with it.
  const own = makeKey('ES256', kid);
  for (const brought of [{ jwk: own.jwk }, { x5c: ['MIIB'] }, { jku: `${gateway.keyServer.url}/own` }]) {
    const header = JSON.stringify({ alg: 'ES256', typ: 'at+jwt', kid, ...brought });
    const token = compactToken(header, claims, (input) =>
      sign('sha256', input, { key: own.privateKey, dsaEncoding: 'ieee-p1363' }),
    );
    t.is(await send(token, Object.keys(brought).join()), 'token.signature');
  }
  t.is(upstream.connections.length, 0);
  t.is((await gateway.ask(requestBytes({ headers: [gateway.bearer()] }))).status, 200);
});
