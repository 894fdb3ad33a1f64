import { foldName } from './fold.ts';

/** What a header of this kind claims. */
export type Claim = 'address' | 'certificate' | 'identity' | 'target';

/** Headers that claim one thing: names, in which one `*` stands for anything, each with who sets it. */
export interface WithheldGroup {
  readonly claim: Claim;
  readonly title: string;
  readonly names: readonly (readonly [name: string, setBy: string])[];
}

/**
 * Headers in which proxies, gateways and platforms tell the server behind them what they know of a request. From a client
 * they are its own claims, and a trusted proxy may pass them on unread: no upstream gets them, unless its route keeps
 * them. docs/headers.md comes from this list.
 */
export const WITHHELD: readonly WithheldGroup[] = [
  {
    claim: 'address',
    title: 'The address of the client',
    names: [
      ['X-Real-IP', 'nginx, Traefik, Caddy'],
      ['X-Real-Port', 'nginx'],
      ['X-Client-IP', 'Apache mod_remoteip, Squid, Azure'],
      ['X-Client-Port', 'Azure Front Door'],
      ['Client-IP', 'older proxies; PHP applications read it'],
      ['X-Cluster-Client-IP', 'Rackspace, Zeus, Riverbed'],
      ['X-Original-Forwarded-For', 'ingress-nginx, API gateways of clouds'],
      ['X-Forwarded', 'older proxies'],
      ['X-Forward-For', 'older proxies'],
      ['Forwarded-For', 'older proxies'],
      ['X-Remote-IP', 'proxies'],
      ['X-Remote-Addr', 'proxies'],
      ['X-Remote-Address', 'proxies'],
      ['Remote-Addr', 'CGI: the variable itself'],
      ['X-Originating-IP', 'Exchange, F5'],
      ['X-Source-IP', 'load balancers'],
      ['X-ProxyUser-Ip', 'Google services'],
      ['True-Client-IP', 'Akamai, Cloudflare'],
      ['CF-Connecting-IP', 'Cloudflare'],
      ['CF-Connecting-IPv6', 'Cloudflare'],
      ['CF-Pseudo-IPv4', 'Cloudflare'],
      ['Fastly-Client-IP', 'Fastly'],
      ['X-Azure-ClientIP', 'Azure Front Door'],
      ['X-Azure-SocketIP', 'Azure Front Door'],
      ['X-Appengine-User-IP', 'Google App Engine'],
      ['X-Appengine-Remote-Addr', 'Google App Engine'],
      ['CloudFront-Viewer-Address', 'Amazon CloudFront'],
      ['Fly-Client-IP', 'Fly.io'],
      ['DO-Connecting-IP', 'DigitalOcean'],
      ['X-NF-Client-Connection-IP', 'Netlify'],
      ['X-Vercel-Forwarded-For', 'Vercel'],
      ['X-Vercel-Proxied-For', 'Vercel'],
      ['Incap-Client-IP', 'Imperva'],
      ['X-Sucuri-ClientIP', 'Sucuri'],
      ['Ali-CDN-Real-IP', 'Alibaba Cloud'],
      ['Cdn-Src-Ip', 'Alibaba Cloud, Wangsu'],
      ['WL-Proxy-Client-IP', 'WebLogic plug-ins'],
      ['Proxy-Client-IP', 'WebLogic plug-ins'],
      ['X-Envoy-External-Address', 'Envoy'],
      ['X-Envoy-Internal', 'Envoy'],
    ],
  },
  {
    claim: 'certificate',
    title: 'The certificate of the client',
    names: [
      ['Client-Cert', 'RFC 9440'],
      ['Client-Cert-Chain', 'RFC 9440'],
      ['X-Client-Cert*', 'Google Cloud load balancers, HAProxy'],
      ['X-Client-DN', 'nginx, HAProxy'],
      ['X-Client-Verify', 'nginx, HAProxy'],
      ['X-SSL-*', 'HAProxy, nginx'],
      ['X-TLS-Client-*', 'HAProxy'],
      ['SSL-Client-*', 'ingress-nginx'],
      ['SSL_CLIENT_*', 'Apache mod_ssl'],
      ['X-ARR-ClientCert', 'IIS, Azure App Service'],
      ['X-Amzn-Mtls-*', 'AWS load balancers'],
      ['CF-Client-Cert-*', 'Cloudflare'],
      ['MS-ASPNETCORE-ClientCert', 'IIS, ASP.NET Core'],
      ['WL-Proxy-Client-Cert', 'WebLogic plug-ins'],
    ],
  },
  {
    claim: 'identity',
    title: 'Who the client is',
    names: [
      ['Remote-User', 'Authelia, Apache'],
      ['Remote-Group', 'Authelia'],
      ['Remote-Groups', 'Authelia'],
      ['Remote-Name', 'Authelia'],
      ['Remote-Email', 'Authelia'],
      ['X-Remote-*', 'proxies in front of Kubernetes (user, groups, extras) and many others'],
      [
        'X-Forwarded-*',
        'oauth2-proxy (user, email, groups, access token), Envoy and Traefik (certificates) and others',
      ],
      ['X-Auth-Request-*', 'oauth2-proxy'],
      ['X-Auth-User', 'Keycloak Gatekeeper and others'],
      ['X-Auth-UserId', 'Keycloak Gatekeeper'],
      ['X-Auth-Username', 'Keycloak Gatekeeper'],
      ['X-Auth-Subject', 'Keycloak Gatekeeper'],
      ['X-Auth-Email', 'Keycloak Gatekeeper'],
      ['X-Auth-Groups', 'Keycloak Gatekeeper'],
      ['X-Auth-Roles', 'Keycloak Gatekeeper'],
      ['X-Authenticated-*', 'Kong (user id, groups) and others'],
      ['X-WebAuth-*', 'proxies in front of Grafana'],
      ['X-Amzn-Oidc-*', 'AWS load balancers'],
      ['X-Amzn-Request-Context', 'AWS Lambda Web Adapter'],
      ['X-Goog-IAP-*', 'Google Identity-Aware Proxy'],
      ['X-Goog-Authenticated-User-*', 'Google Identity-Aware Proxy'],
      ['X-Apigateway-Api-Userinfo', 'Google API Gateway'],
      ['X-Endpoint-Api-Userinfo', 'Google Cloud Endpoints'],
      ['X-Appengine-User-*', 'Google App Engine'],
      ['X-MS-Client-Principal*', 'Azure App Service'],
      ['X-MS-Token-*', 'Azure App Service'],
      ['MS-ASPNETCORE-WinAuthToken', 'IIS, ASP.NET Core'],
      ['X-IIS-WindowsAuthToken', 'IIS'],
      ['CF-Access-Authenticated-User-*', 'Cloudflare Access'],
      ['CF-Access-Jwt-Assertion', 'Cloudflare Access'],
      ['X-Consumer-*', 'Kong'],
      ['X-Credential-Identifier', 'Kong'],
      ['X-Credential-Username', 'Kong'],
      ['X-Anonymous-Consumer', 'Kong'],
      ['X-Userinfo', 'Kong, APISIX'],
      ['X-ID-Token', 'APISIX'],
      ['X-Authentik-*', 'authentik'],
      ['X-Pomerium-Claim-*', 'Pomerium'],
      ['X-Pomerium-Jwt-Assertion', 'Pomerium'],
      ['X-Vouch-*', 'Vouch Proxy'],
      ['Tailscale-User-*', 'Tailscale'],
      ['Teleport-Jwt-Assertion', 'Teleport'],
      ['OIDC_*', 'Apache mod_auth_openidc'],
      ['Shib-*', 'Shibboleth'],
      ['CAS-User', 'Apache mod_auth_cas'],
      ['Auth-User', 'LemonLDAP::NG'],
      ['Auth-Mail', 'LemonLDAP::NG'],
      ['SM_USER*', 'SiteMinder'],
      ['SMUSER', 'SiteMinder'],
      ['OAM_*', 'Oracle Access Manager'],
      ['Osso-*', 'Oracle single sign-on'],
      ['iv-user*', 'IBM Verify Access'],
      ['iv-groups', 'IBM Verify Access'],
      ['iv-creds', 'IBM Verify Access'],
      ['X-Envoy-Peer-Metadata*', 'Istio'],
    ],
  },
  {
    claim: 'target',
    title: 'Another path, host, scheme or method than those of the request',
    names: [
      ['X-Original-URL', 'IIS; Symfony, Zend and others obeyed it (CVE-2018-14773)'],
      ['X-Original-URI', 'ingress-nginx'],
      ['X-Original-Path', 'proxies'],
      ['X-Original-Method', 'ingress-nginx'],
      ['X-Original-Host', 'Azure Application Gateway'],
      ['X-Original-Proto', 'ASP.NET Core'],
      ['X-Original-Scheme', 'ingress-nginx'],
      ['X-Forwarded-Method', 'Traefik and others, for forward authentication'],
      ['X-Forwarded-URI', 'Traefik, Caddy and others, for forward authentication'],
      ['X-Forwarded-Server', 'Apache mod_proxy, Traefik'],
      ['X-Rewrite-URL', 'IIS; see X-Original-URL'],
      ['X-Request-URI', 'proxies'],
      ['Request-URI', 'CGI: the variable itself'],
      ['X-Script-Name', 'proxies in front of WSGI'],
      ['Script-Name', 'CGI: the variable itself'],
      ['X-HTTP-DestinationURL', 'proxies'],
      ['X-Envoy-Original-Path', 'Envoy'],
      ['X-Envoy-Original-Host', 'Envoy'],
      ['X-Host', 'proxies'],
      ['*-Host-Override', 'X-HTTP-Host-Override, X-Host-Override and the like'],
      ['*-URL-Override', 'X-HTTP-URL-Override and the like'],
      ['*-URI-Override', 'X-HTTP-URI-Override and the like'],
      ['*-Path-Override', 'X-HTTP-Path-Override and the like'],
      ['X-Scheme', 'nginx'],
      ['X-URL-Scheme', 'proxies'],
      ['Front-End-Https', 'Microsoft proxies'],
      ['X-Accel-Mapping', 'nginx, for Rack::Sendfile (CVE-2025-61780)'],
      ['X-Sendfile-Type', 'web servers, for Rack::Sendfile (CVE-2025-61780)'],
      ['X-Middleware-Subrequest', 'Next.js itself (CVE-2025-29927)'],
    ],
  },
];

