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
      ['WL-Proxy-*', 'WebLogic plug-ins (address, certificate, https)'],
      ['Proxy-Client-IP', 'WebLogic plug-ins'],
      ['X-Envoy-External-Address', 'Envoy'],
      ['X-Envoy-Internal', 'Envoy'],
      ['X-Original-For', 'ASP.NET Core'],
      ['X-True-Client-IP', 'proxies'],
      ['HTTP-Client-IP', 'older proxies'],
      ['X-HTTP-Client-IP', 'older proxies'],
      ['X-Custom-IP-Authorization', 'applications that let addresses in by it'],
      ['iv-remote-address*', 'IBM Verify Access'],
      ['EO-Connecting-IP', 'Tencent EdgeOne'],
      ['EO-Client-IP', 'Tencent EdgeOne'],
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
      ['SSLClientCert*', 'F5'],
      ['Proxy-Auth-Cert', 'Sun and Oracle web servers'],
      ['Proxy-User-DN', 'Sun and Oracle web servers'],
      ['Proxy-Issuer-DN', 'Sun and Oracle web servers'],
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
      ['X-Amzn-Lambda-Context', 'AWS Lambda Web Adapter'],
      ['X-Amzn-Ava-User-Context', 'AWS Verified Access'],
      ['X-Amzn-Lattice-*', 'Amazon VPC Lattice'],
      ['X-Goog-IAP-*', 'Google Identity-Aware Proxy'],
      ['X-Goog-Authenticated-User-*', 'Google Identity-Aware Proxy'],
      ['X-Apigateway-Api-Userinfo', 'Google API Gateway'],
      ['X-Endpoint-Api-Userinfo', 'Google Cloud Endpoints'],
      ['X-Appengine-*', 'Google App Engine (user, application, cron and task queues)'],
      ['X-CloudTasks-*', 'Google Cloud Tasks'],
      ['X-CloudScheduler*', 'Google Cloud Scheduler'],
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
      ['X-Pomerium-*', 'Pomerium (claims, assertion)'],
      ['X-Vouch-*', 'Vouch Proxy'],
      ['Tailscale-*', 'Tailscale (user, capabilities)'],
      ['X-Vercel-Oidc-Token', 'Vercel'],
      ['X-JWT-Assertion', 'WSO2'],
      ['X-WSO2-*', 'WSO2'],
      ['X-Proxy-User', 'proxies in front of OpenSearch and Search Guard'],
      ['X-Proxy-Roles', 'proxies in front of OpenSearch and Search Guard'],
      ['X-Proxy-Ext-*', 'proxies in front of OpenSearch and Search Guard'],
      ['X-SSO-User', 'proxies in front of Nexus and others'],
      ['X-RStudio-Username', 'proxies in front of RStudio'],
      ['Teleport-Jwt-Assertion', 'Teleport'],
      ['OIDC_*', 'Apache mod_auth_openidc'],
      ['Shib-*', 'Shibboleth'],
      ['CAS-User', 'Apache mod_auth_cas'],
      ['CAS_*', 'Apache mod_auth_cas'],
      ['Mellon-*', 'Apache mod_auth_mellon'],
      ['EPPN', 'Shibboleth'],
      ['Persistent-Id', 'Shibboleth'],
      ['Targeted-Id', 'Shibboleth'],
      ['Auth-User', 'LemonLDAP::NG'],
      ['Auth-Mail', 'LemonLDAP::NG'],
      ['Auth-Groups', 'LemonLDAP::NG'],
      ['SM_*', 'SiteMinder'],
      ['SMUSER', 'SiteMinder'],
      ['OAM_*', 'Oracle Access Manager'],
      ['Osso-*', 'Oracle single sign-on'],
      ['iv-user*', 'IBM Verify Access'],
      ['iv-groups*', 'IBM Verify Access'],
      ['iv-creds*', 'IBM Verify Access'],
      ['$WS*', 'WebSphere plug-ins (user, address, certificate, host)'],
      ['Proxy-Remote-User', 'WebLogic plug-ins'],
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
      ['X-Original-Prefix', 'ASP.NET Core'],
      ['X-Original-Port', 'proxies'],
      ['X-Original-Query', 'proxies'],
      ['X-MS-Original-URL', 'Azure Static Web Apps'],
      ['X-WAWS-Unencoded-URL', 'Azure App Service'],
      ['Disguised-Host', 'Azure App Service'],
      ['X-ARR-SSL', 'IIS, Azure App Service'],
      ['CloudFront-Forwarded-Proto', 'Amazon CloudFront'],
      ['CF-Visitor', 'Cloudflare'],
      ['Fastly-SSL', 'Fastly'],
      ['Fly-Forwarded-*', 'Fly.io'],
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
      ['X-Proxy-URL', 'proxies'],
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

/** Beginnings of names that are written with `_` or `$` by those who set them: their own spelling is not a variant. */
const OWN_SPELLINGS: readonly string[] = WITHHELD.flatMap(({ names }) =>
  names.flatMap(([name]) => (/[_$]/.test(name) ? [name.split('*', 1)[0]?.toLowerCase() ?? ''] : [])),
);

/** Whether a name stands in the list in this spelling. `name` is lower-case. */
export function isListedSpelling(name: string, folded: string): boolean {
  return name === folded || OWN_SPELLINGS.some((own) => name.startsWith(own) && isFoldedOf(own, name, folded));
}

/** What follows the beginning may be written with `_` too, as in `ssl_client_s_dn`. */
function isFoldedOf(own: string, name: string, folded: string): boolean {
  return name.slice(own.length).replaceAll('_', '-') === folded.slice(own.length);
}
