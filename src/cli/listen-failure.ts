/**
 * What keeps a server from listening, in one line; undefined for an error of another kind. `setting` says where the port is set.
 */
export function listenFailure(error: ListenError, setting = 'listen.port or admin.port'): string | undefined {
  // Of a worker's port it is the head that binds.
  if (!['listen', 'bind', 'getaddrinfo'].includes(error.syscall ?? '')) return undefined;
  const where = error.port === undefined ? String(error.hostname) : `${error.address}:${error.port}`;
  switch (error.code) {
    case 'EADDRINUSE':
      return `cannot listen on ${where}: the port is in use. Set another one in ${setting}, or stop what uses it.`;
    case 'EACCES':
      return `cannot listen on ${where}: not permitted. Ports below 1024 need privileges.`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `cannot listen on ${where}: this machine does not have that address.`;
    default:
      return `cannot listen on ${where}: ${error.code}.`;
  }
}

/** What node tells of a failed listen: an address and port, or the name that could not be looked up. */
export type ListenError = NodeJS.ErrnoException & { address?: string; port?: number; hostname?: string };
