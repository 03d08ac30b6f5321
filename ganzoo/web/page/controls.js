// The controls that a generator's spec asks for.

const TRUNCATIONS = ["truncation", "psi"]; // the names a scalar input of that meaning may have

// An element with attributes and children; text is set as text, never as HTML.
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) if (value !== null) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function field(id, title, doc, ...children) {
  const made = element("div", { class: "field" }, element("label", { for: id }, title), ...children);
  if (doc) made.append(element("small", {}, doc));
  return made;
}

function slider(name, [min, max], value) {
  const range = element("input", { id: name, name, type: "range", min, max, step: "any", value });
  range.defaultValue = value;
  return [range, element("output", { for: name })];
}

// What the page asks the generator, in the order of its spec.
export function build(spec) {
  const made = spec.inputs.flatMap((input) => {
    const id = `input-${input.name}`;
    if (input.kind === "label") {
      const options = input.classes.map((name, k) => element("option", { value: k }, name));
      const any = element("option", { value: "" }, "as the seed says");
      return [field(id, input.name.length > 1 ? input.name : "Class", input.doc, element("select", { id, name: id }, any, ...options))];
    }
    if (input.kind === "scalar") {
      return [field(id, input.name, input.doc, element("div", { class: "row" }, ...slider(id, input.range, input.default)))];
    }
    if (input.kind === "image") {
      return [field(id, input.name, input.doc, element("input", { id, name: id, type: "file", accept: "image/*" }))];
    }
    return [];
  });
  const most = widest(spec);
  if (most !== null) {
    const [range, output] = slider("clip", [most / 20, most], most);
    const on = element("input", { type: "checkbox", name: "clipped", "aria-label": "Truncate" });
    made.push(field("clip", "Truncation", "Nearer the mean, less varied.", element("div", { class: "row" }, on, range, output)));
  }
  return made;
}

// The greatest bound within which normal latents may be kept; null where the spec declares none.
function widest(spec) {
  if (spec.inputs.some((input) => input.kind === "scalar" && TRUNCATIONS.includes(input.name))) return null;
  const normal = spec.inputs.filter((input) => input.kind === "latent" && input.distribution === "normal" && input.range);
  return normal.length ? Math.max(...normal.map((input) => input.range[1])) : null;
}

// What the form says: {inputs by name, clip} for the model, and the arguments of ganzoo's `sample`.
export function wish(spec, form, pictures) {
  const inputs = {};
  const said = {};
  for (const input of spec.inputs) {
    const box = form.elements[`input-${input.name}`];
    if (!box) continue;
    if (input.kind === "image") inputs[input.name] = pictures[input.name] ?? null;
    else if (box.value !== "") inputs[input.name] = said[input.name] = Number(box.value);
    if (input.kind === "image") said[input.name] = null; // too much for a text chunk
  }
  const clip = form.elements.clipped?.checked ? Number(form.elements.clip.value) : null;
  if (clip !== null) said.truncation = clip;
  return { inputs, clip, said };
}
