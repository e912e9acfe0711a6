import { timingSafeEqual } from 'node:crypto';

import { wipeableCopy } from '../base/wipeable-bytes.ts';
import type { Export, ExportDirectory, Peer } from '../nbd/export.ts';

/** One open disk or snapshot and the credential that reaches it. */
export interface ExportEntry {
  readonly name: string;
  /** The open disk; undefined for a snapshot, which the certificate of its disk does not reach. */
  readonly diskId: string | undefined;
  readonly socketPath: string;
  readonly pskIdentity: string;
  /** 32 bytes, a copy of this table's own, wiped on removal. */
  readonly psk: Uint8Array;
  /** What a new connection is given. */
  readonly serve: () => Export;
}

/**
 * Which peer may see which export: a TLS identity sees its own, a Unix socket sees the one it belongs to, a certificate
 * those that it names, and no more.
 */
export class ExportTable implements ExportDirectory {
  readonly #byName = new Map<string, ExportEntry>();
  readonly #suspended = new Set<string>();

  add(entry: ExportEntry): void {
    this.#byName.set(entry.name, { ...entry, psk: wipeableCopy(entry.psk) });
  }

  /** Hides the export from new connections while it is being closed. */
  suspend(name: string): void {
    this.#suspended.add(name);
  }

  /** Shows it again: it could not be closed. */
  resume(name: string): void {
    this.#suspended.delete(name);
  }

  /** Forgets the export and its secret. */
  remove(name: string): void {
    this.#suspended.delete(name);
    this.#byName.get(name)?.psk.fill(0);
    this.#byName.delete(name);
  }

  list(peer: Peer): readonly string[] {
    return this.#visibleTo(peer).map(({ name }) => name);
  }

  find(peer: Peer, name: string): Export | undefined {
    const visible = this.#visibleTo(peer);
    if (name === '') return visible.length === 1 ? visible[0]?.serve() : undefined;
    return visible.find((entry) => entry.name === name)?.serve();
  }

  pskOf(identity: string): Uint8Array | undefined {
    return this.#byIdentity(identity)?.psk;
  }

  #visibleTo(peer: Peer): readonly ExportEntry[] {
    return this.#entriesOf(peer).filter(({ name }) => !this.#suspended.has(name));
  }

  #entriesOf(peer: Peer): readonly ExportEntry[] {
    if (peer.transport === 'tcp') return [this.#byIdentity(peer.pskIdentity)].filter((entry) => entry !== undefined);
    const entries = [...this.#byName.values()];
    if (peer.transport === 'unix') return entries.filter(({ socketPath }) => socketPath === peer.socketPath);
    return entries.filter(
      ({ name, diskId }) =>
        peer.grants.includes(`sealdisk:export:${name}`) ||
        (diskId !== undefined && peer.grants.includes(`sealdisk:disk:${diskId}`)),
    );
  }

  #byIdentity(identity: string): ExportEntry | undefined {
    const wanted = Buffer.from(identity);
    for (const entry of this.#byName.values()) {
      const candidate = Buffer.from(entry.pskIdentity);
      if (candidate.length === wanted.length && timingSafeEqual(candidate, wanted)) return entry;
    }
    return undefined;
  }
}
