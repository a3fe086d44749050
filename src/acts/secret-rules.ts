/** What a secret looks like. Each rule names letters that stand somewhere in whatever it finds; see `secret-index.ts`. */

/** What stands where a secret was. */
export const MASK = '***';

interface SecretRule {
  /** Three characters each, in any case, `0` for any digit: one of them stands in every text the rule can hit. */
  readonly near: readonly string[];
  /** With `isSecret`, the group `kept` is what names the secret and stays, and `secret` what goes. */
  readonly find: RegExp;
  readonly isSecret?: (value: string, kept: string) => boolean;
}

/** A token cut short by whoever made an excerpt: it ends the line, or dots follow. */
const CUT = '(?=$|\\.\\.|…)';

/** A token with a prefix of its own, whole or cut. Quantifiers are bounded, so that time stays linear. */
function token(
  near: readonly string[],
  prefix: string,
  letters: string,
  least: number,
  most = 255,
): SecretRule {
  const whole = `[${letters}]{${least},${most}}`;
  return { near, find: new RegExp(`${prefix}(?:${whole}|[${letters}]{4,${least}}${CUT})`, 'gm') };
}

const WORD = 'A-Za-z0-9';
const WORD_DASH = 'A-Za-z0-9_-';

/** Names whose value is secret wherever they stand. */
const NAMES =
  '(?:password|passwd|passphrase|(?<![a-z])pwd|secret|api[_-]?key|access[_-]?key|secret[_-]?key|account[_-]?key|private[_-]?key|shared[_-]?key|signing[_-]?key|encryption[_-]?key|token)';
const NEAR_NAMES = [
  'pas',
  'pwd',
  'ecr',
  'pi_',
  'pi-',
  'pik',
  's_k',
  's-k',
  'ssk',
  't_k',
  't-k',
  'ntk',
  'e_k',
  'e-k',
  'tek',
  'd_k',
  'd-k',
  'dke',
  'g_k',
  'g-k',
  'gke',
  'n_k',
  'n-k',
  'onk',
  'tok',
];

