/** Slots: what is sealed, and where in a segment file it lies. Layout in docs/formats/slot.md. */
import { BLOCK_SIZE_BYTES } from '../../base/units.ts';
import { NONCE_SIZE_BYTES, TAG_SIZE_BYTES } from '../../crypto/aead.ts';
import type { Aead } from '../../crypto/aead.ts';
import { SEGMENT_HEADER_REGION_BYTES } from './segment-format.ts';

const META_SIZE_BYTES = 16;
export const SLOT_SIZE_BYTES = BLOCK_SIZE_BYTES + META_SIZE_BYTES + TAG_SIZE_BYTES;

export const SLOT_DATA = 1;
export const SLOT_MAP = 2;
export const SLOT_NOTE = 3;

/** What is sealed beside the 4096 bytes of a slot. */
export interface SlotMeta {
  readonly type: number;
  /** MAP: height of the page above the leaves. */
  readonly level: number;
  /** DATA: block number. MAP: number of the page within its level. NOTE: 0. */
  readonly index: number;
  /** How many slots of this segment were known to be durable when this one was sealed. */
  readonly watermark: number;
}

/** The engine is single-threaded and seals synchronously, so that one scratch buffer of each kind is enough. */
const nonce = new Uint8Array(NONCE_SIZE_BYTES);
const nonceView = new DataView(nonce.buffer);
const meta = new Uint8Array(META_SIZE_BYTES);
const metaView = new DataView(meta.buffer);
const NO_BYTES = new Uint8Array(0);
const HIGH = 2 ** 32;

/** Byte offset of a slot in its segment's file. */
export function slotOffset(slot: number): number {
  return SEGMENT_HEADER_REGION_BYTES + slot * SLOT_SIZE_BYTES;
}

/** How many whole slots a file of this size can hold. */
export function slotsInFile(sizeBytes: number): number {
  return Math.max(0, Math.floor((sizeBytes - SEGMENT_HEADER_REGION_BYTES) / SLOT_SIZE_BYTES));
}

/** The nonce is the address: a slot is sealed once, under a key that was born with the process that seals. */
function setNonce(segment: number, slot: number): void {
  nonceView.setUint32(0, segment % HIGH, true);
  nonceView.setUint32(4, Math.floor(segment / HIGH), true);
  nonceView.setUint32(8, slot, true);
}

/**
 * @param body 4096 bytes.
 * @param sealed 4128 bytes, written completely.
 */
export function sealSlot(
  aead: Aead,
  segment: number,
  slot: number,
  slotMeta: SlotMeta,
  body: Uint8Array,
  sealed: Uint8Array,
): void {
  setNonce(segment, slot);
  metaView.setUint32(0, slotMeta.index % HIGH, true);
  metaView.setUint32(4, Math.floor(slotMeta.index / HIGH), true);
  metaView.setUint32(8, slotMeta.watermark, true);
  metaView.setUint8(12, slotMeta.type);
  metaView.setUint8(13, slotMeta.level);
  metaView.setUint16(14, 0, true);
  aead.seal(nonce, NO_BYTES, body, meta, sealed);
}

/**
 * Opens a slot into `body` (4096 bytes); undefined, with `body` zeroed, when it is not what was sealed at this address.
 */
export function openSlot(
  aead: Aead,
  segment: number,
  slot: number,
  sealed: Uint8Array,
  body: Uint8Array,
): SlotMeta | undefined {
  setNonce(segment, slot);
  if (!aead.open(nonce, NO_BYTES, sealed, body, meta)) return undefined;
  return {
    type: metaView.getUint8(12),
    level: metaView.getUint8(13),
    index: metaView.getUint32(0, true) + metaView.getUint32(4, true) * HIGH,
    watermark: metaView.getUint32(8, true),
  };
}
