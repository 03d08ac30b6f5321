// The latents of a seed: what ganzoo/priors.py draws with numpy, to the rounding of float32.
//
// Seed s of an input is block s of the Philox4x64-10 stream (Salmon et al. 2011) whose key is the input's.
// A 64-bit number is two unsigned 32-bit halves, the high one first.

const ROUNDS = 10;
const FACTORS = [0xd2e7470e, 0xe14c6c93, 0xca5a8263, 0x95121157];
const WEYL = [0x9e3779b9, 0x7f4a7c15, 0xbb67ae85, 0x84caa73b];
const HALF = 4294967296; // 2^32

// The product of two 32-bit numbers; every step stays below 2^53.
let high = 0;
let low = 0;
function multiply32(a, b) {
  const below = (a & 0xffff) * b;
  const above = (a >>> 16) * b;
  const sum = below + (above % 65536) * 65536;
  low = sum >>> 0;
  high = Math.floor(above / 65536) + Math.floor(sum / HALF);
}

// The product of two 64-bit numbers, into out[0..3], the highest half first.
function multiply64(aHigh, aLow, bHigh, bLow, out) {
  multiply32(aLow, bLow);
  out[3] = low;
  let carry = high;
  multiply32(aLow, bHigh);
  const firstHigh = high;
  carry += low;
  multiply32(aHigh, bLow);
  const secondHigh = high;
  carry += low;
  out[2] = carry >>> 0;
  multiply32(aHigh, bHigh);
  const top = low + firstHigh + secondHigh + Math.floor(carry / HALF);
  out[1] = top >>> 0;
  out[0] = high + Math.floor(top / HALF);
}

const left = new Uint32Array(4);
const right = new Uint32Array(4);

// Four 64-bit words of a stream, as eight halves; counters stay below 2^53.
function philox(counter, key, words) {
  const k = Uint32Array.from(key);
  words.fill(0);
  words[0] = Math.floor(counter / HALF);
  words[1] = counter >>> 0;
  for (let round = 0; round < ROUNDS; round++) {
    multiply64(FACTORS[0], FACTORS[1], words[0], words[1], left);
    multiply64(FACTORS[2], FACTORS[3], words[4], words[5], right);
    const [second, third] = [[words[2], words[3]], [words[6], words[7]]];
    words.set([right[0] ^ second[0] ^ k[0], right[1] ^ second[1] ^ k[1], right[2], right[3]], 0);
    words.set([left[0] ^ third[0] ^ k[2], left[1] ^ third[1] ^ k[3], left[2], left[3]], 4);
    for (const at of [0, 2]) {
      const sum = k[at + 1] + WEYL[at + 1];
      k[at] += WEYL[at] + (sum >= HALF ? 1 : 0);
      k[at + 1] = sum;
    }
  }
}

// `count` numbers in [0, 1) of a seed.
export function uniforms(key, seed, count) {
  const blocks = Math.ceil(count / 4);
  const found = new Float64Array(blocks * 4);
  const words = new Uint32Array(8);
  for (let block = 0; block < blocks; block++) {
    philox(seed * blocks + block + 1, key, words); // numpy counts up before it draws
    for (let word = 0; word < 4; word++) {
      found[4 * block + word] = (words[2 * word] * 2097152 + (words[2 * word + 1] >>> 11)) / 9007199254740992;
    }
  }
  return found.subarray(0, count);
}

// `count` standard normal numbers of a seed (Box and Muller).
export function normals(key, seed, count) {
  const half = Math.ceil(count / 2);
  const u = uniforms(key, seed, 2 * half);
  const found = new Float64Array(2 * half);
  for (let i = 0; i < half; i++) {
    const radius = Math.sqrt(-2 * Math.log1p(-u[i]));
    const angle = 2 * Math.PI * u[half + i];
    found[i] = radius * Math.cos(angle);
    found[half + i] = radius * Math.sin(angle);
  }
  return found.subarray(0, count);
}

function sphere(noise, shape) {
  const width = shape.at(-1);
  for (let start = 0; start < noise.length; start += width) {
    const row = noise.subarray(start, start + width);
    const norm = Math.sqrt(row.reduce((sum, e) => sum + e * e, 0));
    row.forEach((e, i) => { row[i] = e / norm; });
  }
  return noise;
}

