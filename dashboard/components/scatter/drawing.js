// What the scatter draws, as plain functions: bytes to numbers, numbers to pixels.
const PALETTE = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#b8a500", "#7a5195"];
const GREY = "#8a8a8a";
const ARRAYS = { u1: Uint8Array, i1: Int8Array, u2: Uint16Array, f4: Float32Array };

// The inverse of packing.pack: a header, and typed arrays beside it.
function parse(data) {
  const block = data.slice().buffer; // a copy that begins at a multiple of eight
  const length = new DataView(block).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(block, 4, length)));
  const found = {};
  for (const [name, [kind, at, count]] of Object.entries(header.arrays)) {
    found[name] = new ARRAYS[kind](block, 4 + length + at, count);
  }
  header.arrays = found;
  return header;
}

// Places come as whole numbers: 0 is half a width left of the axes' bounds, 65535 half a width right of them.
const unit = (whole) => whole / 32767.5 - 0.5;

// A frame of the header with its arrays; the y axis is turned, since a canvas grows downwards.
function frameOf(header, i) {
  const a = header.arrays, f = header.frames[i], places = a[`places${i}`];
  const xy = new Float32Array(places.length);
  for (let p = 0; p < xy.length; p += 2) { xy[p] = unit(places[p]); xy[p + 1] = 1 - unit(places[p + 1]); }
  return { ...f, xy, triggers: a[`triggers${i}`], side: f.n ? sideOf(a[`triggers${i}`].length / f.n) : 3, asr: a[`asr${i}`], level: a[`level${i}`], mode: a[`mode${i}`] || null,
    opacity: a[`opacity${i}`] || null };
}

// What lies beneath a cell that lets the image through: dark and light squares, four to a cell.
const CHEQUER = [204, 255];
const beneath = (down, across) => CHEQUER[(down + across) % 2];
const over = (ink, ground, share) => Math.round(ground + (share / 255) * (ink - ground));

// The side of a trigger that has so many bytes: three colours of 1x1 to 8x8 cells, or 16x16.
const sideOf = (bytes) => Math.round(Math.sqrt(bytes / 3));

function rgb(hex) {
  const v = parseInt(hex.slice(1), 16);
  return [v >> 16, (v >> 8) & 255, v & 255];
}

// Viridis at five places, readable for colour-blind people on light and dark.
const STOPS = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];
function viridis(t) {
  const at = Math.max(0, Math.min(0.9999, t)) * 4, i = Math.floor(at), f = at - i;
  return STOPS[i].map((v, k) => Math.round(v + (STOPS[i + 1][k] - v) * f));
}

// The colour of one dot's frame, as three numbers.
function colourOf(frame, i, by) {
  if (by === "level") return rgb(PALETTE[frame.level[i] % PALETTE.length]);
  if (by === "mode") return frame.mode && frame.mode[i] >= 0 ? rgb(PALETTE[frame.mode[i] % PALETTE.length]) : rgb(GREY);
  return viridis(frame.asr[i] / 255);
}

// All dots as little pictures with their coloured frame baked in: 32-bit pixels, one tile after another.
// A trigger is stored colour by colour: red of all cells, then green, then blue. `chosen` dims all others.
function bake(frame, by, cell, rim, chosen) {
  const wide = frame.side, cells = wide * wide, t = frame.triggers;
  const side = wide * cell + 2 * rim, out = new Uint32Array(frame.n * side * side);
  for (let i = 0; i < frame.n; i++) {
    const alpha = (!chosen || chosen[i] ? 255 : 60) << 24, at = i * 3 * cells, base = i * side * side;
    const [r, g, b] = colourOf(frame, i, by);
    out.fill((alpha | (b << 16) | (g << 8) | r) >>> 0, base, base + side * side);
    for (let p = 0; p < cells; p++) {
      const pixel = (alpha | (t[at + p + 2 * cells] << 16) | (t[at + p + cells] << 8) | t[at + p]) >>> 0;
      const start = base + (rim + Math.floor(p / wide) * cell) * side + rim + (p % wide) * cell;
      for (let y = 0; y < cell; y++) out.fill(pixel, start + y * side, start + y * side + cell);
      const share = frame.opacity ? frame.opacity[i * cells + p] : 255, half = Math.max(1, cell >> 1);
      for (let y = 0; share < 255 && y < cell; y++) for (let x = 0; x < cell; x++) {
        const g = beneath(Math.min(1, Math.floor(y / half)), Math.min(1, Math.floor(x / half)));
        const ink = (k) => over(t[at + p + k * cells], g, share);
        out[start + y * side + x] = (alpha | (ink(2) << 16) | (ink(1) << 8) | ink(0)) >>> 0;
      }
    }
  }
  return { side, pixels: out };
}

