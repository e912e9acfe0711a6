/** What conditions can ask about a request, by key: `acs:SourceIp`, `kms:tag/env`, … Keys compare without case. */
export type ConditionContext = Readonly<Record<string, string | readonly string[]>>;

/** The same, ready to be asked: takes a key in lower case; what a request has not is an empty list. */
export type ConditionValues = (lowerCaseKey: string) => readonly string[];

const NONE: readonly string[] = [];

/** Nothing is looked at before a condition asks, since most statements have none. */
export function conditionValues(context: ConditionContext): ConditionValues {
  let values: Map<string, readonly string[]> | undefined;
  return (key) => {
    values ??= new Map(
      Object.entries(context).map(([name, value]) => [name.toLowerCase(), typeof value === 'string' ? [value] : value]),
    );
    return values.get(key) ?? NONE;
  };
}
