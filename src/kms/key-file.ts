// One key version as it lies in `DIR/keys/`, before sealing. PURE. Layout: docs/formats/key-file.md.
//
//   0   1  version, 1
//   1   4  length of the header (u32, little endian)
//   5   h  header: JSON, UTF-8
//   …   m  key material: 32 bytes (AES-256), 16 bytes (AES-128, SM4) or a PKCS #8 private key (RSA)
import { SystemError } from '../base/errors.ts';
import { wipeableCopy } from '../base/wipeable-bytes.ts';
import type { KeySpec, KeyUsage } from '../metadata/keys.ts';

const VERSION = 1;
const HEADER_OFFSET = 5;

/** What a key version is, kept with its material so that the database can be rebuilt around it. */
export interface KeyFileHeader {
  readonly keyVersionId: string;
  readonly keyId: string;
  readonly accountId: string;
  readonly regionId: string;
  readonly keySpec: KeySpec;
  readonly keyUsage: KeyUsage;
  readonly createdMs: number;
}

/** @returns bytes that hold the material: wiped by the caller once they are sealed. */
export function encodeKeyFile(header: KeyFileHeader, material: Uint8Array): Uint8Array {
  const json = Buffer.from(JSON.stringify(header), 'utf8');
  const content = Buffer.alloc(HEADER_OFFSET + json.length + material.length);
  content[0] = VERSION;
  content.writeUInt32LE(json.length, 1);
  content.set(json, HEADER_OFFSET);
  content.set(material, HEADER_OFFSET + json.length);
  return content;
}

/**
 * @returns `material` is a copy that the caller owns; `content` is left to its owner.
 * @throws {SystemError} kind `corrupt`, code `KEY_FILE_VERSION`: authentic, but not of a version that we know; code
 *   `KEY_FILE_DAMAGED`: authentic, but not what `encodeKeyFile` makes.
 */
export function decodeKeyFile(content: Uint8Array): {
  readonly header: KeyFileHeader;
  readonly material: Uint8Array;
} {
  if (content[0] !== VERSION || content.length < HEADER_OFFSET)
    throw new SystemError('corrupt', 'KEY_FILE_VERSION', 'A key file has a version that this Sealdisk does not know.');
  const view = Buffer.from(content.buffer, content.byteOffset, content.length);
  const materialOffset = HEADER_OFFSET + view.readUInt32LE(1);
  const header = parseHeader(view.toString('utf8', HEADER_OFFSET, materialOffset));
  if (header === undefined || materialOffset > content.length)
    throw new SystemError('corrupt', 'KEY_FILE_DAMAGED', 'A key file is authentic but its header cannot be read.');
  return { header, material: wipeableCopy(content.subarray(materialOffset)) };
}

function parseHeader(json: string): KeyFileHeader | undefined {
  try {
    const header: unknown = JSON.parse(json);
    return typeof header === 'object' && header !== null ? (header as KeyFileHeader) : undefined;
  } catch {
    return undefined;
  }
}
