import { createHash, randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createMasker } from '../../src/acts/mask.ts';
import { secretValuesOf } from '../../src/acts/secret-values.ts';
import { costRatio } from '../cost.ts';
import { shapes, written } from './secret-shapes.ts';

const masker = createMasker();

describe('secrets by their shape', () => {
  it.each(shapes)('masks a %s wherever it stands', (_, secret) => {
    for (const text of [
      secret,
      `key=${secret}`,
      `"${secret}"`,
      `https://h/x?t=${secret}&y=1`,
      `error: ${secret}, again ${secret}.`,
    ]) {
      const masked = masker.text(text);
      expect(masked).not.toContain(secret);
      expect(masked).not.toContain(secret.slice(-12));
      expect(masked).toContain('***');
    }
  });

  it.each([
    ['Authorization: Bearer abc123def456', 'Authorization: Bearer ***'],
    ['authorization: Basic dXNlcjpwYXNzd29yZA==', 'authorization: Basic ***'],
    ["-H 'X-API-Key: s3cr3tvalue'", "-H 'X-API-Key: ***'"],
    ['postgres://app:hunter22@db:5432/x', 'postgres://app:***@db:5432/x'],
    ['DB_PASSWORD=correcthorse next', 'DB_PASSWORD=*** next'],
    ['{"client_secret":"zzTop99zz","id":7}', '{"client_secret":"***","id":7}'],
    ['--token abcdef123 --verbose', '--token *** --verbose'],
    ['tool --password=letmein99 x', 'tool --password=*** x'],
    ['Cookie: session=abcdef; other=1', 'Cookie: ***'],
    ['api_key: 9f8e7d6c5b4a', 'api_key: ***'],
  ])('masks the value and keeps its name: %s', (text, expected) => {
    expect(masker.text(text)).toBe(expected);
  });

  it.each(written)('masks a $name by what stands before it, which stays', ({ secret, line }) => {
    const masked = masker.text(line);
    expect(masked).not.toContain(secret);
    expect(masked).not.toContain(secret.slice(-8));
    expect(masked).toContain('***');
    expect(masked.slice(0, 5)).toBe(line.slice(0, 5));
  });

  it('leaves what it masked as it is', () => {
    for (const text of [...shapes.map(([, secret]) => `x ${secret} y`), ...written.map(({ line }) => line)]) {
      const masked = masker.text(text);
      expect(masker.text(masked)).toBe(masked);
    }
  });

  it('finds a token that an excerpt cut short, and one with a change of colour inside', () => {
    for (const [name, secret] of shapes.filter(([, one]) =>
      /^(?:gh|glpat|xox|AIza|AKIA|npm|sk_live)/.test(one),
    )) {
      const half = secret.slice(0, Math.ceil(secret.length / 2) + 4);
      for (const end of ['', '..', '...', '…', '\nnext line']) {
        expect(masker.text(`why: ${half}${end}`), name).toBe(`why: ***${end}`);
      }
      const coloured = `a ${secret.slice(0, 9)}\x1b[1;31m${secret.slice(9)}\x1b[0m b`;
      expect(masker.text(coloured)).toBe('a *** b');
    }
    expect(masker.text('\x1b[32mall is well\x1b[0m')).toBe('\x1b[32mall is well\x1b[0m');
  });

  it('leaves code to whoever reviews it', () => {
    for (const text of [
      '+    token = await self.vault.get_token(run_id)',
      '+  const password = z.string().min(12)',
      'client = Client(api_key=settings.api_key, token=token)',
      'secret: Optional[str2] = None',
      'def login(user, password=None, *, api_key=os.environ["KEY_1"]):',
      'name:password:uid:gid',
      'token: string | undefined',
    ])
      expect(masker.text(text)).toBe(text);
  });

  it('masks a private key over all its lines', () => {
    const key = `-----BEGIN OPENSSH PRIVATE KEY-----\n${'b3BlbnNzaC1rZXktdjEAAAAABG5vbmU\n'.repeat(5)}-----END OPENSSH PRIVATE KEY-----`;
    expect(masker.text(`before\n${key}\nafter`)).toBe('before\n***\nafter');
    expect(masker.text(JSON.stringify({ key, port: 22 }))).toBe('{"key":"***","port":22}');
    expect(masker.text(`${key}\nand\n${key}`)).toBe('***\nand\n***');
  });

  it('masks a private key whose end is missing as far as it looks like one, however many begin', () => {
    const begin = '-----BEGIN RSA PRIVATE KEY-----';
    const body = 'MIIEowIBAAKCAQEAsecret7\\n'.repeat(2_000);
    expect(masker.text(`${begin}\\n${body}" is cut`)).toBe('***" is cut');
    expect(masker.text(`no "${begin}" in id_rsa; ${begin}\nProc-Type: 4,ENCRYPTED\n\n${body}`)).toBe(
      'no "***" in id_rsa; ***',
    );
    // An end that lies too far away is not the end of this one.
    const far = `${begin}"${' plain words.'.repeat(2_000)}-----END RSA PRIVATE KEY-----`;
    expect(masker.text(far)).toBe(far.replace(begin, '***'));
  });

  it('row 42: hits no uuid, no hash, no id, no ordinary line', () => {
    const innocent = [
      ...Array.from({ length: 50 }, () => randomUUID()),
      ...Array.from({ length: 25 }, (_, n) => createHash('sha1').update(String(n)).digest('hex')),
      ...Array.from({ length: 25 }, (_, n) => createHash('sha256').update(String(n)).digest('hex')),
      ...Array.from({ length: 100 }, (_, n) => {
        const digest = createHash('sha512').update(`ulid ${n}`).digest();
        return `01J${[...digest.subarray(0, 23)].map((byte) => '0123456789ABCDEFGHJKMNPQRSTVWXYZ'[byte & 31]).join('')}`;
      }),
      ...Array.from({ length: 100 }, (_, n) => {
        const hex = createHash('sha256').update(`trace ${n}`).digest('hex');
        return `traceparent: 00-${hex.slice(0, 32)}-${hex.slice(32, 48)}-01`;
      }),
      ...Array.from({ length: 100 }, (_, n) =>
        Buffer.from(`Line ${n} of an ordinary text, told as base64 by a program that likes it.`).toString(
          'base64',
        ),
      ),
      ...Array.from(
        { length: 100 },
        (_, n) =>
          `/srv/agents/releases/2026-11-${n}/node_modules/@scope/some-package-with-a-name/dist/esm/index.mjs:${n}:17`,
      ),
      'commit 4b825dc642cb6eb9a060e54bf8d69288fbee4904',
      'task_864e65b18d8b704c',
      'max_tokens: 4096',
      'tokens=1200',
      'token_count: 1234567',
      'token: expired',
      'password: required',
      'secret: missing',
      'Bearer of bad news',
      'basic authentication failed',
      'sk-short',
      'desk-organization-review-board',
      'cookie jar is empty',
      'http://127.0.0.1:8000/api/health',
      'user@host:/srv/claw',
      '2026-11-20T03:14:07.551Z',
      'TIDE-3/6 coder',
      'the key is under the mat',
      '/usr/bin/python3 main.py --replay-turn tide-3:6',
      'api_key=',
      'password=null',
      'keyboard=monkeyboard',
      'tokenizer: sentencepiece',
    ];
    for (const text of innocent) expect(masker.text(text)).toBe(text);
  });

  it('takes time in proportion to the text, whatever is in it', () => {
    const hostile = (size: number): string[] => [
      'eyJ'.repeat(120 * size),
      'password='.repeat(60 * size),
      `https://${'a:'.repeat(250 * size)}`,
      '-----BEGIN PRIVATE KEY-----'.repeat(20 * size),
      '-----BEGIN PRIVATE KEY-----"'.repeat(20 * size),
      `${'-----BEGIN PRIVATE KEY-----"'.repeat(20 * size)}-----END PRIVATE KEY-----`,
      'Authorization: Basic '.repeat(20 * size),
      'sk-'.repeat(180 * size),
      `Cookie:${' '.repeat(300 * size)}`,
      'A'.repeat(600 * size),
      `https://${'a'.repeat(600 * size)}@`,
      'a://b'.repeat(120 * size),
      'x://@'.repeat(120 * size),
      '"password": "\\\\"'.repeat(40 * size),
      'token=('.repeat(80 * size),
      `token=${'a.'.repeat(300 * size)}`,
      'eyJaaaaaaaaa.'.repeat(45 * size),
      '\x1b[31m'.repeat(120 * size),
      'ghp_aaaa '.repeat(60 * size),
      `M${'a'.repeat(24)}.`.repeat(20 * size),
    ];
    const [small, large] = [hostile(500), hostile(2_000)];
    const ratios = large.map((text, index) =>
      costRatio(
        () => masker.text(small[index] ?? ''),
        () => masker.text(text),
        2,
      ),
    );
    expect(ratios.filter((ratio) => ratio > 12)).toEqual([]);
  });
});

