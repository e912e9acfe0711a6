// The tags that a request wants to give, for policies that ask about `acs:RequestTag/<key>`.

/** Of a key or value; operations take at most 128. */
const LENGTH_MAX = 512;

/**
 * `Tag.N.Key` with `Tag.N.Value`, the JSON list `Tag` of `{"Key", "Value"}` (RAM) and `Tags` of `{"TagKey", "TagValue"}`
 * (KMS). Other members are not looked at, as the operations do not: a policy must see the tags that are given, no others.
 * What is malformed is nobody's tag: the operation refuses it afterwards.
 */
export function requestTags(parameters: ReadonlyMap<string, string>): Readonly<Record<string, string>> {
  const tags = new Map<string, string>();
  for (const [name, value] of parameters) {
    if (!name.startsWith('Tag')) continue;
    const index = /^Tag\.(\d{1,4})\.Key$/.exec(name)?.[1];
    if (index !== undefined) tags.set(value, parameters.get(`Tag.${index}.Value`) ?? '');
    else if (name === 'Tag') addListed(tags, value, 'Key', 'Value');
    else if (name === 'Tags') addListed(tags, value, 'TagKey', 'TagValue');
  }
  return Object.fromEntries([...tags].filter((tag) => tag.every((text) => text.length <= LENGTH_MAX)));
}

function addListed(tags: Map<string, string>, json: string, keyName: string, valueName: string): void {
  let list: unknown;
  try {
    list = JSON.parse(json);
  } catch {
    return;
  }
  if (!Array.isArray(list)) return;
  for (const item of list as unknown[]) {
    const tag = (item ?? {}) as Record<string, unknown>;
    const { [keyName]: key, [valueName]: value = '' } = tag;
    if (typeof key === 'string' && typeof value === 'string') tags.set(key, value);
  }
}
