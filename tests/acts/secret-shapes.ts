/** Secrets in the shapes their issuers give them; none is in use. Built in parts, so that scanners of code stay calm. */

/** Tokens that are known by their own shape, wherever they stand. */
export const shapes: readonly [string, string][] = [
  ['AWS key id', `AKIA${'QWERTYUIOPASDFGH'}`],
  ['GitHub token', `ghp_${'a1B2'.repeat(9)}`],
  ['GitHub fine-grained token', `github_pat_${'A1b2C3d4'.repeat(8)}`],
  ['GitLab token', `glpat-${'x1Y2z3W4'.repeat(3)}`],
  ['Slack token', `xoxb-${'123456789012-abcDEF'}`],
  ['OpenAI key', `sk-proj-${'aB3dE5gH'.repeat(5)}`],
  ['Anthropic key', `sk-ant-api03-${'aB3-dE5_'.repeat(6)}`],
  ['Stripe key', `sk_live_${'4eC39HqLyjWDarjtT1'}`],
  ['Google API key', `AIza${'SyA1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6q'}`],
  ['Google OAuth', `ya29.${'a0AfH6SMBx1y2z3'.repeat(3)}`],
  ['npm token', `npm_${'a1B2c3'.repeat(6)}`],
  ['Hugging Face token', `hf_${'aBcDeFgH'.repeat(4)}AB`],
  ['PyPI token', `pypi-${'AgEIcHlwaS5vcmcC'.repeat(4)}`],
  ['SendGrid key', `SG.${'aB1cD2eF3gH4iJ5k'}.${'lM6nO7pQ8rS9tU0vW1xY2z'}`],
  [
    'JSON web token',
    `eyJ${'hbGciOiJIUzI1NiJ9'}.eyJ${'zdWIiOiIxMjM0NTY3ODkwIn0'}.${'dozjgNryP4J3jVmNHl0w5N'}`,
  ],
  ['Telegram bot token', `${'123456789'}:AA${'HdqTcvCH1vGWJxfSeofSAs0K5PALDs'}xyz`],
  ['Discord bot token', `M${'Tk4NjIyNDgzNDcxOTI1MjQ4'}.${'Cl2FMQ'}.${'ZnCjm1XVW7vRze4b7Cq4se7kKWs'}`],
  ['Groq key', `gsk_${'aB3dE5gH'.repeat(5)}`],
  ['age secret key', `AGE-SECRET-KEY-1${'QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L'.repeat(2).slice(0, 58)}`],
];

const made = (letters: string): string => `${letters}9${letters.toUpperCase()}7`;

/** Secrets that are known by what names them: the secret, and a line as programs write it. */
export const written: readonly { readonly name: string; readonly secret: string; readonly line: string }[] = [
  ['AWS secret key', made('wjalrxutnfemi'), (s: string) => `aws_secret_access_key=${s}`],
  ['bearer', made('tokbea'), (s: string) => `> Authorization: Bearer ${s}`],
  ['basic', 'dXNlcjpwYXNzd29yZDEy', (s: string) => `> authorization: Basic ${s}`],
  ['header of a key', made('xapike'), (s: string) => `> X-API-Key: ${s}`],
  ['header of a token', made('xgitla'), (s: string) => `PRIVATE-TOKEN: ${s}`],
  ['address', made('urlpas'), (s: string) => `cloning https://deploy:${s}@git.example.org/x.git`],
  ['database address', made('dbpass'), (s: string) => `postgresql+asyncpg://app:${s}@db:5432/x`],
  ['password', made('plainp'), (s: string) => `DB_PASSWORD=${s} next`],
  ['password in JSON', 'correct horse, staple', (s: string) => `{"password": "${s}", "port": 5432}`],
  ['password in JSON in JSON', made('nested'), (s: string) => `{"body":"{\\"password\\":\\"${s}\\"}"}`],
  ['connection string', made('connst'), (s: string) => `Server=db;User Id=app;Password=${s};Timeout=3`],
  ['option', made('option'), (s: string) => `started ['tool', '--token', '${s}', '-v']`],
  ['camel case', made('camelc'), (s: string) => `clientSecret: '${s}'`],
  ['cookie', `sid=${made('cookie')}`, (s: string) => `Set-Cookie: ${s}; Path=/`],
  [
    'Slack webhook',
    `T00000000/B00000000/${'XyZ1'.repeat(6)}`,
    (s: string) => `POST https://hooks.slack.com/services/${s}`,
  ],
].map(([name, secret, line]) => ({
  name: name as string,
  secret: secret as string,
  line: (line as (secret: string) => string)(secret as string),
}));

/** A line of a private key's own, and the key as it is printed. */
export const keyLine = `MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC${'7kQzX4Lw'.slice(0, 7)}aB1c2D`;
const fence = (word: string): string => `-----${word} RSA ${'PRIVATE'} KEY-----`;
export const privateKey = [fence('BEGIN'), keyLine, 'q83vEjRWeJASNFZ4kBI0VniQEjRWeJASNFZ4kA==', fence('END')];
