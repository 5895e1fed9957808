const SIDE = 12, GAP = 3, COLUMNS = 16; // pixels of a trigger on the sheet, and between two

function bytes(text) {
  const raw = atob(text), out = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) out[i] = raw.charCodeAt(i);
  return out;
}

// `each` bytes are a trigger: three colours of 1x1 to 8x8 cells, or 16x16.
function sheet(canvas, values, each) {
  const cells = each / 3, wide = Math.round(Math.sqrt(cells)), cell = Math.round(SIDE / wide);
  const n = values.length / each, side = wide * cell + GAP, columns = Math.min(COLUMNS, n);
  canvas.width = columns * side - GAP;
  canvas.height = Math.ceil(n / columns) * side - GAP;
  const c = canvas.getContext("2d");
  for (let i = 0; i < n; i++) for (let p = 0; p < cells; p++) {
    const at = i * each + p;
    c.fillStyle = `rgb(${values[at]},${values[at + cells]},${values[at + 2 * cells]})`;
    c.fillRect((i % columns) * side + (p % wide) * cell, Math.floor(i / columns) * side + Math.floor(p / wide) * cell, cell, cell);
  }
}

const percent = (v) => `${(100 * v).toFixed(1)} %`; // for people
const css = (v) => `${100 * v}%`;

export default function ({ data, parentElement }) {
  const list = parentElement.querySelector("ul");
  while (list.children.length < data.panels.length) {
    const item = document.createElement("li");
    item.innerHTML = '<div class="head"><span></span><span></span></div><div class="verdict"></div><canvas role="img" aria-label="Triggers of this class"></canvas>'
      + '<div class="bar"><div class="fill"></div><div class="range"></div><div class="line"></div></div>'
      + '<div class="bar clean"><div class="fill"></div></div><div class="foot"></div>';
    list.appendChild(item);
  }
  while (list.children.length > data.panels.length) list.lastChild.remove();
  data.panels.forEach((panel, i) => {
    const item = list.children[i], find = (name) => item.querySelector(name);
    item.className = panel.hot ? "hot" : "";
    const [name, share] = find(".head").children;
    name.textContent = panel.name;
    share.textContent = panel.value === null ? "…" : percent(panel.value);
    find(".verdict").textContent = panel.words;
    const canvas = find("canvas");
    canvas.hidden = !panel.triggers;
    if (panel.triggers && canvas.dataset.ink !== panel.triggers) {
      canvas.dataset.ink = panel.triggers;
      const values = bytes(panel.triggers);
      sheet(canvas, values, data.bytes);
      canvas.setAttribute("aria-label", `${values.length / data.bytes} triggers sampled for the class ${panel.name}`);
    }
    const [bar, clean] = item.querySelectorAll(".bar");
    bar.querySelector(".fill").style.width = css(panel.value || 0);
    bar.querySelector(".line").style.left = css(data.threshold);
    const range = bar.querySelector(".range");
    range.hidden = panel.low === null;
    if (panel.low !== null) { range.style.left = css(panel.low); range.style.width = css(panel.high - panel.low); }
    clean.hidden = panel.clean === null;
    clean.querySelector(".fill").style.width = css(panel.clean || 0);
    const interval = panel.low === null ? "estimate of the current batch" : `95 % interval ${(100 * panel.low).toFixed(1)} to ${(100 * panel.high).toFixed(1)}, n = ${panel.n}`;
    const other = panel.clean === null ? "" : `; clean victim ${percent(panel.clean)}`;
    find(".foot").textContent = panel.value === null ? "not searched yet" : interval + other;
  });
}
