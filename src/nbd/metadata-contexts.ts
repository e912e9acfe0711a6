import { SystemError } from '../base/errors.ts';
import type { Export } from './export.ts';
import * as nbd from './protocol.ts';
import type { StatusExtent } from './reply-wire.ts';

/** Contexts that one connection may select; each can cost 64 KiB for every block status. */
export const CONTEXTS_SELECTED_MAX = 16;
/** Extents told of one context at once: a chunk stays below 64 KiB, and the client asks on from where it ends. */
export const EXTENTS_MAX = 4000;
export const STATUS_CHUNK_BYTES_MAX = 32 + 8 + 16 * EXTENTS_MAX;

/** A kind of knowledge about ranges of an export. Source: NBD proto.md, "Metadata querying"; QEMU docs/interop/nbd.txt. */
export interface MetadataContext {
  /** Chosen by the server; means nothing to a client. */
  readonly id: number;
  readonly name: string;
  readonly status: (offset: number, length: number) => Promise<readonly StatusExtent[]>;
}

/** The names that `served` offers and a query of LIST_META_CONTEXT matches: exact ones, and namespaces such as `qemu:`. */
export function listed(served: Export, queries: readonly string[]): string[] {
  const names = contextNames(served);
  if (queries.length === 0) return names;
  return names.filter((name) =>
    queries.some((query) => query === name || (WILDCARDS.includes(query) && name.startsWith(query))),
  );
}

/** The contexts that SET_META_CONTEXT selects: exact names only, each once. */
export function selected(served: Export, queries: readonly string[]): MetadataContext[] {
  const names = contextNames(served).filter((name) => queries.includes(name));
  return names.map((name, i) => ({ id: i + 1, name, status: statusOf(served, name) }));
}

/**
 * `extents` with equal neighbours made one, cut to `lengthBytes` and to `countMax`; at least one.
 * Lengths stay below 2^32 when they have to fit a compact reply, because the request's own length does.
 */
export function joined(extents: readonly StatusExtent[], lengthBytes: number, countMax: number): StatusExtent[] {
  const out: { lengthBytes: number; flags: number }[] = [];
  let left = lengthBytes;
  for (const { lengthBytes: full, flags } of extents) {
    const length = Math.min(full, left);
    if (length === 0) continue;
    const last = out.at(-1);
    if (last?.flags === flags) last.lengthBytes += length;
    else if (out.length === countMax) break;
    else out.push({ lengthBytes: length, flags });
    left -= length;
  }
  // Never made up: for a bitmap, no flags mean that nothing changed.
  if (out.length === 0) throw new SystemError('internal', 'NO_STATUS', 'bug: the export told nothing of the range');
  return out;
}

const WILDCARDS: readonly string[] = ['base:', 'qemu:', nbd.QEMU_DIRTY_BITMAP];

function contextNames({ bitmaps }: Export): string[] {
  const names = bitmaps?.list() ?? [];
  return [nbd.BASE_ALLOCATION, ...names.map((name) => nbd.QEMU_DIRTY_BITMAP + name)];
}

function statusOf(served: Export, context: string): MetadataContext['status'] {
  if (context === nbd.BASE_ALLOCATION) {
    return async (offset, length) =>
      (await served.blockStatus(offset, length)).map(({ lengthBytes, hole, zero }) => ({
        lengthBytes,
        flags: (hole ? nbd.NBD_STATE_HOLE : 0) | (zero ? nbd.NBD_STATE_ZERO : 0),
      }));
  }
  const name = context.slice(nbd.QEMU_DIRTY_BITMAP.length);
  return async (offset, length) =>
    ((await served.bitmaps?.status(name, offset, length)) ?? []).map(({ lengthBytes, dirty }) => ({
      lengthBytes,
      flags: dirty ? nbd.NBD_STATE_DIRTY : 0,
    }));
}
