// One timeline through the four steps: every picture is a function of the second at which it stands.
const STEPS = [["intro", 1.2], ["plant", 2.4], ["spread", 2.4], ["find", 3.4], ["heal", 2.6]];
const WHOLE = STEPS.reduce((sum, [, s]) => sum + s, 0);
const NAMES = ["plant", "spread", "find", "heal"];

function begins(name) {
  let at = 0;
  for (const [one, seconds] of STEPS) { if (one === name) return at; at += seconds; }
  return at;
}
// The second up to which a run that has done so many steps can be played.
const endOf = (reach) => STEPS.slice(0, reach + 1).reduce((sum, [, s]) => sum + s, 0);
// How much of each step is done at a second, 0 to 1.
function moment(t) {
  const found = {};
  let at = 0;
  for (const [name, seconds] of STEPS) { found[name] = Math.max(0, Math.min(1, (t - at) / seconds)); at += seconds; }
  return found;
}
// The step at a second: -1 before the first.
function stepAt(t) {
  let last = -1;
  NAMES.forEach((name, i) => { if (t >= begins(name) - 1e-6) last = i; });
  return last;
}

class Clock {
  constructor(onTime) {
    this.onTime = onTime; this.t = 0; this.end = WHOLE; this.playing = false; this.frames = 0;
    this.still = window.matchMedia && window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  }
  play() {
    if (this.still) return this.seek(this.end);
    if (this.t >= this.end - 1e-3) this.t = 0;
    this.playing = true; this.last = null;
    cancelAnimationFrame(this.handle);
    const turn = (now) => {
      if (!this.playing) return;
      const by = this.last === null ? 0 : Math.min(0.1, (now - this.last) / 1000);
      this.last = now; this.frames += 1;
      this.t = Math.min(this.end, this.t + by);
      if (this.t >= this.end) this.playing = false;
      this.onTime(this.t);
      if (this.playing) this.handle = requestAnimationFrame(turn);
    };
    this.handle = requestAnimationFrame(turn);
    this.onTime(this.t);
  }
  pause() { this.playing = false; this.onTime(this.t); }
  seek(t) { this.playing = false; this.t = Math.max(0, Math.min(this.end, t)); this.onTime(this.t); }
}
