/** The sample policy of the user guide "Encrypt data", section on sharing encrypted images, letter by letter: a comma is missing. */
export const SHARING_POLICY_AS_PRINTED = `{
  "Version": "1",
  "Statement": [
    {
      "Action": [
        "kms:List*"
      ],
      "Resource": [
        "acs:kms:cn-beijing:xxx:key",
        "acs:kms:cn-shanghai:xxx:key"
      ],
      "Effect": "Allow"
    },
    {
      "Action": [
        "kms:DescribeKey",
        "kms:TagResource",
        "kms:UntagResource"
        "kms:Encrypt",
        "kms:Decrypt",
        "kms:GenerateDataKey"
      ],
      "Resource": [
        "acs:kms:cn-beijing:xxx:key/yyy",
        "acs:kms:cn-shanghai:xxx:key/yyy"
      ],
      "Effect": "Allow"
    }
  ]
}`;

/** The same with the comma. */
export const SHARING_POLICY = SHARING_POLICY_AS_PRINTED.replace('"kms:UntagResource"', '"kms:UntagResource",');

/** The same for one account and key, in the place of `xxx` and `yyy`. */
export const sharingPolicyFor = (accountId: string, keyId: string): string =>
  SHARING_POLICY.replaceAll(':xxx:', `:${accountId}:`).replaceAll('key/yyy', `key/${keyId}`);
