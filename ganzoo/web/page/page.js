// The page: what is asked for, drawn by the model, and kept in the address.

import { build, element, wish } from "./controls.js";
import { frame, grid, paint, png, read, scatter } from "./draw.js";
import { Model } from "./model.js";

const LAST_SEED = 4294967295;
const BATCH = 8; // pictures that appear at once
const LEG = 1500; // milliseconds of a walk from one seed to the next
const find = (id) => document.getElementById(id);
const form = find("controls");

let site = null;
let model = null;
let turn = 0; // counts what was asked for: what is older stops
let pictures = {}; // given, by input name
let shown = null; // what the pictures are of, once all of them are there
let linked = null; // what the address says and the form does not show yet

const chosen = () => site.generators[find("generator").selectedIndex];
const opening = () => model?.about !== chosen(); // the model that is chosen is still to come
const points = () => model.spec.output.kind === "points";
const drawn = () => [...find("pictures").querySelectorAll("canvas")];
const after = (seed, steps) => (seed + steps) % (LAST_SEED + 1);

function tell(text, wrong = false) {
  find("status").textContent = text;
  find("status").classList.toggle("wrong", wrong);
}

// Runs something that was asked for; what goes wrong is said on the page.
async function attempt(action) {
  try {
    await action();
  } catch (error) {
    console.error(error);
    tell(`This did not work: ${error.message}`, true);
  }
}

const colours = () => {
  const style = getComputedStyle(document.body);
  return { background: style.getPropertyValue("--panel"), dot: style.getPropertyValue("--accent") };
};

// What the form asks for, or null while it makes no sense.
function asked() {
  if (!form.checkValidity()) {
    tell("A seed is a whole number from 0 to 4294967295.", true);
    return null;
  }
  const wanted = { ...wish(model.spec, form, pictures), seed: Number(form.elements.seed.value) };
  wanted.count = Math.min(Number(form.elements.count.value), LAST_SEED - wanted.seed + 1);
  const missing = model.spec.inputs.find((input) => input.kind === "image" && !pictures[input.name]);
  if (missing) tell(`Choose a picture for ${missing.name}.`);
  return missing ? null : wanted;
}

async function draw() {
  const mine = ++turn;
  shown = null;
  stay();
  if (opening()) await open(mine);
  if (mine !== turn) return;
  if (linked) recall();
  outputs();
  const wanted = asked();
  if (!wanted) return;
  remember();
  const began = performance.now();
  const rows = Array.from({ length: wanted.count }, (_, k) => ({ seed: wanted.seed + k }));
  const canvases = lay(points() ? 1 : wanted.count);
  const batch = points() ? rows.length : BATCH;
  for (let start = 0; start < rows.length; start += batch) {
    const part = rows.slice(start, start + batch);
    const made = await model.run(part, wanted);
    if (mine !== turn) return;
    if (points()) plot(canvases[0], made, frame(made), `${wanted.count} points`);
    else made.forEach((values, k) => show(canvases[start + k], values, `${part[k].seed}`, `Picture of seed ${part[k].seed}`));
    await new Promise(requestAnimationFrame);
    if (mine !== turn) return;
  }
  shown = wanted;
  press(false);
  const seconds = ((performance.now() - began) / 1000).toFixed(2);
  const what = points() ? `${wanted.count} points` : wanted.count === 1 ? "1 picture" : `${wanted.count} pictures`;
  tell(`${what} in ${seconds} s`);
}

// As many figures as are needed; those that are there stay, so that nothing flickers.
function lay(count) {
  const list = find("pictures");
  list.classList.toggle("points", points());
  list.classList.toggle("few", count < 5);
  while (list.children.length > count) list.lastChild.remove();
  while (list.children.length < count) {
    list.append(element("li", {}, element("figure", {}, element("canvas", { role: "img" }), element("figcaption"))));
  }
  return drawn();
}

function show(canvas, values, caption, name) {
  paint(canvas, values, model.spec.output);
  label(canvas, caption, name);
}

function plot(canvas, made, within, caption) {
  scatter(canvas, made, within, colours());
  label(canvas, caption, `Scatter plot of ${caption}`);
}

function label(canvas, caption, name) {
  canvas.setAttribute("aria-label", name);
  canvas.nextElementSibling.textContent = caption;
}

// An animated way through latent space from seed to seed, until it is stopped.
async function walk() {
  const mine = ++turn;
  const wanted = asked();
  if (!wanted) return;
  const canvas = find("stage").querySelector("canvas");
  const count = points() ? wanted.count : 1;
  const began = performance.now();
  let within = null;
  press(true);
  while (mine === turn) {
    const passed = (performance.now() - began) / LEG;
    const first = after(wanted.seed, Math.floor(passed) * count);
    const share = passed % 1;
    const rows = Array.from({ length: count }, (_, k) => {
      const seed = after(first, k);
      return { seed, towards: after(seed, count), share, from: after(wanted.seed, k) };
    });
    const made = await model.run(rows, wanted);
    if (mine !== turn) return;
    within ??= points() ? frame(made) : null;
    const way = `${first} → ${after(first, count)}`;
    if (points()) plot(canvas, made, within, `${count} points, seeds ${way}`);
    else show(canvas, made[0], way, "A walk through latent space");
    find("stage").hidden = false;
    find("pictures").hidden = true;
    await new Promise(requestAnimationFrame);
  }
}

