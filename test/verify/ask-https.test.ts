import { createServer } from 'node:https';
import type { ExecutionContext } from 'ava';
import { makeAuthority, needsOpenssl } from '../support/certificates.ts';
import { SMALL_CONFIG, startCommand } from '../support/command.ts';
import { temporaryFolder } from '../support/files.ts';
import { makeKey } from '../support/keys.ts';
import { closeNow, listenOnLoopback } from '../support/listen.ts';

/** Starts a gateway whose issuer has its keys behind HTTPS, and tells why they could not be fetched; undefined if they were. */
async function troubleOf(t: ExecutionContext, names: readonly string[], isKnown: boolean): Promise<string | undefined> {
  const authority = makeAuthority();
  const server = createServer(authority.issue({ names }), (_, response) => {
    response.end(JSON.stringify({ keys: [makeKey('ES256').jwk] }));
  });
  t.teardown(() => closeNow(server));
  const { port } = await listenOnLoopback(server);
  const folder = await temporaryFolder({
    'ca.pem': authority.cert,
    'gateway.yaml': `${SMALL_CONFIG}log: { level: debug }
issuers:
  main: { issuer: "https://127.0.0.1:${port}", audience: orders-api, keys: { url: "https://127.0.0.1:${port}/jwks" } }
`,
  });
  t.teardown(folder.remove);
  const gateway = await startCommand(['start', '--config', folder.file('gateway.yaml')], {
    env: isKnown ? { NODE_EXTRA_CA_CERTS: folder.file('ca.pem') } : {},
  });
  t.teardown(() => gateway.stop('SIGKILL'));
  const line = await gateway.waitForLine(
    ({ issuer, keys, error }) => issuer !== undefined && (keys ?? error) !== undefined,
  );
  t.is((await fetch(`${gateway.adminUrl}/readyz`)).ok, line.error === undefined);
  return line.error as string | undefined;
}

needsOpenssl('keys behind HTTPS are fetched from whom node trusts', async (t) => {
  t.is(await troubleOf(t, ['IP:127.0.0.1'], true), undefined);
});

needsOpenssl('nobody else is asked for keys, and the log says why', async (t) => {
  const unknown = await troubleOf(t, ['IP:127.0.0.1'], false);
  t.regex(unknown ?? '', /could not be fetched: (?:UNABLE_TO_VERIFY_LEAF_SIGNATURE|SELF_SIGNED_CERT_IN_CHAIN)$/);
  const other = await troubleOf(t, ['DNS:login.example.com'], true);
  t.regex(other ?? '', /could not be fetched: ERR_TLS_CERT_ALTNAME_INVALID$/);
});
