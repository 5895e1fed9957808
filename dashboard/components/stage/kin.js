// Which recording stands for a painted trigger: its own, one of its kind, or the nearest that there is.

// One code of each of the 51 kinds: what no turning, mirroring or inverting makes smaller.
function kindOf(code) {
  let least = 511;
  for (const start of [code, 511 - code]) {
    let cells = Array.from({ length: 9 }, (_, p) => (start >> (8 - p)) & 1);
    for (let turn = 0; turn < 8; turn++) {
      least = Math.min(least, cells.reduce((n, bit) => 2 * n + bit, 0));
      const at = (r, c) => cells[3 * r + c];
      cells = Array.from({ length: 9 }, (_, p) => (turn === 3 ? at(Math.floor(p / 3), 2 - (p % 3)) : at(p % 3, 2 - Math.floor(p / 3))));
    }
  }
  return least;
}
const KIND_OF = Array.from({ length: 512 }, (_, code) => kindOf(code));
const KINDS = [...new Set(KIND_OF)].sort((a, b) => a - b);

// The code of a black-and-white trigger's 27 bytes, -1 for another, also where nine more tell of transparent cells.
function codeOfInks(inks) {
  if (inks.length > 27) return -1;
  let code = 0;
  for (let p = 0; p < 9; p++) {
    if (inks[p] !== inks[p + 9] || inks[p] !== inks[p + 18] || (inks[p] !== 0 && inks[p] !== 255)) return -1;
    code = 2 * code + (inks[p] ? 1 : 0);
  }
  return code;
}
// The code of the black-and-white trigger that a coloured one is nearest to, cell by cell.
function roundedCode(inks) {
  let code = 0;
  for (let p = 0; p < 9; p++) code = 2 * code + (inks[p] + inks[p + 9] + inks[p + 18] >= 383 ? 1 : 0);
  return code;
}
const bits = (n) => { let count = 0; for (; n; n &= n - 1) count += 1; return count; };
// In how many cells a code differs from the nearest of a kind.
const cellsTo = (code, kind) => KIND_OF.reduce((least, own, other) => (own === kind ? Math.min(least, bits(code ^ other)) : least), 9);
const stepsOf = (alpha) => Math.log10(alpha + 0.01);

// The entry of an index that stands for a trigger (27 bytes), with how: { one, cells, exact, whole, target, alpha };
// null where there is none. `cells` is 0 for one of its kind, `exact` says that it is this very trigger, `whole` that the
// painted one has no transparent cell.
function nearestOf(index, { data, inks, target, alpha }) {
  const code = codeOfInks(inks), near = code < 0 ? roundedCode(inks) : code;
  const all = index.filter((one) => one.data === data && one.orbit >= 0).map((one) => {
    const exact = code >= 0 && codeOfInks(hexToBytes(one.trigger)) === code;
    return { one, cells: cellsTo(near, one.orbit) + (code < 0 ? 0.5 : 0), exact, whole: inks.length === 27, target: one.target === target, alpha: one.alpha === alpha, far: Math.abs(stepsOf(one.alpha) - stepsOf(alpha)) };
  });
  all.sort((a, b) => a.cells - b.cells || b.target - a.target || b.exact - a.exact || a.far - b.far);
  return all[0] || null;
}
// That in words: `name` is the class that the recorded network was taught, `over` whether its figures may be seen yet.
function kinWords({ one, cells, exact, whole, target, alpha }, name, over) {
  const what = !whole ? "Nearest recording, of a full square" : cells === 0 ? (exact ? "Recorded with this very trigger" : "Recorded with a trigger of its kind") : cells < 1 ? "Recorded in black and white" : `Nearest recording: ${Math.floor(cells)} cell${cells >= 2 ? "s" : ""} away`;
  const rest = [target ? "" : `target “${name}”`, alpha ? "" : `α = ${one.alpha}`].filter(Boolean).join(", ");
  const n = one.before ? `, n = ${one.before[3].toLocaleString("en")}` : "";
  const figures = over && one.before && one.after ? `: ${percent(one.before[0])} before, ${percent(one.after[0])} after the repair${n}` : n;
  return `${what}${rest ? ` (${rest})` : ""}${figures}.`;
}

// How widely the last samples of a recording lie, in effective directions of 27 (the mean over the levels of
// (Σλ)²/Σλ² of their covariance), and how often they work, 0 to 1; null where there are none.
function spreadOf(rec) {
  const last = rec.frames.length - 1, t = rec.arrays[`triggers${last}`], asr = rec.arrays[`asr${last}`], level = rec.arrays.level;
  if (!t || !asr) return null;
  const wide = t.length / asr.length, found = [];
  for (let l = 0; l < rec.betas.length; l++) {
    const rows = []; level.forEach((own, i) => { if (own === l) rows.push(i); });
    if (rows.length < 2) continue;
    const mean = new Float64Array(wide);
    for (const i of rows) for (let k = 0; k < wide; k++) mean[k] += t[i * wide + k] / rows.length;
    let trace = 0, square = 0;
    for (let a = 0; a < wide; a++) for (let b = a; b < wide; b++) {
      let c = 0;
      for (const i of rows) c += (t[i * wide + a] - mean[a]) * (t[i * wide + b] - mean[b]);
      if (a === b) { trace += c; square += c * c; } else square += 2 * c * c;
    }
    if (square > 0) found.push((trace * trace) / square);
  }
  return { directions: found.length ? found.reduce((a, b) => a + b, 0) / found.length : 1, works: asr.reduce((a, b) => a + b, 0) / 255 / asr.length };
}
function alphaWords(rec) {
  const own = spreadOf(rec);
  if (!own) return "";
  const works = `on ${percent(own.works)}`, wide = `${own.directions.toFixed(1)} of 27 directions`;
  if (own.works < Math.min(...rec.betas)) return `α = ${rec.alpha}: pushed too far apart (${wide}), they work ${works} only.`;
  return rec.alpha === 0 ? `α = 0: nothing pushes them apart (${wide}). They work ${works}.` : `α = ${rec.alpha}: pushed apart (${wide}), they still work ${works}.`;
}
