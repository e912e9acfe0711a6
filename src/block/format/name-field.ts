import { assert } from '../../base/assert.ts';
import type { ByteReader, ByteWriter } from './fixed-bytes.ts';

/** A name in a record: one byte of length, the name, zeroes up to here. Source: docs/formats/README.md. */
export const NAME_FIELD_BYTES = 96;

export function writeName(writer: ByteWriter, name: string): void {
  assert(name.length < NAME_FIELD_BYTES, 'a name fits its field');
  const at = writer.position;
  writer
    .u8(name.length)
    .text(name)
    .padTo(at + NAME_FIELD_BYTES);
}

export function readName(reader: ByteReader): string {
  const at = reader.position;
  const name = reader.text(reader.u8());
  reader.skipTo(at + NAME_FIELD_BYTES);
  return name;
}
