/**
 * The text of an HAProxy configuration: one thread, the token checked as the gateway does it (alg, signature, iss, aud,
 * exp, scope), two headers from claims, the token taken out, an access log on stdout. HAProxy remembers no token: it
 * verifies each. Without `key` it checks nothing and forwards.
 */
export function haproxyConfig({ port, upstream, issuer, alg, key }) {
  const checks = `
  http-request set-var(txn.bearer) http_auth_bearer
  http-request deny deny_status 401 unless { var(txn.bearer) -m found }
  http-request set-var(txn.alg) var(txn.bearer),jwt_header_query('$.alg')
  http-request set-var(txn.iss) var(txn.bearer),jwt_payload_query('$.iss')
  http-request set-var(txn.aud) var(txn.bearer),jwt_payload_query('$.aud')
  http-request set-var(txn.exp) var(txn.bearer),jwt_payload_query('$.exp','int')
  http-request set-var(txn.scope) var(txn.bearer),jwt_payload_query('$.scope')
  http-request set-var(txn.now) date()
  http-request deny deny_status 401 unless { var(txn.alg) -m str ${alg} }
  http-request deny deny_status 401 unless { var(txn.iss) -m str ${issuer} }
  http-request deny deny_status 401 unless { var(txn.aud) -m str orders-api }
  http-request deny deny_status 401 unless { var(txn.bearer),jwt_verify(txn.alg,"${key}") 1 }
  http-request deny deny_status 401 if { var(txn.exp),sub(txn.now) -m int lt 0 }
  http-request deny deny_status 403 unless { var(txn.scope) -m reg (^|\\ )orders:read(\\ |$) }
  http-request set-header X-User-Id %[var(txn.bearer),jwt_payload_query('$.sub')]
  http-request set-header X-Tenant %[var(txn.bearer),jwt_payload_query('$.tenant')]
  http-request del-header Authorization
`;
  return `
global
  nbthread 1
  maxconn 4000
  log stdout format raw local0 info
defaults
  mode http
  log global
  option httplog
  option forwardfor
  timeout client 60s
  timeout server 60s
  timeout connect 5s
  timeout http-keep-alive 60s
  http-reuse always
frontend in
  bind 127.0.0.1:${port}${key ? checks : ''}
  default_backend out
backend out
  server one ${upstream.replace('http://', '')} maxconn 512
`;
}
