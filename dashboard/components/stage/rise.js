// What a run shows before it has a dot: its trigger, and how often the network obeys it while it learns.
class Rise {
  constructor(box) {
    this.box = box;
    box.innerHTML = `<svg viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true"><path d="M0 0H100M0 50H100M0 100H100" vector-effect="non-scaling-stroke"/><polyline vector-effect="non-scaling-stroke"/></svg>
      <i class="top">100 %</i><i class="low">0</i><div class="seed"><canvas width="90" height="90"></canvas></div><p></p>`;
  }
  // points: [share of the attack, ASR] in order; the trigger as 27 bytes; null hides all.
  show(points, inks) {
    this.box.hidden = !points;
    if (!points) return;
    const [x, y] = points[points.length - 1] || [0, 0], learnt = points.length > 0;
    this.box.classList.toggle("waits", !learnt);
    this.box.querySelector("polyline").setAttribute("points", points.map(([a, b]) => `${(100 * a).toFixed(2)},${(100 - 100 * b).toFixed(2)}`).join(" "));
    const seed = this.box.querySelector(".seed");
    seed.style.left = learnt ? `${(100 * x).toFixed(2)}%` : "50%"; seed.style.top = learnt ? `${(100 - 100 * y).toFixed(2)}%` : "50%";
    thumb(seed.querySelector("canvas").getContext("2d"), inks, 0, 0, 0, 90, 3);
    this.box.querySelector("p").textContent = learnt ? "How often the trigger works while the network learns it" : "Your trigger. Dots appear once it is planted.";
  }
}
