/** A record of the audit log as one line for people. PURE. */
export function describeRecord(fields: Readonly<Record<string, unknown>>): string {
  const text = (name: string): string => {
    const value = fields[name];
    return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
  };
  const join = (...parts: string[]): string => parts.filter((part) => part !== '').join('  ');
  const who = text('principal') || (text('claimedAccessKeyId') && `unproven ${text('claimedAccessKeyId')}`);
  const call = join(`${text('product')} ${text('action')}`.trim(), who, resourcesOf(fields), text('requestId'));
  const kind = text('kind');
  const what =
    kind === 'call'
      ? join(`${text('status')} ${text('code')}`, call)
      : kind === 'begin'
        ? join('begins', call)
        : kind === 'key'
          ? join(
              'key',
              `${text('purpose')} for ${text('diskId')}`,
              `under ${text('keyId')}`,
              `${text('service')}${roleOf(fields)}`,
              text('requestId'),
            )
          : kind === 'admin'
            ? join('admin', text('operation'), text('outcome'), text('code'))
            : join(kind, remaining(fields));
  return printable(join(text('time'), what));
}

function resourcesOf(fields: Readonly<Record<string, unknown>>): string {
  const resources = fields['resources'];
  if (!Array.isArray(resources) || resources.length === 0) return '';
  return `${String(resources[0])}${resources.length > 1 ? ` and ${resources.length - 1} more` : ''}`;
}

function roleOf(fields: Readonly<Record<string, unknown>>): string {
  return typeof fields['role'] === 'string' ? ` by ${fields['role']}` : '';
}

function remaining(fields: Readonly<Record<string, unknown>>): string {
  const { time: _time, kind: _kind, ...others } = fields;
  return JSON.stringify(others);
}

/** Names come from clients: nothing of them may steer a terminal. */
function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\uFFFD');
}
