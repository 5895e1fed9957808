const memory = new WeakMap();
const TWEEN = 450; // milliseconds
const PALETTE = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00"];
const HIGH = 165, HEAD = 26, PAD = 14, FOOT = 34; // pixels of a plot, its title, the margins, the strip of dots
const SPACE = "http://www.w3.org/2000/svg";

const flat = (data) => [data.plots.flatMap((p) => [p.top, ...p.series.flatMap((s) => s.values)]), data.dots].flat();
const shape = (data) => JSON.stringify([data.plots.map((p) => p.series.map((s) => s.values.length)), data.dots.length]);

function mix(from, to, e) {
  let at = 0;
  const next = (v) => { const old = from[at++]; return old + (v - old) * e; };
  const plots = to.plots.map((p) => ({ ...p, top: next(p.top), series: p.series.map((s) => ({ ...s, values: s.values.map(next) })) }));
  return { ...to, plots, dots: to.dots.map(next) };
}

function part(parent, name, attributes, words) {
  const node = document.createElementNS(SPACE, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (words !== undefined) node.textContent = words;
  parent.appendChild(node);
  return node;
}

function render(svg, data) {
  const wide = Math.max(200, svg.clientWidth), each = HIGH + HEAD + 12;
  const high = data.plots.length * each + (data.dots.length ? FOOT : 10);
  svg.setAttribute("viewBox", `0 0 ${wide} ${high}`);
  svg.style.height = `${high}px`;
  svg.replaceChildren();
  const px = (i, n) => PAD + (i + 0.5) / n * (wide - 2 * PAD);
  data.plots.forEach((plot, k) => {
    const base = (k + 1) * each, py = (v) => base - Math.max(0, Math.min(1.04, v / plot.top)) * HIGH;
    part(svg, "text", { x: PAD, y: base - HIGH - 9 }, plot.title);
    part(svg, "path", { class: "axis", d: `M${PAD},${base}H${wide - PAD}` });
    for (const s of plot.series) {
      const line = s.values.map((v, i) => `${i ? "L" : "M"}${px(i, s.values.length).toFixed(1)},${py(v).toFixed(1)}`).join("");
      const colour = PALETTE[s.tone % PALETTE.length];
      if (s.style === "area") part(svg, "path", { d: `${line}V${base}H${px(0, s.values.length)}Z`, fill: colour, "fill-opacity": 0.35 });
      part(svg, "path", { d: line, fill: "none", stroke: colour, "stroke-width": 2, ...(s.style === "dashed" ? { "stroke-dasharray": "6 4" } : {}) });
    }
    for (const [v, words] of plot.levels) {
      part(svg, "path", { class: "level", d: `M${PAD},${py(v)}H${wide - PAD}` });
      part(svg, "text", { x: wide - PAD - 4, y: py(v) - 4, "text-anchor": "end" }, words);
    }
  });
  const floor = high - FOOT / 2;
  data.dots.forEach((x, i) => part(svg, "circle", {
    cx: (PAD + x * (wide - 2 * PAD)).toFixed(1), cy: floor + ((i * 7) % 5 - 2) * 4, r: 3.2, fill: PALETTE[1], stroke: "#0007", "stroke-width": 0.7,
  }));
}

export default function ({ data, parentElement }) {
  const svg = parentElement.querySelector("svg");
  let own = memory.get(parentElement);
  if (!own) {
    own = { shown: null };
    memory.set(parentElement, own);
    new ResizeObserver(() => own.shown && render(svg, own.shown)).observe(parentElement.querySelector(".law"));
  }
  svg.setAttribute("aria-label", data.text);
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  if (!own.shown || calm || shape(own.shown) !== shape(data)) {
    own.to = own.shown = data;
    render(svg, data);
    return;
  }
  const from = flat(own.shown), began = performance.now();
  own.to = data;
  const frame = (time) => {
    if (own.to !== data) return; // a newer change has taken over from here
    const t = Math.max(0, Math.min(1, (time - began) / TWEEN)), e = t * t * (3 - 2 * t);
    own.shown = t < 1 ? mix(from, data, e) : data;
    render(svg, own.shown);
    if (t < 1) requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
}
