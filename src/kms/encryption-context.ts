/** Names and values that a ciphertext is bound to. Not stored with it. */
export type EncryptionContext = Readonly<Record<string, string>>;

/** Of the JSON text. Source: facts.md 2.8. */
export const CONTEXT_LENGTH_MAX = 8192;

/**
 * One byte string for each context, whatever order it was given in: pairs by name (in UTF-16 code units), each part as
 * length (u32, little endian) ‖ UTF-8. Layout: docs/formats/ciphertext-blob.md, "Encryption context".
 */
export function canonicalContext(context: EncryptionContext): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const name of Object.keys(context).sort()) parts.push(lengthAndText(name), lengthAndText(context[name] ?? ''));
  return Buffer.concat(parts);
}

function lengthAndText(text: string): Uint8Array {
  const body = Buffer.from(text, 'utf8');
  const length = Buffer.alloc(4);
  length.writeUInt32LE(body.length);
  return Buffer.concat([length, body]);
}
