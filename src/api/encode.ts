// Typed output -> the body of a response, as JSON or XML (docs/protocols/rpc.md, Responses).
import { assert } from '../base/assert.ts';
import type { Members, Shape } from './description.ts';
import { isList, isStructure } from './description.ts';

export type Body = Readonly<Record<string, unknown>>;

/**
 * The members of `output`, checked against the description, without what is undefined.
 * The vendor's SDKs throw on a value of the wrong shape, so that is a bug here and not an answer. A list that the
 * action left out is answered empty: clients read `Disks.Disk` without asking whether it is there.
 */
export function encodeOutput(action: string, members: Members, output: object): Body {
  return encodeStructure(action, members, output);
}

function encodeStructure(name: string, members: Members, value: object): Body {
  const given = new Map<string, unknown>(Object.entries(value));
  const entries = Object.entries(members).flatMap(([member, shape]): [string, unknown][] => {
    const inner = given.get(member);
    given.delete(member);
    if (inner !== undefined) return [[member, encodeValue(`${name}.${member}`, shape, inner)]];
    return isWrappedList(shape)
      ? [[member, encodeStructure(`${name}.${member}`, shape, {})]]
      : isList(shape)
        ? [[member, []]]
        : [];
  });
  assert(given.size === 0, `${name} answers ${[...given.keys()].join(', ')}, which its description does not have`);
  return Object.fromEntries(entries);
}

function encodeValue(name: string, shape: Shape, value: unknown): unknown {
  if (isList(shape)) {
    assert(Array.isArray(value), `${name} is not a list`);
    return value.map((item, index) => encodeValue(`${name}.${index + 1}`, shape[0], item));
  }
  if (isStructure(shape)) {
    assert(typeof value === 'object' && value !== null && !Array.isArray(value), `${name} is not a structure`);
    return encodeStructure(name, shape, value);
  }
  assert(shape !== 'map' && typeof value === shape, `${name} is not a ${shape}`);
  assert(typeof value !== 'number' || Number.isFinite(value), `${name} is not finite`);
  return value;
}

function isWrappedList(shape: Shape): shape is Members {
  if (!isStructure(shape)) return false;
  const inner = Object.values(shape);
  return inner.length === 1 && inner.every((member) => isList(member));
}

/** `<root>…</root>`, each list item as an element of the list's name. */
export function toXml(root: string, body: Body): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n${element(root, body)}`;
}

function element(name: string, value: unknown): string {
  if (value === undefined || value === null) return '';
  if (Array.isArray(value)) return value.map((item) => element(name, item)).join('');
  const content =
    typeof value === 'object'
      ? Object.entries(value)
          .map(([member, inner]) => element(member, inner))
          .join('')
      : escapeXml(String(value as string | number | boolean));
  return `<${name}>${content}</${name}>`;
}

/** Characters that XML 1.0 cannot carry at all become U+FFFD. Source: XML 1.0 section 2.2. */
function escapeXml(text: string): string {
  return (
    text
      .toWellFormed()
      // oxlint-disable-next-line no-control-regex -- control characters are what this is about
      .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '\ufffd')
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
      .replaceAll('\r', '&#13;')
  );
}