interface Pattern {
  /** Folded. */
  readonly before: string;
  /** Undefined where the name is exact. */
  readonly after: string | undefined;
  readonly claim: Claim;
}

const PATTERNS: readonly Pattern[] = WITHHELD.flatMap(({ claim, names }) =>
  names.map(([name]) => {
    const [before = '', after] = name.split('*');
    return { before: foldName(before), after: after === undefined ? undefined : foldName(after), claim };
  }),
);
const EXACT = new Map(PATTERNS.flatMap(({ before, after, claim }) => (after === undefined ? [[before, claim]] : [])));
const FAMILIES = PATTERNS.filter(({ after }) => after !== undefined);

/** What a header claims that is dropped unless a route keeps it; undefined for any other. `folded` as foldName gives it. */
export function claimOf(folded: string): Claim | undefined {
  const exact = EXACT.get(folded);
  if (exact !== undefined) return exact;
  return FAMILIES.find(({ before, after = '' }) => folded.startsWith(before) && folded.endsWith(after))?.claim;
}

/** Beginnings of names that are written with `_` by those who set them: it is their own spelling, and no variant. */
const UNDERSCORED: readonly string[] = WITHHELD.flatMap(({ names }) =>
  names.flatMap(([name]) => (name.includes('_') ? [name.split('*', 1)[0]?.toLowerCase() ?? ''] : [])),
);

/** Whether a name stands in the list in this spelling. `name` is lower-case. */
export function isListedSpelling(name: string, folded: string): boolean {
  return name === folded || (UNDERSCORED.some((own) => name.startsWith(own)) && name.replaceAll('_', '-') === folded);
}
