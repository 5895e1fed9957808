// Numbers of the stage: the headline, the bars with their whiskers, the table in the drawer.
const percent = (v) => { const p = 100 * v; return `${p > 0 && p < 9.95 ? p.toFixed(1) : Math.round(p)} %`; };
const BAR_TERMS = { control: "control", mesa: "MESA" };
const BARS = [["before", "no repair"], ["control", "clean images alone"], ["uniform", "random colours"], ["random", "random black/white"], ["mesa", "MESA"]];
const ROWS = { clean: "before the attack", before: "with the backdoor", control: "repaired with clean images alone (control)", uniform: "repaired with randomly coloured triggers",
  random: "repaired with random black-and-white triggers", mesa: "repaired with MESA's triggers", point: "repaired with one reversed trigger", ideal: "repaired with the true trigger (oracle)" };
const interval = ([value, low, high, n]) => `${percent(value)}, 95 % interval ${percent(low)} to ${percent(high)}, n = ${n.toLocaleString("en")}`;

// Wilson's 95 % interval, as in mesa_core/measures/intervals.py.
function wilson(hits, n) {
  if (!n) return [0, 0, 1, 0];
  const z = 1.959964, p = hits / n, middle = (p + z * z / (2 * n)) / (1 + z * z / n);
  const half = (z / (1 + z * z / n)) * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n));
  return [p, Math.min(p, Math.max(0, middle - half)), Math.max(p, Math.min(1, middle + half)), n];
}

class Bars {
  constructor(box) { this.box = box; this.rows = []; }
  play(rec) {
    const found = BARS.filter(([name]) => (rec.figures[name] || {}).asr_original);
    this.rows = found.map(([name, words]) => ({ name, m: rec.figures[name].asr_original, words }));
    this.first = rec.figures.before ? rec.figures.before.asr_original[0] : 0;
    this.box.replaceChildren(...this.rows.map(({ name, m, words }) => {
      const row = document.createElement("div");
      row.className = `bar ${name}`; row.title = interval(m); row.tabIndex = 0;
      row.innerHTML = `<span class="name"></span><span class="rail"><i></i><u></u></span><b></b>`;
      row.querySelector(".name").textContent = words;
      if (BAR_TERMS[name]) row.querySelector(".name").dataset.term = BAR_TERMS[name];
      row.setAttribute("role", "img");
      row.querySelector("u").style.left = `${100 * m[1]}%`; row.querySelector("u").style.width = `${100 * (m[2] - m[1])}%`;
      return row;
    }));
  }
  show(plant, heal) {
    this.rows.forEach(({ name, m, words }, i) => {
      const row = this.box.children[i], own = name === "before" ? plant : Math.max(0, Math.min(1, heal * 1.9 - 0.18 * i)), done = own >= 0.999;
      const s = own * own * (3 - 2 * own), value = name === "before" ? m[0] * s : this.first + (m[0] - this.first) * s;
      row.classList.toggle("hidden", own <= 0);
      row.classList.toggle("done", done);
      row.querySelector("i").style.transform = `scaleX(${value.toFixed(4)})`;
      row.querySelector("b").textContent = done ? percent(m[0]) : "";
      row.setAttribute("aria-label", done ? `${words}: ${interval(m)}` : `${words}: not reached yet`);
    });
  }
}

// The table of the drawer, for readers who want every number.
function tableOf(rec) {
  const head = `<tr><th scope="col">network</th><th scope="col">the trigger works on</th><th scope="col">right on clean images</th></tr>`;
  const cell = (m) => (m ? `<td>${percent(m[0])} <small>${(100 * m[1]).toFixed(1)}–${(100 * m[2]).toFixed(1)}, n = ${m[3].toLocaleString("en")}</small></td>` : "<td>–</td>");
  const rows = Object.entries(ROWS).filter(([name]) => rec.figures[name]).map(([name, words]) => {
    const f = rec.figures[name];
    return `<tr><th scope="row">${words}</th>${cell(f.asr_original)}${cell(f.clean_accuracy)}</tr>`;
  });
  return `<table><thead>${head}</thead><tbody>${rows.join("")}</tbody></table>`;
}