describe('secrets by their value', () => {
  const secret = 'p@ss word/+"7';
  const known = createMasker([secret]);

  it('are masked as they are, in a URL, in JSON, in base64 at each alignment', () => {
    const texts = [
      secret,
      encodeURIComponent(secret),
      encodeURIComponent(secret).replaceAll('%20', '+'),
      JSON.stringify({ a: secret }),
    ];
    for (const prefix of ['', 'u:', 'ab', 'user:', 'abcde:'])
      for (const suffix of ['', 'x', ':tail'])
        for (const form of ['base64', 'base64url'] as const)
          texts.push(Buffer.from(prefix + secret + suffix).toString(form));
    const inner = Buffer.from(secret).toString('base64').slice(3, -4);
    for (const text of texts) {
      const masked = known.text(text);
      expect(masked).toContain('***');
      expect(masked).not.toContain(secret);
      expect(masked).not.toContain(inner);
    }
  });

  it('are masked in every string of a value', () => {
    expect(known.value({ a: [secret, 1, null], b: { c: `x ${secret}` } })).toEqual({
      a: ['***', 1, null],
      b: { c: 'x ***' },
    });
  });

  it('are masked where an excerpt cut them, from their first six characters on', () => {
    expect(known.text('got p@ss word')).toBe('got ***');
    expect(known.text('got p@ss')).toBe('got p@ss');
    expect(known.text('got p@ss words of others')).toBe('got p@ss words of others');
  });

  it('are masked in keys, and whatever stands in a field named for a secret', () => {
    const value = {
      [secret]: 1,
      client_secret: 'plain',
      token_count: 'plain',
      token: null,
      deep: [{ password: 'abcd' }],
    };
    expect(known.value(value)).toEqual({
      '***': 1,
      client_secret: '***',
      token_count: 'plain',
      token: null,
      deep: [{ password: '***' }],
    });
    const innocent = { id: 'a', list: ['b', { c: 1 }] };
    expect(known.value(innocent)).toBe(innocent);
  });

  it('leave names that are told apart', () => {
    const names = [`a-${secret}`, `b-${secret}`, `a-${shapes[0]?.[1]}`, `a-${shapes[1]?.[1]}`].map(
      known.name,
    );
    expect(new Set(names).size).toBe(4);
    for (const name of names) expect(name).toMatch(/^[ab]-\*\*\*~[0-9a-z]{1,6}$/);
    expect(known.name(`a-${secret}`)).toBe(names[0]);
    expect(known.name('turn-7')).toBe('turn-7');
    expect(known.value({ id: names[0], ids: ['turn-7'] }, new Set(['id']))).toEqual({
      id: names[0],
      ids: ['turn-7'],
    });
  });

  it('come from the variables that are secret by name, paths and short values left out', () => {
    expect(
      secretValuesOf({
        GITHUB_TOKEN: 'abcdefgh',
        OPENAI_API_KEY: 'key-value',
        db_password: 'letmein1',
        SSH_AUTH_SOCK: '/tmp/agent',
        GOOGLE_APPLICATION_CREDENTIALS: '/etc/x.json',
        KEYBOARD: 'qwertyui',
        MONKEY: 'bananas',
        PIN_KEY: '1234',
        MAX_TOKENS: '400000',
        PATH: '/bin:/usr/bin',
        APP_SECRET: undefined,
        SORT_KEY: 'created',
        AUTH: 'disabled',
      }),
    ).toEqual(['abcdefgh', 'key-value', 'letmein1']);
  });
});

