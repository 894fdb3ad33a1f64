/** The first file descriptor that a service manager passes on (sd_listen_fds(3)). */
const FIRST = 3;

/**
 * The descriptor of the socket that a service manager listens on for the gateway; undefined where there is none, and text
 * where it is not one socket. The variables name the process that they are meant for: another one that has inherited them
 * has not got what they speak of. Workers get it through the process at their head.
 */
export function inheritedSocket(
  { LISTEN_PID, LISTEN_FDS }: Readonly<Record<string, string | undefined>>,
  pid: number | undefined,
): number | string | undefined {
  if (LISTEN_FDS === undefined || LISTEN_PID !== String(pid)) return undefined;
  if (LISTEN_FDS === '1') return FIRST;
  return `LISTEN_FDS is ${LISTEN_FDS}, and the gateway takes one socket, in place of listen.host and listen.port`;
}
