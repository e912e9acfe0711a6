// One record as a line: JSON, chained to the record before it, authenticated. PURE. Format: docs/formats/audit-log.md.
import { createHmac, hash, timingSafeEqual } from 'node:crypto';

/** What the next record is chained to. */
export interface Link {
  readonly seq: number;
  /** SHA-256 of the record's body, base64url without padding. */
  readonly hash: string;
}

/** Before the first record: 32 zero bytes. */
export const GENESIS: Link = { seq: 0, hash: 'A'.repeat(43) };

/** `,"mac":"` ‖ 43 characters ‖ `"}` */
const MAC_OPEN = ',"mac":"';
const MAC_CLOSE = '"}';
const MAC_CHARACTERS = 43;
const SUFFIX_BYTES = MAC_OPEN.length + MAC_CHARACTERS + MAC_CLOSE.length;
/** Longer lines are nothing that Sealdisk wrote: call-fields.ts bounds what a client may put into a record. */
export const LINE_BYTES_MAX = 128 * 1024;

const HEAD = /^\{"seq":([1-9]\d{0,15}),"prev":"([A-Za-z0-9_-]{43})",/;
/** The longest text that HEAD matches. */
const HEAD_BYTES_MAX = 80;

/** What a record says, without its place in the chain: `"time":…,"kind":…,…` */
export type Content = string;

/** @param fields the first two must be `time` and `kind`, so that people find them at the start of every line. */
export function contentOf(fields: { readonly time: string; readonly kind: string }): Content {
  return JSON.stringify(fields).slice(1, -1);
}

/** The lines of the records that follow `previous`, each with its line break. */
export function encodeLines(
  macKey: Uint8Array,
  previous: Link,
  contents: readonly Content[],
): { readonly bytes: Uint8Array; readonly link: Link } {
  let { seq, hash: prev } = previous;
  let text = '';
  for (const content of contents) {
    seq += 1;
    const body = `{"seq":${seq},"prev":"${prev}",${content}`;
    const digest = hash('sha256', body, 'buffer');
    const mac = createHmac('sha256', macKey).update(digest).digest('base64url');
    text += `${body}${MAC_OPEN}${mac}${MAC_CLOSE}\n`;
    prev = digest.toString('base64url');
  }
  return { bytes: Buffer.from(text, 'utf8'), link: { seq, hash: prev } };
}

export interface DecodedLine {
  readonly seq: number;
  /** Hash of the record before it, as this one claims. */
  readonly prev: string;
  readonly hash: string;
  readonly content: Content;
  /** Undefined without a key. */
  readonly isAuthentic: boolean | undefined;
}

/**
 * Reads a line without its line break; undefined when it has not the form of a record.
 * @param macKey without it, the MAC is not checked.
 */
export function decodeLine(line: Uint8Array, macKey: Uint8Array | undefined): DecodedLine | undefined {
  if (line.length <= SUFFIX_BYTES || line.length > LINE_BYTES_MAX) return undefined;
  const bytes = Buffer.from(line.buffer, line.byteOffset, line.byteLength);
  const match = HEAD.exec(bytes.toString('latin1', 0, HEAD_BYTES_MAX));
  const suffix = bytes.toString('latin1', bytes.length - SUFFIX_BYTES);
  if (match === null || !suffix.startsWith(MAC_OPEN) || !suffix.endsWith(MAC_CLOSE)) return undefined;
  const [head, seq = '', prev = ''] = match;
  const body = bytes.subarray(0, -SUFFIX_BYTES);
  const digest = hash('sha256', body, 'buffer');
  return {
    seq: Number(seq),
    prev,
    hash: digest.toString('base64url'),
    content: body.toString('utf8', head.length),
    isAuthentic:
      macKey === undefined ? undefined : isMac(macKey, digest, suffix.slice(MAC_OPEN.length, -MAC_CLOSE.length)),
  };
}

/** Compared as text: two texts of base64url may stand for the same bytes. */
function isMac(macKey: Uint8Array, digest: Uint8Array, mac: string): boolean {
  const expected = createHmac('sha256', macKey).update(digest).digest('base64url');
  return timingSafeEqual(Buffer.from(expected, 'latin1'), Buffer.from(mac, 'latin1'));
}

/** The fields of a record. @throws {SyntaxError} the content is no JSON. */
export function fieldsOf(content: Content): Readonly<Record<string, unknown>> {
  return JSON.parse(`{${content}}`) as Readonly<Record<string, unknown>>;
}
