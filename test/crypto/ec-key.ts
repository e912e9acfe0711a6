/** Keys of published vectors in the form that the key store holds: DER made by hand. Source: RFC 5915, RFC 5958. */

const OID = { EC_P256: '2a8648ce3d030107', EC_P256K: '2b8104000a', EC_SM2: '2a811ccf5501822d' } as const;
const EC_PUBLIC_KEY = '06072a8648ce3d0201';

const der = (tag: string, content: string): string => {
  const size = content.length / 2;
  const length = size < 0x80 ? size.toString(16).padStart(2, '0') : `81${size.toString(16)}`;
  return tag + length + content;
};

const algorithm = (spec: keyof typeof OID): string => der('30', EC_PUBLIC_KEY + der('06', OID[spec]));

/** @param point `04 ‖ x ‖ y`, hex. */
export function spkiOf(spec: keyof typeof OID, point: string): Buffer {
  return Buffer.from(der('30', algorithm(spec) + der('03', `00${point}`)), 'hex');
}

/** @param secret 32 bytes, hex. */
export function pkcs8Of(spec: keyof typeof OID, secret: string, point: string): Buffer {
  const key = der('30', `020101${der('04', secret)}${der('a1', der('03', `00${point}`))}`);
  return Buffer.from(der('30', `020100${algorithm(spec)}${der('04', key)}`), 'hex');
}
