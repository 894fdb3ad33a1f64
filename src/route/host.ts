/**
 * The name that routes are matched by: lower-case, without port and without one trailing dot (heimdall CVE-2026-42273:
 * a host compared by its case). The authority must have passed isAuthority.
 */
export function hostName(authority: string): string {
  const colon = authority.lastIndexOf(':');
  const portless = colon > authority.lastIndexOf(']') && colon !== -1 ? authority.slice(0, colon) : authority;
  const name = portless.endsWith('.') ? portless.slice(0, -1) : portless;
  return name.toLowerCase();
}
