// One generator, run by ONNX Runtime in the browser.

import { PRIORS, between, label, latent, size } from "./latents.js";

const kept = new Map(); // what has been loaded, by file

// What `load` brings, once; what failed is tried anew.
function once(file, load) {
  if (!kept.has(file)) {
    const coming = load();
    coming.catch(() => kept.delete(file));
    kept.set(file, coming);
  }
  return kept.get(file);
}

// ONNX Runtime; the page tells how much has come.
function runtime(tell) {
  return once("runtime", async () => {
    const ort = await import("./runtime/onnxruntime-web.js");
    ort.env.wasm.numThreads = 1; // more need headers that a plain file server does not send
    ort.env.wasm.wasmBinary = await download("runtime/onnxruntime-web.wasm", "the runtime", tell);
    return ort;
  });
}

// The bytes of a file of this site.
async function download(name, what, tell) {
  const answer = await fetch(name);
  if (!answer.ok) throw new Error(`${name} could not be fetched (${answer.status} ${answer.statusText})`);
  const parts = [];
  let came = 0;
  const reader = answer.body.getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    parts.push(next.value);
    came += next.value.length;
    tell(`Loading ${what}: ${(came / 1e6).toFixed(1)} MB`);
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

export class Model {
  // about: an entry of site.json's generators. A model stays open: the next time it is there at once.
  static open(about, tell) {
    return once(about.file, async () => {
      const ort = await runtime(tell);
      const bytes = await download(about.file, "the model", tell);
      const session = await ort.InferenceSession.create(bytes, { executionProviders: ["wasm"] });
      return new Model(about, ort, session);
    });
  }

  constructor(about, ort, session) {
    Object.assign(this, { about, ort, session, spec: about.spec, last: Promise.resolve() });
    this.latents = this.spec.inputs.filter((input) => input.kind === "latent");
  }

  // The outputs of some rows, one Float32Array each. A row is {seed, towards, share, from}: the picture of a seed,
  // or one on the way to another's, with the class of the seed that the way comes from. wish: {inputs by name, clip}.
  async run(rows, wish) {
    const feeds = {};
    for (const input of this.spec.inputs) feeds[input.name] = this.#tensor(input, rows, wish);
    const turn = this.last.then(() => this.session.run(feeds)); // a session does one thing at a time
    this.last = turn.catch(() => {});
    const output = (await turn)[`output.${this.spec.output.kind}`];
    const width = size(this.spec.output.shape);
    return rows.map((_, k) => output.data.slice(k * width, (k + 1) * width));
  }

  #tensor(input, rows, wish) {
    const { Tensor } = this.ort;
    const given = wish.inputs[input.name] ?? null;
    if (input.kind === "scalar") return new Tensor("float32", Float32Array.of(given ?? input.default), []);
    if (input.kind === "label") {
      const classes = rows.map((row) => BigInt(given ?? label(input, row.from ?? row.seed)));
      return new Tensor("int64", BigInt64Array.from(classes), [rows.length]);
    }
    const width = size(input.shape);
    const data = new Float32Array(rows.length * width);
    rows.forEach((row, k) => data.set(given ?? this.#latent(input, row, wish.clip), k * width));
    return new Tensor("float32", data, [rows.length, ...input.shape]);
  }

  #latent(input, row, clip) {
    const start = latent(input, row.seed, clip);
    if (!row.share) return start;
    return between(start, latent(input, row.towards, clip), row.share, PRIORS[input.distribution].geometry);
  }
}
