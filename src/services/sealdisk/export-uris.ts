/**
 * The two URIs of an export, as NBD clients read them. Source: NBD uri.md; decisions.md H. Names need no escaping:
 * they are `[A-Za-z0-9._-]`.
 */

/** TCP with TLS-PSK. @param address `host:port`. */
export function tcpUri(address: string, pskIdentity: string, name: string): string {
  return `nbds://${pskIdentity}@${address}/${name}`;
}

/** The Unix socket, for programs of the same user on the same machine. */
export function unixUri(socketPath: string, name: string): string {
  return `nbd+unix:///${name}?socket=${encodeURIComponent(socketPath).replaceAll('%2F', '/')}`;
}
