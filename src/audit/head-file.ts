import { createHmac, timingSafeEqual } from 'node:crypto';
import path from 'node:path';

import type { Point } from './events.ts';
import { HEAD_FILE } from './file-names.ts';
import type { LogFile, LogFiles } from './log-files.ts';

/** Up to where the log is durable for certain. */
export interface Head extends Point {
  /** The log was closed here, so nothing stands behind it. */
  readonly closed: boolean;
}

/** What the file holds. */
export interface StoredHead extends Head {
  /** Counts the heads of a log. */
  readonly turn: number;
}

export interface HeadKey {
  readonly logId: string;
  readonly macKey: Uint8Array;
}

const SLOT_BYTES = 512;
const SLOTS = 2;
const SLOT =
  /^(\{"log":"[^"]+","turn":(\d{1,15}),"seq":(\d{1,15}),"hash":"([A-Za-z0-9_-]{43})","file":(\d{1,12}),"offset":(\d{1,15}),"closed":(true|false)),"mac":"([A-Za-z0-9_-]{43})"\} *\n$/;

/**
 * `DIR/audit/head`: two slots of 512 bytes, written in turns after each sync of the log, so that a torn write leaves the
 * one before. Not synced by itself: it survives the end of the process, and after a power failure it may be older than
 * the log but never ahead of it. Format: docs/formats/audit-log.md.
 */
export class HeadFile {
  readonly #file: LogFile;
  readonly #key: HeadKey;
  #turn: number;

  private constructor(file: LogFile, key: HeadKey, turn: number) {
    this.#file = file;
    this.#key = key;
    this.#turn = turn;
  }

  /** Makes the file when it is missing. @param turn of the head that was read last. */
  static open(files: LogFiles, directory: string, key: HeadKey, turn: number): HeadFile {
    const name = path.join(directory, HEAD_FILE);
    const existing = files.open(name);
    if (existing !== undefined) return new HeadFile(existing, key, turn);
    const file = files.create(name);
    try {
      file.write(Buffer.alloc(SLOT_BYTES * SLOTS, ' '), 0);
      file.syncNow();
      files.syncDirectory(directory);
    } catch (error) {
      file.close();
      throw error;
    }
    return new HeadFile(file, key, turn);
  }

  write(head: Head): void {
    this.#turn += 1;
    const stored = { ...head, turn: this.#turn };
    this.#file.write(encodeHead(this.#key, stored), (this.#turn % SLOTS) * SLOT_BYTES);
  }

  syncNow(): void {
    this.#file.syncNow();
  }

  close(): void {
    this.#file.close();
  }
}

/** Both slots, each if it is authentic; undefined when there is no file. */
export function readHeadSlots(
  files: LogFiles,
  directory: string,
  key: HeadKey,
): readonly (StoredHead | undefined)[] | undefined {
  const bytes = files.read(path.join(directory, HEAD_FILE), 0, SLOT_BYTES * SLOTS);
  if (bytes === undefined) return undefined;
  return Array.from({ length: SLOTS }, (_, slot) =>
    decodeHead(key, bytes.subarray(slot * SLOT_BYTES, (slot + 1) * SLOT_BYTES)),
  );
}

/** The newer of them. */
export function newestHead(slots: readonly (StoredHead | undefined)[]): StoredHead | undefined {
  return slots.filter((head) => head !== undefined).sort((a, b) => b.turn - a.turn)[0];
}

export function encodeHead({ logId, macKey }: HeadKey, head: StoredHead): Uint8Array {
  const { turn, seq, hash, file, offset, closed } = head;
  const body = JSON.stringify({ log: logId, turn, seq, hash, file, offset, closed }).slice(0, -1);
  return Buffer.from(`${body},"mac":"${macOf(macKey, body)}"}`.padEnd(SLOT_BYTES - 1).concat('\n'), 'latin1');
}

function decodeHead({ logId, macKey }: HeadKey, slot: Uint8Array): StoredHead | undefined {
  const match = slot.length === SLOT_BYTES ? SLOT.exec(Buffer.from(slot).toString('latin1')) : null;
  if (match === null) return undefined;
  const [, body = '', turn, seq, hash = '', file, offset, closed, mac = ''] = match;
  const expected = macOf(macKey, body);
  if (!timingSafeEqual(Buffer.from(expected, 'latin1'), Buffer.from(mac, 'latin1'))) return undefined;
  if (!body.startsWith(`{"log":"${logId}",`)) return undefined;
  return {
    turn: Number(turn),
    seq: Number(seq),
    hash,
    file: Number(file),
    offset: Number(offset),
    closed: closed === 'true',
  };
}

/** Records are authenticated by a MAC over 32 bytes, heads by one over more: neither passes for the other. */
function macOf(macKey: Uint8Array, body: string): string {
  return createHmac('sha256', macKey).update(body, 'latin1').digest('base64url');
}
