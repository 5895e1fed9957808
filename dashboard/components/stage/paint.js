// The painter: nine cells, inks with names, dragging, undo, and the 51 kinds of black-and-white trigger.
const INKS = [["white", "#ffffff"], ["black", "#000000"], ["red", "#e0202a"], ["orange", "#ff9500"], ["yellow", "#ffdd00"], ["green", "#14a44d"], ["blue", "#1565d8"], ["violet", "#8e24aa"], ["transparent", "-"]];
const CLEAR = "-"; // of a cell that leaves the image as it is
const inkName = (hex) => (INKS.find(([, value]) => value === hex) || [hex, hex])[0];

const hexOf = (bytes) => Array.from({ length: 9 }, (_, p) => (bytes.length > 27 && !bytes[27 + p] ? CLEAR : `#${[0, 9, 18].map((k) => bytes[p + k].toString(16).padStart(2, "0")).join("")}`));

// The colour of a button, chequered for what is transparent.
function fill(button, value) { button.style.background = value === CLEAR ? "" : value; button.classList.toggle("clear", value === CLEAR); }

class Painter {
  // `onPaint(hex[9])` after every change.
  constructor(box, onPaint) {
    this.box = box; this.onPaint = onPaint; this.past = []; this.ink = "#ffffff"; this.focus = 0;
    this.cells = Array.from({ length: 9 }, (_, i) => this.cell(i));
    box.querySelector(".cells").replaceChildren(...this.cells);
    const inks = box.querySelector(".inks");
    inks.replaceChildren(...INKS.map(([name, value]) => {
      const b = document.createElement("button");
      b.type = "button"; fill(b, value); b.title = name; b.setAttribute("aria-label", value === CLEAR ? "Erase: a cell becomes transparent" : `Paint ${name}`);
      b.addEventListener("click", () => { this.ink = value; this.draw(); });
      b.dataset.ink = value;
      return b;
    }));
    this.box.querySelector(".undo").addEventListener("click", () => this.undo());
    this.box.querySelector(".invert").addEventListener("click", () => this.set(this.value.map((v) => (v === CLEAR ? v : `#${(0xffffff - parseInt(v.slice(1), 16)).toString(16).padStart(6, "0")}`))));
    this.box.querySelector(".dice").addEventListener("click", () => this.set(hexOf(codeBytes(1 + Math.floor(Math.random() * 510)))));
    box.addEventListener("keydown", (e) => {
      if ((e.ctrlKey || e.metaKey) && e.key.toLowerCase() === "z") { e.preventDefault(); e.stopPropagation(); this.undo(); }
    });
    const cells = box.querySelector(".cells");
    cells.addEventListener("pointerdown", (e) => {
      const i = this.under(e);
      if (i < 0) return;
      e.preventDefault();
      cells.setPointerCapture(e.pointerId);
      this.stroke = this.value[i] === this.ink ? (this.ink === "#000000" ? "#ffffff" : "#000000") : this.ink;
      this.keep(); this.put(i); this.cells[i].focus({ preventScroll: true });
    });
    cells.addEventListener("pointermove", (e) => { if (this.stroke) { const i = this.under(e); if (i >= 0 && this.value[i] !== this.stroke) this.put(i); } });
    for (const end of ["pointerup", "pointercancel"]) cells.addEventListener(end, () => { this.stroke = null; });
  }
  under(e) {
    const box = this.box.querySelector(".cells").getBoundingClientRect();
    const c = Math.floor(((e.clientX - box.left) / box.width) * 3), r = Math.floor(((e.clientY - box.top) / box.height) * 3);
    return c < 0 || r < 0 || c > 2 || r > 2 ? -1 : 3 * r + c;
  }
  cell(i) {
    const b = document.createElement("button");
    b.type = "button";
    b.addEventListener("keydown", (e) => {
      const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -3, ArrowDown: 3 }[e.key];
      if (step !== undefined) { e.preventDefault(); e.stopPropagation(); this.focus = (i + step + 9) % 9; this.draw(); this.cells[this.focus].focus(); }
      if (e.key === " " || e.key === "Enter") {
        e.preventDefault(); e.stopPropagation();
        this.stroke = this.value[i] === this.ink ? (this.ink === "#000000" ? "#ffffff" : "#000000") : this.ink;
        this.keep(); this.put(i); this.stroke = null;
      }
    });
    return b;
  }
  keep() { this.past.push(this.value.slice()); if (this.past.length > 100) this.past.shift(); }
  put(i) {
    if (this.stroke === CLEAR && this.value.every((v, p) => p === i || v === CLEAR)) return; // one cell at least stays
    this.value[i] = this.stroke; this.focus = i; this.draw(); this.onPaint(this.value);
  }
  set(value, silent) { if (this.value) this.keep(); this.value = value.slice(); this.draw(); if (!silent) this.onPaint(this.value); }
  undo() { const last = this.past.pop(); if (last) { this.value = last; this.draw(); this.onPaint(this.value); } }
  draw() {
    this.cells.forEach((b, i) => {
      fill(b, this.value[i]); b.tabIndex = i === this.focus ? 0 : -1;
      b.setAttribute("aria-label", `row ${Math.floor(i / 3) + 1}, column ${(i % 3) + 1}: ${inkName(this.value[i])}`);
    });
    for (const b of this.box.querySelectorAll("[data-ink]")) b.setAttribute("aria-pressed", String(b.dataset.ink === this.ink));
    this.box.querySelector(".undo").disabled = !this.past.length;
  }
}
