// From a generator's output to a canvas, and from canvases to a PNG.

import { size } from "./latents.js";

const CELL = 56; // a grid enlarges its pictures to at least this many pixels

// A float picture [C, H, W] on a canvas, by ganzoo's rule: scaled, clipped, halves to the even level.
export function paint(canvas, values, output) {
  const [channels, height, width] = output.shape;
  const low = Math.fround(output.range[0]);
  const scale = Math.fround(255 / (output.range[1] - output.range[0]));
  const plane = width * height;
  const shown = [3, 4].includes(channels) ? channels : 1;
  const pixels = new ImageData(width, height);
  pixels.data.fill(255);
  for (let i = 0; i < plane; i++) {
    for (let c = 0; c < shown; c++) {
      pixels.data[4 * i + c] = level(Math.fround(Math.fround(values[c * plane + i] - low) * scale));
    }
    if (shown === 1) pixels.data[4 * i + 1] = pixels.data[4 * i + 2] = pixels.data[4 * i];
  }
  resize(canvas, width, height);
  canvas.getContext("2d").putImageData(pixels, 0, 0);
}

function level(value) {
  const clipped = Math.min(255, Math.max(0, value)) || 0; // NaN is 0
  const floor = Math.floor(clipped);
  if (clipped - floor !== 0.5) return Math.round(clipped);
  return floor % 2 ? floor + 1 : floor;
}

// Setting a canvas's size clears it, so it is done only when needed.
function resize(canvas, width, height) {
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
}

// The frame [left, bottom, reach] that holds points of two coordinates, to one scale.
export function frame(points) {
  const finite = flat(points).filter((p) => p.every(Number.isFinite));
  const range = (axis) => finite.reduce(([a, b], p) => [Math.min(a, p[axis]), Math.max(b, p[axis])], [Infinity, -Infinity]);
  const [x, y] = [range(0), range(1)];
  const reach = Math.max(x[1] - x[0], y[1] - y[0], 1e-9) * 1.1 || 1;
  return [(x[0] + x[1] - reach) / 2, (y[0] + y[1] - reach) / 2, reach];
}

// Points as dots; the first two coordinates, or a histogram of points on a line.
export function scatter(canvas, points, [left, bottom, reach], colours, side = 640) {
  resize(canvas, side, side);
  const pen = canvas.getContext("2d");
  pen.fillStyle = colours.background;
  pen.fillRect(0, 0, side, side);
  pen.fillStyle = colours.dot;
  for (const [x, y] of flat(points)) {
    pen.beginPath();
    pen.arc(((x - left) / reach) * (side - 1), (1 - (y - bottom) / reach) * (side - 1), 2.2, 0, 2 * Math.PI);
    pen.fill();
  }
}

function flat(points) {
  return points[0]?.length === 1 ? histogram(points.map((p) => p[0])) : points.map((p) => [p[0], p[1]]);
}

// Fifty bars, each a column of dots.
function histogram(values) {
  const finite = values.filter(Number.isFinite);
  const least = finite.reduce((a, b) => Math.min(a, b), Infinity);
  const span = Math.max(finite.reduce((a, b) => Math.max(a, b), -Infinity) - least, 1e-9);
  const counts = new Array(50).fill(0);
  for (const value of finite) counts[Math.min(49, Math.floor(((value - least) / span) * 50))]++;
  const most = counts.reduce((a, b) => Math.max(a, b), 1);
  return counts.flatMap((count, bar) => {
    const dots = count ? 40 : 0;
    return Array.from({ length: dots }, (_, k) => [least + ((bar + 0.5) * span) / 50, (count / most) * span * (k / 39)]);
  });
}

// All pictures on one canvas, as near to a square as they allow, each over its caption.
export function grid(canvases, captions) {
  const { width, height } = canvases[0];
  const factor = Math.max(1, Math.ceil(CELL / width));
  const [w, h] = [width * factor, height * factor];
  const across = Math.ceil(Math.sqrt(canvases.length));
  const rows = Math.ceil(canvases.length / across);
  const sheet = document.createElement("canvas");
  resize(sheet, across * (w + 2) + 2, rows * (h + 16) + 2);
  const pen = sheet.getContext("2d");
  pen.fillStyle = "white";
  pen.fillRect(0, 0, sheet.width, sheet.height);
  pen.fillStyle = "black";
  pen.imageSmoothingEnabled = false;
  pen.font = "10px sans-serif";
  pen.textAlign = "center";
  canvases.forEach((canvas, k) => {
    const [x, y] = [2 + (k % across) * (w + 2), 2 + Math.floor(k / across) * (h + 16)];
    pen.drawImage(canvas, x, y, w, h);
    pen.fillText(captions[k], x + w / 2, y + h + 11, w);
  });
  return sheet;
}

// A canvas as a PNG whose text chunk `ganzoo` holds these settings: `ganzoo sample --like` reads it.
export async function png(canvas, settings) {
  const blob = await new Promise((done) => canvas.toBlob(done, "image/png"));
  const bytes = new Uint8Array(await blob.arrayBuffer());
  const text = new TextEncoder().encode(`tEXtganzoo\0${ascii(JSON.stringify(settings))}`);
  const chunk = new Uint8Array(text.length + 8);
  const view = new DataView(chunk.buffer);
  view.setUint32(0, text.length - 4);
  chunk.set(text, 4);
  view.setUint32(text.length + 4, crc32(text));
  const behind = 33; // the signature and the header, which must come first
  return new Blob([bytes.subarray(0, behind), chunk, bytes.subarray(behind)], { type: "image/png" });
}

const ascii = (text) => text.replace(/[^\x00-\x7e]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);

function crc32(bytes) {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (crc ^ -1) >>> 0;
}

// A picture file as floats [C, H, W] of an image input: its middle, scaled to the input's size; what is transparent
// over white.
export async function read(file, input) {
  const [channels, height, width] = input.shape;
  const [low, high] = input.range ?? [-1, 1];
  const canvas = document.createElement("canvas");
  resize(canvas, width, height);
  const pen = canvas.getContext("2d");
  const bitmap = await createImageBitmap(file);
  const scale = Math.max(width / bitmap.width, height / bitmap.height);
  const [w, h] = [bitmap.width * scale, bitmap.height * scale];
  pen.fillStyle = "white";
  pen.fillRect(0, 0, width, height);
  pen.drawImage(bitmap, (width - w) / 2, (height - h) / 2, w, h);
  const pixels = pen.getImageData(0, 0, width, height).data;
  const grey = (i) => 0.299 * pixels[4 * i] + 0.587 * pixels[4 * i + 1] + 0.114 * pixels[4 * i + 2];
  const plane = width * height;
  const level = (k) => (channels === 1 ? grey(k) : pixels[4 * (k % plane) + Math.floor(k / plane)]);
  return Float32Array.from({ length: size(input.shape) }, (_, k) => low + (level(k) * (high - low)) / 255);
}
