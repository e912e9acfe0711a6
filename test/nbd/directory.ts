import type { Export, ExportDirectory, Peer } from '../../src/nbd/export.ts';

/** Exports by name; each with one PSK identity and one Unix socket of its own, like those of a disk server. */
export class TestDirectory implements ExportDirectory {
  readonly entries = new Map<string, { served: Export; identity: string; psk: Uint8Array; socketPath: string }>();
  readonly connections = new Map<string, number>();

  add(name: string, served: Export, access: { identity?: string; psk?: Uint8Array; socketPath?: string } = {}): void {
    const { identity = `id-${name}`, psk = Buffer.alloc(32, name), socketPath = '' } = access;
    this.entries.set(name, { served, identity, psk, socketPath });
  }

  list(peer: Peer): readonly string[] {
    return [...this.entries]
      .filter(([name, { identity, socketPath }]) => {
        if (peer.transport === 'certificate') return peer.grants.includes(`sealdisk:export:${name}`);
        return peer.transport === 'tcp' ? peer.pskIdentity === identity : peer.socketPath === socketPath;
      })
      .map(([name]) => name);
  }

  find(peer: Peer, name: string): Export | undefined {
    const names = this.list(peer);
    const found = name === '' ? names[0] : names.find((candidate) => candidate === name);
    return found === undefined ? undefined : this.entries.get(found)?.served;
  }

  pskOf(identity: string): Uint8Array | undefined {
    return [...this.entries.values()].find((entry) => entry.identity === identity)?.psk;
  }

  connected(name: string): Disposable {
    this.connections.set(name, (this.connections.get(name) ?? 0) + 1);
    return { [Symbol.dispose]: () => void this.connections.set(name, (this.connections.get(name) ?? 0) - 1) };
  }
}