// The priors of ganzoo: how latents are drawn, and how one walks between two of them.
export const PRIORS = {
  normal: { draw: (input, seed, count) => normals(input.stream, seed, count), geometry: "slerp" },
  sphere: { draw: (input, seed, count) => sphere(normals(input.stream, seed, count), input.shape), geometry: "slerp" },
  uniform: {
    draw: (input, seed, count) => {
      const [least, greatest] = input.range ?? [-1, 1];
      return uniforms(input.stream, seed, count).map((u) => least + (greatest - least) * u);
    },
    geometry: "lerp",
  },
};

export const size = (shape) => shape.reduce((product, n) => product * n, 1);

// The share of N(0, 1) within ±k/256, for k up to 8·256, by Simpson's rule.
const WITHIN = new Float64Array(8 * 256 + 1);
const density = (x) => Math.sqrt(2 / Math.PI) * Math.exp((-x * x) / 2);
for (let k = 1; k < WITHIN.length; k++) {
  const [from, to] = [(k - 1) / 256, k / 256];
  WITHIN[k] = WITHIN[k - 1] + (density(from) + 4 * density((from + to) / 2) + density(to)) / 6 / 256;
}

function within(x) {
  const k = Math.min(Math.floor(x * 256), WITHIN.length - 2);
  return WITHIN[k] + Math.min(x * 256 - k, 1) * (WITHIN[k + 1] - WITHIN[k]);
}

// A standard normal number as N(0, 1) within ±bound, quantile for quantile.
function truncated(e, bound) {
  const share = within(Math.abs(e)) * within(bound);
  let [k, above] = [0, WITHIN.length - 1];
  while (above - k > 1) {
    const middle = (k + above) >> 1;
    if (WITHIN[middle] > share) above = middle;
    else k = middle;
  }
  return (Math.sign(e) * (k + (share - WITHIN[k]) / (WITHIN[above] - WITHIN[k]))) / 256;
}

// The latent of a seed, float32; a normal one with a range is truncated when a bound is given.
export function latent(input, seed, clip = null) {
  const drawn = Float32Array.from(PRIORS[input.distribution].draw(input, seed, size(input.shape)));
  if (clip === null || input.distribution !== "normal" || !input.range) return drawn;
  return drawn.map((e) => truncated(e, clip));
}

// The class that a seed has when none is asked for: as often as the data has it.
export function label(input, seed) {
  const counted = input.distribution === "uniform" ? [] : input.frequencies;
  const shares = counted.length ? counted : input.classes.map(() => 1);
  const whole = shares.reduce((sum, share) => sum + share, 0);
  const u = uniforms(input.stream, seed, 1)[0];
  let edge = 0;
  const found = shares.findIndex((share) => (edge += share / whole) > u);
  return found < 0 ? shares.length - 1 : found;
}

// A latent at `share` of the way from one to another: 'slerp' turns at an even pace (Shoemake 1985) and
// passes evenly from one norm to the other, 'lerp' goes straight.
export function between(start, end, share, geometry) {
  if (share === 0 || share === 1) return share === 0 ? start : end;
  const straight = () => start.map((a, i) => (1 - share) * a + share * end[i]);
  if (geometry === "lerp") return straight();
  const norm = (v) => Math.sqrt(v.reduce((sum, e) => sum + e * e, 0));
  const [normStart, normEnd] = [norm(start), norm(end)];
  const [a, b] = [Math.max(normStart, 1e-12), Math.max(normEnd, 1e-12)];
  const cosine = start.reduce((sum, e, i) => sum + (e / a) * (end[i] / b), 0);
  const angle = Math.acos(Math.min(1, Math.max(-1, cosine)));
  const sine = Math.sin(angle);
  if (sine <= 1e-6) return straight();
  const length = (1 - share) * normStart + share * normEnd;
  const [from, to] = [Math.sin((1 - share) * angle) / a, Math.sin(share * angle) / b];
  return start.map((e, i) => ((from * e + to * end[i]) / sine) * length);
}