/** At most 29: each has a bit of the index. */
export const RULES: readonly SecretRule[] = [
  token(['kia', 'sia', 'bia', 'cca'], '\\b(?:AKIA|ASIA|ABIA|ACCA)', 'A-Z0-9', 16, 16),
  token(['gho', 'ghp', 'ghs', 'ghu', 'ghr'], '\\bgh[opsur]_', WORD, 36),
  token(['b_p'], '\\bgithub_pat_', 'A-Za-z0-9_', 22),
  token(['lpa', 'ldt', 'lrt', 'lpt'], '\\bgl(?:pat|dt|rt|ptt)-', WORD_DASH, 20),
  token(['xox', 'xap'], '\\b(?:xox[abceoprs]|xapp)-', 'A-Za-z0-9-', 10),
  token(['k_l', 'k_t'], '\\b[srp]k_(?:live|test)_', WORD, 10),
  token(['hse'], '\\bwhsec_', 'A-Za-z0-9+/=', 16),
  token(['iza'], '\\bAIza', WORD_DASH, 35, 35),
  token(['ya0'], '\\bya29\\.', WORD_DASH, 20, 400),
  token(['gsk', 'hf_', 'pm_', 'p_v', 'shp'], '\\b(?:gsk_|hf_|npm_|dop_v1_|shpat_)', WORD, 30),
  token(['xai'], '\\bxai-', WORD, 30),
  token(['pi-'], '\\bpypi-', WORD_DASH, 50, 400),
  { near: ['sg.'], find: /\bSG\.[A-Za-z0-9_-]{16,64}\.[A-Za-z0-9_-]{16,64}/g },
  { near: ['sk0', 'ska', 'skb', 'skc', 'skd', 'ske', 'skf'], find: /\bSK[0-9a-f]{32}\b/g },
  { near: ['t-k'], find: /\bAGE-SECRET-KEY-1[A-Z0-9]{40,80}/g },
  // Bots of Telegram.
  { near: ['0:a'], find: /(?<!\d)\d{8,10}:AA[A-Za-z0-9_-]{32,36}/g },
  // JSON web tokens; a cut one has at least its head.
  {
    near: ['eyj'],
    find: /\beyJ[A-Za-z0-9_-]{8,4000}(?:\.eyJ[A-Za-z0-9_-]{4,8000}(?:\.[A-Za-z0-9_-]{8,2000}|\.?(?=$|\.\.|…))|\.?(?=$|\.\.|…))/gm,
  },
  // Bots of Discord: an id in base64, a time, a signature.
  {
    near: [],
    find: /(?<![A-Za-z0-9_.-])[MNO][A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6,7}\.[A-Za-z0-9_-]{27,40}(?![A-Za-z0-9_-])/g,
  },
  {
    near: ['sk-'],
    find: /(?<kept>\b)(?<secret>sk-[A-Za-z0-9_-]{12,220})/g,
    isSecret: (value) => hasDigit(value) && value.length >= 16,
  },
  // Addresses that whoever has them may post to.
  {
    near: ['sla', 'dis'],
    find: /(?<kept>(?:hooks\.slack\.com\/(?:services|workflows|triggers)|discord(?:app)?\.com\/api\/webhooks)\/)(?<secret>[A-Za-z0-9/_-]{12,300})/gi,
    isSecret: always,
  },
  {
    near: ['rer'],
    find: /(?<kept>\bBearer[ \t]{1,4})(?<secret>[A-Za-z0-9._~+/=-]{8,4000})/gi,
    isSecret: (value) => hasDigit(value) || value.length >= 20,
  },
  {
    near: ['riz'],
    find: /(?<kept>\bAuthorization\\?["']?[ \t]{0,4}[:=][ \t]{0,4}\\?["']?(?:Basic|Bearer|Token|Digest|ApiKey|Key|Negotiate|AWS4-HMAC-SHA256)[ \t]{1,4})(?<secret>[^\r\n"'\\]{6,4000})/gi,
    isSecret: isNotPlain,
  },
  {
    near: ['sic'],
    find: /(?<kept>\bBasic[ \t]{1,4})(?<secret>[A-Za-z0-9+/]{12,4000}={0,2})/g,
    isSecret: (value) => hasDigit(value) || value.endsWith('='),
  },
  {
    near: ['oki'],
    find: /(?<kept>\b(?:Set-)?Cookie\\?["']?[ \t]{0,4}:[ \t]{0,4}\\?["']?)(?<secret>[^\r\n"'\\]{6,4000})/gi,
    isSecret: (value) => value.includes('='),
  },
  // The password in an address, or a token that stands there alone.
  {
    near: [],
    find: /(?<kept>\b[a-z][a-z0-9+.-]{1,20}:\/\/(?:[^\s/:@"'<>]{0,100}:|(?=[^\s/:@"'<>]{20,300}@)))(?<secret>[^\s/"'<>]{1,300})(?=@)/gi,
    isSecret: isNotPlain,
  },
  // In quotes a value may have blanks; the quotes may be escaped, as in JSON within JSON.
  {
    near: NEAR_NAMES,
    find: new RegExp(
      `(?<kept>${NAMES}(?:\\\\?["'])?[ \\t]{0,3}[:=][ \\t]{0,3}(?<open>\\\\?["']))(?<secret>(?:(?!\\k<open>)(?:\\\\.|[^\\r\\n])){4,4000})`,
      'gi',
    ),
    isSecret: (value, kept) => isNotPlain(value) && (!/token\W*$/i.test(kept) || looksMade(value)),
  },
  {
    near: NEAR_NAMES,
    find: new RegExp(`(?<kept>${NAMES}(?:\\\\?["'])?[:=])(?<secret>[^\\s"'&,;<>\\\\]{6,4000})`, 'gi'),
    isSecret: (value, kept) =>
      isNotPlain(value) && !isCode(value) && (kept.endsWith('=') || looksMade(value)),
  },
  {
    near: [...NEAR_NAMES, '-ke', '-to', '-au'],
    find: new RegExp(
      `(?<kept>(?:\\bX-[A-Za-z-]{0,40}(?:Key|Token|Auth)|${NAMES})\\\\?["']?[ \\t]{0,3}[:=][ \\t]{0,3}\\\\?["']?)(?<secret>[^\\s"'&,;<>\\\\]{6,4000})`,
      'gi',
    ),
    isSecret: (value, kept) =>
      isNotPlain(value) && !isCode(value) && (/^X-/i.test(kept) ? looksMade(value) : hasDigit(value)),
  },
  {
    near: [...NEAR_NAMES, '-pw'],
    find: /(?<kept>--?(?:[a-z]{1,20}-)?(?:password|passwd|pwd|secret|api-key|apikey|token|access-key)(?:=|[ \t]{1,3}|["'], ?["']))(?!-)(?<secret>[^\s"']{6,4000})/gi,
    isSecret: isNotPlain,
  },
];

/** Names that make the string beside them in a value a secret. */
const SECRET_FIELD = new RegExp(`${NAMES}$|^(?:proxy-)?authorization$|^(?:set-)?cookie$`, 'i');

/** Whether a field of this name holds a secret, when what it holds is no plain word. */
export function isSecretField(name: string, value: string): boolean {
  let isSecret = FIELDS.get(name);
  if (isSecret === undefined) {
    isSecret = SECRET_FIELD.test(name);
    if (FIELDS.size < MOST_FIELDS) FIELDS.set(name, isSecret);
  }
  return isSecret && value.length >= 4 && isNotPlain(value);
}

/** The names of our own fields come again and again; those of others may be any number. */
const FIELDS = new Map<string, boolean>();
const MOST_FIELDS = 1_000;

function always(): boolean {
  return true;
}

function hasDigit(value: string): boolean {
  return /\d/.test(value);
}

/** Words of a language have neither digits nor capitals in their middle. */
function looksMade(value: string): boolean {
  const beginning = value.slice(0, 200);
  return (
    hasDigit(value) ||
    (/[A-Z]/.test(beginning) && /[a-z]/.test(beginning) && !/^[A-Z][a-z]+$/.test(beginning))
  );
}

/**
 * Agents print code: a call, an element, a property or a variable beside such a name is where a secret comes from, and
 * whoever reviews it must see it.
 */
function isCode(value: string): boolean {
  return CALL.test(value) || (!hasDigit(value) && (PROPERTY.test(value) || SAME_NAME.test(value)));
}

const CALL = /^[A-Za-z_$][\w$.?]{0,200}[([]/;
const PROPERTY = /^[A-Za-z_$][\w$]{0,100}(?:\??\.[A-Za-z_$#][\w$]{0,100}){1,20}[)\]}:]*$/;
const SAME_NAME = new RegExp(`^[A-Za-z_]{0,40}${NAMES}[)\\]}:]*$`, 'i');

/** Counts, flags and placeholders stand after such names as often as secrets do. */
function isNotPlain(value: string): boolean {
  return !/^(?:[\d.]{1,12}|\*{3,}.*|true|false|null|none|undefined|missing|required|invalid|expired|redacted|masked|hidden|\[.*\]|<.*>|\$.*|\{.*)$/i.test(
    value,
  );
}