describe('output that comes in pieces', () => {
  const secret = 'correct-horse-battery';
  const text = `start ${secret} end\nghp_${'a1B2'.repeat(9)}\n-----BEGIN PRIVATE KEY-----\nabcdef\nghijkl\n-----END PRIVATE KEY-----\nlast ${secret}`;

  it('is masked wherever it is cut', () => {
    for (let cut = 0; cut <= text.length; cut += 1) {
      let out = '';
      const stream = createMasker([secret]).stream((part) => {
        out += part;
      });
      stream.write(text.slice(0, cut));
      stream.write(text.slice(cut));
      stream.end();
      expect(out).not.toContain(secret);
      expect(out).not.toContain('a1B2a1B2');
      expect(out).not.toContain('ghijkl');
      expect(out).toContain('start *** end\n');
      expect(out.endsWith('last ***')).toBe(true);
    }
  });

  it('goes on after a mere mention of a private key', () => {
    let out = '';
    const stream = createMasker().stream((part) => {
      out += part;
    });
    stream.write('reads -----BEGIN PRIVATE KEY-----\n');
    for (let n = 0; n < 1_000; n += 1) stream.write(`step ${n} of a thousand: done\n`);
    stream.end();
    expect(out.split('\n')[0]).toBe('reads ***');
    expect(out.split('\n').at(-2)).toBe('step 999 of a thousand: done');
  });

  it('is cut in no secret when no line ends', () => {
    for (let pad = 0; pad < 40; pad += 1) {
      let out = '';
      const stream = createMasker([secret]).stream((part) => {
        out += part;
      });
      const unit = `Authorization: Bearer ${'q1w2e3r4t5'.repeat(4)} ${secret} ghp_${'a1B2'.repeat(9)} "password": "two words ${pad}",`;
      stream.write('.'.repeat(pad * 7));
      for (let n = 0; n < 600; n += 1) stream.write(unit);
      stream.end();
      expect(out).not.toMatch(/q1w2|horse|a1B2|words/);
    }
  });

  it('is not held back for ever when no line ends', () => {
    let size = 0;
    const stream = createMasker([secret]).stream((part) => {
      size += part.length;
    });
    for (let n = 0; n < 200; n += 1) stream.write('x'.repeat(1_000));
    expect(size).toBeGreaterThan(120_000);
    stream.end();
    expect(size).toBe(200_000);
  });
});
