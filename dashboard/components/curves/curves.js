const memory = new WeakMap();
const PALETTE = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#b8a500", "#7a5195"];
const DASHES = [[], [6, 3], [2, 3], [8, 3, 2, 3]]; // so that lines differ without colour, too
const LEFT = 44, RIGHT = 10, TOP = 8, BOTTOM = 34;

// Round numbers between low and high, about `count` of them.
function ticks(low, high, count) {
  const rough = (high - low) / count, size = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * size).find((s) => s >= rough) || rough, out = [];
  for (let v = Math.ceil(low / step) * step; v <= high + step * 1e-6; v += step) out.push(Math.abs(v) < step * 1e-6 ? 0 : v);
  return out;
}

class Panel {
  constructor(host, root) {
    this.root = root; this.view = null;
    this.box = document.createElement("div"); this.box.className = "panel";
    this.title = document.createElement("h4"); this.canvas = document.createElement("canvas"); this.list = document.createElement("ul");
    this.canvas.tabIndex = 0; this.canvas.setAttribute("role", "img");
    this.box.append(this.title, this.canvas, this.list); host.append(this.box);
    const c = this.canvas;
    let last = null;
    c.addEventListener("pointerdown", (e) => { last = e.offsetX; c.focus({ preventScroll: true }); c.setPointerCapture(e.pointerId); });
    c.addEventListener("pointermove", (e) => { if (last !== null && this.view) { this.pan((last - e.offsetX) / this.inner()); last = e.offsetX; } this.mouse = e.offsetX; this.ask(); });
    c.addEventListener("pointerup", () => { last = null; });
    c.addEventListener("pointerleave", () => { last = null; this.mouse = null; this.ask(); });
    c.addEventListener("dblclick", () => { this.view = null; this.ask(); });
    c.addEventListener("wheel", (e) => {
      if (!e.ctrlKey && root.activeElement !== c) return; // else the page scrolls
      e.preventDefault(); this.zoom(Math.exp(e.deltaY * 0.0016), (e.offsetX - LEFT) / this.inner());
    }, { passive: false });
    c.addEventListener("keydown", (e) => {
      const act = { "+": () => this.zoom(0.7), "=": () => this.zoom(0.7), "-": () => this.zoom(1 / 0.7), 0: () => { this.view = null; },
        ArrowLeft: () => this.pan(-0.1), ArrowRight: () => this.pan(0.1) }[e.key];
      if (!act || e.ctrlKey || e.metaKey || e.altKey) return;
      e.preventDefault(); e.stopPropagation(); act(); this.ask();
    });
    new ResizeObserver(() => this.ask()).observe(c);
  }
  inner() { return Math.max(20, this.canvas.clientWidth - LEFT - RIGHT); }
  whole() {
    let low = Infinity, high = -Infinity;
    for (const l of this.data.lines) for (const x of l.x) { low = Math.min(low, x); high = Math.max(high, x); }
    return low < high ? [low, high] : [0, 1];
  }
  zoom(factor, at = 0.5) {
    const [low, high] = this.whole(), [a, b] = this.view || [low, high];
    const wide = Math.min(high - low, Math.max((high - low) / 200, (b - a) * factor));
    if (wide >= high - low) this.view = null;
    else { const from = Math.max(low, Math.min(high - wide, a + (b - a) * at - wide * at)); this.view = [from, from + wide]; }
    this.ask();
  }
  pan(share) {
    if (!this.view) return;
    const [low, high] = this.whole(), [a, b] = this.view, shift = Math.max(low - a, Math.min(high - b, share * (b - a)));
    this.view = [a + shift, b + shift]; this.ask();
  }
  set(data) {
    this.data = data;
    this.title.textContent = data.title;
    const last = data.lines.map((l) => `${l.name} ${l.y.length ? l.y[l.y.length - 1].toPrecision(3) : "none"}`).join("; ");
    this.canvas.setAttribute("aria-label", `${data.title} over ${data.x}. Last values: ${last}. Plus, minus, 0 and arrows zoom and move.`);
    const names = data.lines.map((l) => l.name).join();
    if (names !== this.names) {
      this.names = names;
      this.list.innerHTML = data.lines.map((l, i) => `<li><svg viewBox="0 0 26 8" aria-hidden="true"><line x1="0" x2="26" y1="4" y2="4" stroke="${PALETTE[i % 8]}" stroke-width="2.5" stroke-dasharray="${DASHES[i % 4].join(" ")}"/></svg><span></span></li>`).join("");
      [...this.list.querySelectorAll("span")].forEach((s, i) => { s.textContent = data.lines[i].name; });
    }
    this.ask();
  }
  ask() { if (!this.asked) { this.asked = true; requestAnimationFrame(() => { this.asked = false; this.draw(); }); } }
  draw() {
    const canvas = this.canvas, w = canvas.clientWidth, h = canvas.clientHeight, s = window.devicePixelRatio || 1;
    if (!w || !this.data) return;
    if (canvas.width !== Math.round(w * s) || canvas.height !== Math.round(h * s)) { canvas.width = Math.round(w * s); canvas.height = Math.round(h * s); }
    const c = canvas.getContext("2d"), style = getComputedStyle(this.root.host || canvas);
    const ink = style.getPropertyValue("--st-text-color").trim() || "#222", line = style.getPropertyValue("--st-border-color").trim() || "#ccc";
    c.setTransform(s, 0, 0, s, 0, 0); c.clearRect(0, 0, w, h);
    const [a, b] = this.view || this.whole(), d = this.data;
    let low = d.low, high = d.high;
    if (low === null || high === null) {
      let l = Infinity, g = -Infinity;
      for (const one of d.lines) one.y.forEach((y, i) => { if (one.x[i] >= a && one.x[i] <= b) { l = Math.min(l, y); g = Math.max(g, y); } });
      if (!(l <= g)) { l = 0; g = 1; }
      low = low === null ? Math.min(0, l) : low; high = high === null ? g + (g - low || 1) * 0.06 : high;
    }
    const px = (x) => LEFT + (x - a) / (b - a) * (w - LEFT - RIGHT), py = (y) => h - BOTTOM - (y - low) / (high - low) * (h - TOP - BOTTOM);
    c.font = "11px sans-serif"; c.fillStyle = ink; c.strokeStyle = line; c.lineWidth = 1; c.textAlign = "right"; c.textBaseline = "middle";
    for (const v of ticks(low, high, 4)) { c.beginPath(); c.moveTo(LEFT, py(v)); c.lineTo(w - RIGHT, py(v)); c.stroke(); c.fillText(d.percent ? `${Math.round(100 * v)} %` : String(+v.toPrecision(3)), LEFT - 5, py(v)); }
    c.textAlign = "center"; c.textBaseline = "top";
    for (const v of ticks(a, b, 5)) c.fillText(String(+v.toPrecision(4)), px(v), h - BOTTOM + 4);
    c.fillText(d.x, LEFT + (w - LEFT - RIGHT) / 2, h - 14);
    c.save(); c.beginPath(); c.rect(LEFT, 0, w - LEFT - RIGHT, h - BOTTOM + 2); c.clip();
    d.lines.forEach((one, i) => {
      c.strokeStyle = PALETTE[i % 8]; c.lineWidth = 1.8; c.setLineDash(DASHES[i % 4]); c.beginPath();
      one.x.forEach((x, k) => (k ? c.lineTo(px(x), py(one.y[k])) : c.moveTo(px(x), py(one.y[k])))); c.stroke();
    });
    c.setLineDash([]);
    if (this.mouse > LEFT && this.mouse < w - RIGHT) {
      const x = a + (this.mouse - LEFT) / (w - LEFT - RIGHT) * (b - a);
      c.strokeStyle = ink; c.globalAlpha = 0.5; c.lineWidth = 1; c.beginPath(); c.moveTo(this.mouse, TOP); c.lineTo(this.mouse, h - BOTTOM); c.stroke(); c.globalAlpha = 1;
      [...this.list.querySelectorAll("span")].forEach((span, i) => {
        const one = d.lines[i]; let k = 0;
        one.x.forEach((v, j) => { if (Math.abs(v - x) < Math.abs(one.x[k] - x)) k = j; });
        span.textContent = one.x.length ? `${one.name}: ${d.percent ? `${Math.round(100 * one.y[k])} %` : one.y[k].toPrecision(3)} at ${one.x[k]}` : one.name;
      });
    } else [...this.list.querySelectorAll("span")].forEach((span, i) => { span.textContent = d.lines[i] ? d.lines[i].name : ""; });
    c.restore();
  }
}

export default function ({ data, parentElement }) {
  let own = memory.get(parentElement);
  if (!own) memory.set(parentElement, (own = { panels: [] }));
  const host = parentElement.querySelector(".panels");
  while (own.panels.length < data.panels.length) own.panels.push(new Panel(host, parentElement));
  while (own.panels.length > data.panels.length) own.panels.pop().box.remove();
  data.panels.forEach((p, i) => own.panels[i].set(p));
  const row = (cells, tag) => { const tr = document.createElement("tr"); cells.forEach((t) => { const cell = document.createElement(tag); cell.textContent = t; tr.append(cell); }); return tr; };
  const table = document.createElement("table");
  table.append(row(["figure", "line", "first", "last", "points"], "th"));
  for (const p of data.panels) for (const l of p.lines) table.append(row([p.title, l.name, l.y.length ? l.y[0].toPrecision(3) : "", l.y.length ? l.y[l.y.length - 1].toPrecision(3) : "", String(l.y.length)], "td"));
  parentElement.querySelector(".table").replaceChildren(table);
}
