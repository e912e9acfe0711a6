// The tags that a request wants to give, for policies that ask about `acs:RequestTag/<key>`.

/**
 * `Tag.N.Key` with `Tag.N.Value`, and the JSON lists `Tag` and `Tags` of `{"Key" | "TagKey", "Value" | "TagValue"}`.
 * What is malformed is nobody's tag: the operation refuses it afterwards.
 */
export function requestTags(parameters: ReadonlyMap<string, string>): Readonly<Record<string, string>> {
  const tags = new Map<string, string>();
  for (const [name, value] of parameters) {
    if (!name.startsWith('Tag')) continue;
    const index = /^Tag\.(\d{1,4})\.Key$/.exec(name)?.[1];
    if (index !== undefined) tags.set(value, parameters.get(`Tag.${index}.Value`) ?? '');
    else if (name === 'Tag' || name === 'Tags') addListed(tags, value);
  }
  return Object.fromEntries(tags);
}

function addListed(tags: Map<string, string>, json: string): void {
  let list: unknown;
  try {
    list = JSON.parse(json);
  } catch {
    return;
  }
  if (!Array.isArray(list)) return;
  for (const item of list as unknown[]) {
    const tag = (item ?? {}) as Record<string, unknown>;
    const key = tag['Key'] ?? tag['TagKey'];
    const value = tag['Value'] ?? tag['TagValue'] ?? '';
    if (typeof key === 'string' && typeof value === 'string') tags.set(key, value);
  }
}