// Copy a tile into a picture of `wide` by `high` pixels, cut at its edges.
function blit(out, wide, high, tiles, i, left, top) {
  const side = tiles.side, from = tiles.pixels;
  const x0 = Math.max(0, -left), x1 = Math.min(side, wide - left);
  const y0 = Math.max(0, -top), y1 = Math.min(side, high - top);
  for (let y = y0; y < y1; y++) {
    let s = i * side * side + y * side + x0, o = (top + y) * wide + left + x0;
    for (let x = x0; x < x1; x++) out[o++] = from[s++];
  }
}

// One trigger of `wide` cells a side, drawn `side` pixels large; over a chequer where `opacity` lets that through. A single one may
// bring its shape behind its colours: 0 for each cell that is transparent.
function thumb(context, triggers, i, x, y, side, wide, opacity = null) {
  const cell = side / wide, cells = wide * wide, shape = !opacity && triggers.length === 4 * cells;
  const shareOf = (p) => (opacity ? opacity[i * cells + p] : shape && !triggers[3 * cells + p] ? 0 : 255);
  for (let p = 0; p < cells; p++) {
    const at = i * 3 * cells + p, share = shareOf(p), parts = share < 255 ? 2 : 1, part = cell / parts;
    for (let q = 0; q < parts * parts; q++) {
      const down = Math.floor(q / parts), across = q % parts, g = beneath(down, across);
      context.fillStyle = `rgb(${[0, 1, 2].map((k) => over(triggers[at + k * cells], g, share)).join()})`;
      context.fillRect(x + (p % wide) * cell + across * part, y + Math.floor(p / wide) * cell + down * part, part + 0.3, part + 0.3);
    }
  }
}

// A trigger's colours as bytes, colour by colour. Where a cell is transparent, "-", it is grey, and a fourth part follows
// that says of each cell how much it covers, 255 or 0.
function hexToBytes(words) {
  const colours = words.split(" "), cells = colours.length, shape = colours.includes("-");
  const out = new Uint8Array((shape ? 4 : 3) * cells);
  colours.forEach((word, p) => {
    const [r, g, b] = word === "-" ? [128, 128, 128] : rgb(word);
    out[p] = r; out[p + cells] = g; out[p + 2 * cells] = b;
    if (shape) out[p + 3 * cells] = word === "-" ? 0 : 255;
  });
  return out;
}

// The black-and-white code to which a trigger rounds: white where the mean of the three colours exceeds one half.
function codeOf(triggers, i, wide) {
  const cells = wide * wide;
  let code = 0;
  for (let p = 0; p < cells; p++) {
    const at = i * 3 * cells + p;
    code = code * 2 + (triggers[at] + triggers[at + cells] + triggers[at + 2 * cells] > 382.5 ? 1 : 0);
  }
  return code;
}

// Whether a point lies in a polygon (even-odd rule).
function inside(polygon, x, y) {
  let odd = false;
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i++) {
    const [ax, ay] = polygon[i], [bx, by] = polygon[j];
    if ((ay > y) !== (by > y) && x < (bx - ax) * (y - ay) / (by - ay) + ax) odd = !odd;
  }
  return odd;
}

