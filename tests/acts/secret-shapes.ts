/** Tokens in the shapes their issuers give them; none is in use. Built in two parts, so that scanners of code stay calm. */
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
  ['Groq key', `gsk_${'aB3dE5gH'.repeat(5)}`],
  ['age secret key', `AGE-SECRET-KEY-1${'QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L'.repeat(2).slice(0, 58)}`],
];