function press(walking) {
  find("walk").setAttribute("aria-pressed", walking);
  find("walk").textContent = walking ? "Stop" : "Walk";
  find("walk").disabled = opening();
  find("save").disabled = walking || opening() || !shown;
  if (walking) tell("Walking from seed to seed");
}

function stay() {
  press(false);
  find("stage").hidden = true;
  find("pictures").hidden = false;
}

// Saves what is shown, with the settings that `ganzoo sample --like` makes it from again.
async function save() {
  const { seed, count, said } = shown;
  const seeds = count > 1 ? `${seed}-${seed + count - 1}` : `${seed}`;
  const canvases = drawn();
  const captions = canvases.map((canvas) => canvas.nextElementSibling.textContent);
  const sheet = points() ? canvases[0] : grid(canvases, captions);
  const { exported_from, step } = model.about.card;
  const settings = { arguments: { seeds, ...said }, call: "sample", exported_from, generator: model.spec.name, model: model.about.checksum, step };
  const link = element("a", { download: `${model.spec.name}-${seeds}.png`, href: URL.createObjectURL(await png(sheet, settings)) });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

// The number beside each slider.
function outputs() {
  for (const range of form.querySelectorAll("input[type=range]")) {
    range.parentElement.querySelector("output").textContent = Number(Number(range.value).toPrecision(3));
  }
  if (form.elements.clip) form.elements.clip.disabled = !form.elements.clipped.checked;
}

// The boxes whose values stand in the address, beside the generator's name.
const boxes = () => [...form.elements].filter((box) => box.name && !["file", "checkbox"].includes(box.type));

// The settings stand in the address, so that a link shows the same pictures.
function remember() {
  const said = new URLSearchParams(model.about === site.generators[0] ? {} : { generator: model.spec.name });
  for (const box of boxes()) {
    if (box.disabled || box.value === "") continue;
    // a truncation is there by being said, even the widest
    if (box.value !== box.defaultValue || ["seed", "clip"].includes(box.name)) said.set(box.name, box.value);
  }
  history.replaceState(null, "", `#${said}`);
}

// To what the address says; what it does not say is as it was at first.
async function visit() {
  linked = new URLSearchParams(location.hash.slice(1));
  for (const box of boxes()) box.value = box.defaultValue ?? "";
  const named = site.generators.findIndex(({ spec }) => spec.name === linked.get("generator"));
  find("generator").selectedIndex = Math.max(0, named);
  await draw();
}

// The rest of it, for which the generator's controls must be there.
function recall() {
  for (const box of boxes()) if (linked.has(box.name)) box.value = linked.get(box.name);
  if (form.elements.clipped) form.elements.clipped.checked = linked.has("clip");
  linked = null;
}

// Another generator: its controls, its card; nothing of it if something else is asked for before it has come.
async function open(mine) {
  const about = chosen();
  const telling = (text) => about === chosen() && tell(text);
  const found = await Model.open(about, telling).catch((error) => {
    if (mine === turn) throw error;
  });
  if (mine !== turn) return;
  model = found;
  pictures = {};
  const [least, most, usual] = about.spec.output.kind === "points" ? [100, 5000, 1000] : [1, 64, 16];
  const starts = model.latents.length > 0 || about.spec.inputs.some((input) => input.kind === "label");
  const count = form.elements.count;
  Object.assign(count, { min: least, max: starts ? most : least, step: least });
  count.value = count.defaultValue = starts ? usual : least;
  for (const box of [form.elements.seed, count]) box.closest(".field").hidden = !starts;
  find("walk").hidden = !model.latents.length;
  find("inputs").replaceChildren(...build(about.spec));
  const { card } = about;
  const data = card.data ? `trained on ${card.data}${card.step ? `, ${card.step} steps` : ""}` : "";
  find("about").textContent = [card.title, card.paper, data].filter(Boolean).join(" · ");
  const licence = card.data_card?.licence ? `Data: ${card.data}, ${card.data_card.licence}. ` : "";
  find("facts").textContent = `${licence}Model: ${about.bytes.toLocaleString("en")} bytes, SHA-256 ${about.checksum.slice(0, 12)}…`;
  press(false);
}

async function start() {
  find("wait").hidden = true;
  find("main").hidden = false;
  tell("Loading");
  const answer = await fetch("site.json");
  if (!answer.ok) throw new Error(`site.json could not be fetched (${answer.status}); upload the whole folder`);
  site = await answer.json();
  find("title").textContent = document.title = site.title;
  find("generator").replaceChildren(...site.generators.map(({ spec }) => element("option", {}, spec.name)));
  find("generators").hidden = site.generators.length < 2;
  listen();
  await visit();
}

function listen() {
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", (event) => {
    if (event.target.type !== "file") attempt(draw);
  });
  form.addEventListener("change", (event) => attempt(async () => {
    if (event.target.type !== "file") return;
    if (event.target.files.length) {
      const input = model.spec.inputs.find(({ name }) => `input-${name}` === event.target.id);
      pictures[input.name] = await read(event.target.files[0], input);
    }
    await draw();
  }));
  find("random").addEventListener("click", () => {
    form.elements.seed.value = crypto.getRandomValues(new Uint32Array(1))[0];
    attempt(draw);
  });
  find("walk").addEventListener("click", () => attempt(find("walk").getAttribute("aria-pressed") === "true" ? draw : walk));
  find("save").addEventListener("click", () => attempt(save));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => model && points() && attempt(draw));
  addEventListener("hashchange", () => attempt(visit));
}

attempt(start);
