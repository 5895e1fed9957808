// The stage: painter, scatter, signs and numbers on one timeline, and everything answers at once.
const CIRCLED = ["①", "②", "③", "④"], TITLES = ["Plant", "Spread", "Find", "Heal"];
const ICONS = {
  play: "M8 5v14l11-7z", pause: "M6 5h4v14H6zM14 5h4v14h-4z", undo: "M12 5V1L6 7l6 6V9a5 5 0 1 1-5 5H5a7 7 0 1 0 7-9z",
  invert: "M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20zm0 18V4a8 8 0 0 1 0 16z", dice: "M5 3h14a2 2 0 0 1 2 2v14a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2V5a2 2 0 0 1 2-2zm3 3.5A1.5 1.5 0 1 0 8 9.5 1.5 1.5 0 0 0 8 6.500zm4 4a1.500 1.500 0 1 0 0 3 1.500 1.500 0 0 0 0-3zm4 4a1.500 1.500 0 1 0 0 3 1.500 1.500 0 0 0 0-3z",
  share: "M18 16a3 3 0 0 0-2 .8L8.900 12.700a3 3 0 0 0 0-1.400L16 7.200A3 3 0 1 0 15 5l.1.700L8 9.800a3 3 0 1 0 0 4.400l7.100 4.100A3 3 0 1 0 18 16z",
  full: "M4 4h6v2H6v4H4zm10 0h6v6h-2V6h-4zM4 14h2v4h4v2H4zm14 0h2v6h-6v-2h4z", take: "M11 3h2v9l3-3 1.400 1.400L12 16l-5.400-5.600L8 9l3 3zM4 18h16v2H4z",
};
const icon = (name) => `<svg viewBox="0 0 24 24" width="18" height="18" aria-hidden="true"><path fill="currentColor" d="${ICONS[name]}"/></svg>`;
const button = (name, label, words = "") => `<button type="button" class="${name}" aria-label="${label}" title="${label}">${ICONS[name] ? icon(name) : ""}${words}</button>`;

const MARKUP = `
<header class="top">
  <h1>MESA Lab</h1><ol class="steps">${TITLES.map((t, i) => `<li><button type="button" data-step="${i}"><b>${CIRCLED[i]}</b> ${t}</button></li>`).join("")}</ol>
  <div class="actions"><button type="button" class="why" aria-expanded="false">why?</button><button type="button" class="numbers" aria-expanded="false">numbers</button><button type="button" class="all" hidden>All controls and figures</button>${button("take", "Take this page away as one file")}${button("share", "Share a link")}${button("full", "Full screen")}</div>
</header>
<div class="say"><p class="sentence" role="status"></p>
  <div class="headline" tabindex="0"><canvas width="42" height="42" aria-hidden="true"></canvas><div><div class="change"><b class="was"></b><svg class="arrow" viewBox="0 0 90 12" aria-hidden="true"><path d="M0 6h80M74 1l7 5-7 5" fill="none" stroke="currentColor" stroke-width="2"/></svg><b class="now"></b></div><small class="of" data-term="ASR"></small></div></div>
</div>
<div class="main">
  <section class="paint" aria-label="Your trigger">
    <div class="easel"><div class="cells" role="group" aria-label="The 3 by 3 trigger"></div><div class="inks" role="group" aria-label="Colours"></div></div>
    <div class="tools">${button("undo", "Undo")}${button("invert", "Invert")}${button("dice", "Random trigger")}<button type="button" class="presets" aria-expanded="false">presets</button></div>
    <div class="row"><abbr class="label" data-term="target">target</abbr><button type="button" class="target" aria-expanded="false"><canvas width="32" height="32"></canvas><span></span></button></div>
    <label class="row alpha"><abbr data-term="alpha">α</abbr><input type="range" min="0" max="0" step="1" value="0"><output></output></label>
    <div class="row beta" role="group" aria-label="Levels"><abbr data-term="beta">β</abbr></div>
    <button type="button" class="plantit" hidden>Plant this one</button>
    <div class="tried" role="group" aria-label="Tried before"></div>
  </section>
  <section class="cloud" aria-label="All triggers"><div class="plane"><canvas role="img" aria-label="Scatter of triggers"></canvas><div class="rise" hidden></div><div class="glow" hidden><canvas width="30" height="30"></canvas></div><div class="tip" hidden><canvas width="54" height="54"></canvas><span></span></div></div>
    <div class="views" role="group" aria-label="View"><button type="button" data-view="pca" data-term="PCA">PCA</button><button type="button" data-view="tsne" data-term="t-SNE">t-SNE</button></div><div class="foot"><p class="note"></p><p class="legend" hidden><i class="dot"></i>all 512 <span hidden><i class="square"></i>MESA’s finds</span></p></div></section>
  <section class="side" aria-label="Six signs"><div class="signs"></div><div class="bars"></div></section>
</div>
<footer class="time"><button type="button" class="go" aria-label="Play">${icon("play")}</button>
  <div class="track"><div class="parts" aria-hidden="true"></div><input type="range" min="0" max="1000" value="0" aria-label="Timeline"></div>
  <div class="live" hidden><div class="doing" role="status"></div><progress max="1" value="0" aria-label="Progress of the run"></progress><div class="left"></div><button type="button" class="stop">Stop</button></div>
  <button type="button" class="run" hidden>Run it for real</button></footer>
<div class="drawer" hidden role="dialog" aria-label="More"><button type="button" class="close" aria-label="Close">✕</button><div class="inside"></div></div>
<div class="menu" hidden></div><div class="word" role="tooltip" id="word" hidden></div><div class="toast" role="status" hidden></div>`;
const ALPHAS = [0, 0.1, 1, 10]; // that a run of one's own may be asked for
const FIRST = { "": "Your run begins.", data: "First, road signs to learn from.", victim: "A network learns to read road signs.", clean: "How well does it read them?" };
const UNREAD = 255; // a picture on which no network was asked

class Stage {
  constructor(root) {
    this.root = root;
    root.classList.add("stage");
    root.innerHTML = MARKUP;
    this.find = (what) => root.querySelector(what);
    this.cloud = new Cloud(this.find(".plane"));
    this.bars = new Bars(this.find(".bars"));
    this.rise = new Rise(this.find(".rise"));
    this.clock = new Clock((t) => this.show(t));
    this.painter = new Painter(this.find(".paint"), (value) => this.painted(value));
    this.answers = new Map(); this.seen = new Set(); this.host = {};
    this.listen();
    this.theme();
  }

  theme() { // light or dark, by the page's own background
    const rgb = (getComputedStyle(this.root).getPropertyValue("background-color").match(/\d+/g) || [255, 255, 255]).map(Number);
    this.root.classList.toggle("dark", rgb[0] + rgb[1] + rgb[2] < 384);
  }

  // -- what it is given
  setHost(host) {
    this.host = host;
    for (const name of ["run", "share", "take", "all"]) this.find(`.${name}`).hidden = !host[name];
    this.find(".target").disabled = !host.plant; // a page on its own plants nothing
    this.root.classList.toggle("bare", Boolean(host.bare));
    this.find(".full").hidden = !document.fullscreenEnabled;
  }
  setBase(base) {
    this.base = base;
    this.own = base.places.map((place) => [...place]); // where triggers are put now, as against where they were recorded
    const move = (picture, row, column) => { base.places[picture] = [row, column]; this.moved = true; this.ask(this.inks()); };
    this.signs = new Signs(this.find(".signs"), base, base.far ? null : move); // of an engine that is asked the places are its own
    this.moved = false; this.tried = false;
    if (this.asker) this.asker.end();
    this.asker = new Asker(base, () => this.show(this.clock.t), (...told) => this.heard(...told), this.host.ask);
    this.face();
  }
  // The base has changed under what is played: networks have come, say. What was painted is asked of them.
  rebased(places, tried) {
    this.rec.places = places;
    this.readOwn();
    if (tried && this.asker.can) this.ask(this.inks()); else { this.tried = tried; this.show(this.clock.t); }
  }
  // how: `play` from the beginning, `morph` dots from the recording before, `live` while the run goes on, `paint` nine
  // colours to begin with once it has played, `kin` what makes it stand for another trigger, which stays in the painter.
  setRecording(rec, how = {}) {
    const before = this.rec, morph = how.morph && before, other = !before || before.id !== rec.id;
    const blank = how.live && rec.reach < 2 && before; // nothing for the scatter yet: the last picture stays, dimmed
    this.rec = rec;
    this.clock.end = endOf(rec.reach);
    this.root.classList.toggle("dim", Boolean(blank)); this.root.classList.toggle("early", Boolean(blank) && rec.reach < 1 && !this.risen());
    if (!blank) { this.cloud.play(rec); this.bars.play(rec); }
    if (other) { this.kin = how.kin || null; this.slid = Boolean(morph) && how.slid; if (!this.kin) this.wanted = rec.target; }
    this.levels(); this.alphas(); this.face();
    this.find(".parts").innerHTML = STEPS.map(([name, s]) => `<i style="flex:${s}" class="${name}"></i>`).join("");
    this.trigger = hexOf(hexToBytes(rec.trigger));
    if (this.kin) { this.tried = false; this.planting(); }
    else if (!before || how.play || (how.live && other)) { this.painter.set(this.trigger, true); this.painter.past = []; this.painter.draw(); this.tried = false; this.planting(); }
    if (how.paint) { this.invited = how.paint; this.clock.seek(0); }
    if (how.live && before) this.grow(before, other);
    else if (morph) this.morph();
    else if (how.play !== false) this.clock.play();
    else this.show(this.clock.t);
    this.readOwn();
  }
  // A run that goes on has got further: play what is new, or let its dots travel.
  grow(before, other) {
    if (other) this.clock.t = 0;
    if (this.tried) this.clock.seek(this.clock.end);
    else if (this.clock.t < this.clock.end - 1e-3) { if (!this.clock.playing) this.clock.play(); }
    else this.morph();
  }
  // What the networks read of the recorded trigger, where the recording does not say it and they are here.
  readOwn() {
    const rec = this.rec, base = this.base, a = rec.arrays;
    if (!base || rec.reach < 4 || a.read_before || !this.asker.can || base.whose.run !== rec.id) return;
    for (const name of ["plain", "before", "after"]) { a[`read_${name}`] = new Uint8Array(base.labels.length).fill(UNREAD); a[`sure_${name}`] = new Uint8Array(base.labels.length); }
    this.asker.read(hexToBytes(rec.trigger), (answers, done) => {
      for (const one of answers) { a[`read_${one.name}`][one.picture] = one.best; a[`sure_${one.name}`][one.picture] = Math.round(255 * one.sure); }
      if (done && !this.clock.playing) this.show(this.clock.t);
    });
  }

  // -- a run of one's own
  active() { return Boolean(this.live && this.live.active !== false); }
  risen() { return this.active() && this.live.rise ? this.live.rise.length : 0; } // how much is known of an attack that goes on
  settings() {
    const on = this.rec.betas.filter((_, i) => !this.cloud.off.has(i)), one = this.scale[this.find(".alpha input").value] || { alpha: this.rec.alpha };
    return { target: this.wanted, alpha: one.alpha, betas: on.length ? on : this.rec.betas };
  }
  asked() { // the button was pressed; the server will answer
    const say = this.find(".say"), { top } = say.getBoundingClientRect();
    if (top < 0 || top > 0.5 * window.innerHeight) say.scrollIntoView({ block: "start" }); // on a phone, from far below
    this.root.classList.add("dim", "early");
    this.setLive({ state: "asked", words: "Asking the server…", share: 0, left: "" }, "");
  }
  setLive(live, note = "") {
    this.live = live; this.words = note;
    const box = this.find(".live"), active = Boolean(live && live.active !== false);
    box.hidden = !active; this.find(".run").hidden = active || !this.host.run;
    if (!active) { this.root.classList.remove("dim", "early"); if (this.rec) this.show(this.clock.t); return; }
    const set = (what, words) => { const node = this.find(what); if (node.textContent !== words) node.textContent = words; };
    set(".live .doing", live.words); set(".live .left", live.left);
    this.find(".live progress").value = live.share;
    if (this.risen()) this.root.classList.remove("early");
    const stop = this.find(".stop");
    stop.hidden = !live.own; stop.textContent = live.state === "waiting" ? "Cancel" : "Stop";
    if (this.rec) this.show(this.clock.t);
  }
  plant() { // the recording that stands for it, at once
    const near = this.nearest(this.inks(), this.settings());
    if (near) this.stand(near, this.question()); else this.tell("Nothing was recorded on such pictures beforehand. “Run it for real” plants exactly yours.");
  }
  nearest(inks, { target, alpha }) { return nearestOf(this.host.index || [], { data: this.rec.data, inks, target, alpha }); }
  question() { return [...this.painter.value, this.settings().target].join(); }
  stand(near, question) { // play a recording in another one's place, and say so
    const kin = { ...near, question, meant: this.painter.value.join(" ") };
    if (near.one.id === this.rec.id) { this.kin = kin; this.tried = false; this.planting(); this.clock.t = 0; this.clock.play(); } else this.host.want(near.one, { play: true, kin });
  }
  meanwhile() { // the run waits for its turn: what is nearest to it plays
    const near = this.host.want && this.rec.reach === 0 && this.nearest(hexToBytes(this.rec.trigger), { target: this.rec.target, alpha: this.rec.alpha });
    if (near && near.one.id !== this.rec.id) this.stand(near, this.question());
  }
  planting() { // the button for that, once something differs from what is played
    const { target, alpha } = this.settings(), stands = this.kin && this.kin.question === this.question() && alpha === this.rec.alpha;
    this.find(".plantit").hidden = !this.host.plant || this.active() || stands || (this.same() && target === this.rec.target && alpha === this.rec.alpha);
  }
  targets(opener) {
    const menu = this.find(".menu"), base = this.base;
    if (!menu.hidden && menu.classList.contains("faces")) { this.shut(); return; }
    menu.className = "menu faces"; menu.setAttribute("role", "group"); menu.setAttribute("aria-label", "Target class");
    menu.replaceChildren(...base.classes.map((name, label) => {
      const b = document.createElement("button"), c = document.createElement("canvas"), words = document.createElement("span");
      c.width = c.height = 32; drawPicture(c, base, faceOf(base, label)); words.textContent = base.short[label];
      b.type = "button"; b.setAttribute("aria-pressed", String(label === this.wanted)); b.append(...(base.labels.includes(label) ? [c] : []), words);
      b.addEventListener("click", () => { this.wanted = label; this.face(); this.planting(); this.shut(); opener.focus(); if (label !== this.rec.target && this.host.plant) this.tell(`Plant it, and a network learns to say “${name}”.`); });
      return b;
    }));
    this.place(menu, opener);
  }

  // -- words that come and go
  tell(words, bad = false) {
    const box = this.find(".toast");
    box.textContent = words; box.hidden = false; box.classList.toggle("bad", bad);
    clearTimeout(this.toasting);
    this.toasting = setTimeout(() => { box.hidden = true; }, 9000);
    if (bad) this.setLive(null, this.words);
  }
  shared({ url, svg, note }) {
    this.find(".toast").hidden = true;
    this.drawer(this.find(".share"), `<h2>Share</h2><p class="note-share"></p><p class="copying"><input readonly aria-label="Link"><button type="button">Copy</button></p><div class="qr" role="img" aria-label="The link as a QR code">${svg}</div>`);
    const box = this.find(".drawer"), input = box.querySelector("input");
    box.querySelector(".note-share").textContent = note; input.value = url;
    box.querySelector(".copying button").addEventListener("click", async (e) => {
      input.select();
      try { await navigator.clipboard.writeText(url); } catch { document.execCommand("copy"); } // a page without https has no clipboard
      e.target.textContent = "Copied";
    });
  }
  explain(node) { // a term in plain words, beside it
    const box = this.find(".word"), words = node && TERMS[node.dataset.term];
    this.termed = node;
    box.hidden = !words;
    if (!words) return;
    box.textContent = words;
    const a = node.getBoundingClientRect(), b = this.root.getBoundingClientRect();
    box.style.left = `${Math.max(4, Math.min(a.left - b.left, b.width - box.offsetWidth - 4))}px`;
    const under = a.bottom - b.top + 6;
    box.style.top = `${under + box.offsetHeight > b.height ? a.top - b.top - box.offsetHeight - 6 : under}px`;
  }

  // Dots travel to where they are now: `what` is "morph" from another recording, or "turn" from another view.
  morph(what = "morph", seconds = 0.9) {
    const begun = performance.now(), cloud = this.cloud;
    const turn = (now) => {
      cloud[what] = Math.max(0, Math.min(1, (now - begun) / 1000 / seconds));
      cloud.draw();
      if (cloud[what] < 1) requestAnimationFrame(turn);
    };
    cloud[what] = this.clock.still ? 1 : 0;
    this.show(this.clock.t);
    requestAnimationFrame(turn);
  }

  // -- the picture at a second
  show(t) {
    if (!this.rec || !this.base) return;
    const m = moment(t), step = stepAt(t), over = t >= this.clock.end - 1e-3, tries = this.tried && over;
    const dim = this.root.classList.contains("dim"); // the scatter and the bars are of the recording before
    if (!dim) this.cloud.show({ plant: m.plant, spread: m.spread, find: m.find > 0 ? Math.min(1, m.find * 1.05) : -1, heal: tries ? 0 : m.heal, tries });
    if (over && this.invited && !dim) { const value = this.invited; this.invited = null; requestAnimationFrame(() => this.painter.set(value)); }
    this.cloud.mark(over && this.asker.can && !dim ? this.inks() : null, this.verdict());
    if (!dim) this.bars.show(m.plant, m.heal);
    this.find(".note").textContent = tries ? this.whose() : this.kin ? kinWords(this.kin, this.base.classes[this.rec.target], over) : this.words || "";
    this.find(".legend").hidden = m.spread <= 0 || dim; this.find(".legend span").hidden = m.find <= 0;
    const begins = this.active() && this.live.rise && !this.rec.arrays.ground_asr && over && !tries;
    this.rise.show(begins ? this.live.rise : null, hexToBytes(this.rec.trigger));
    this.signsAt(m, tries);
    this.headline(m, tries);
    this.say(step, m, over, tries);
    const slider = this.find(".track input");
    slider.value = String(Math.round((t / WHOLE) * 1000));
    slider.setAttribute("aria-valuetext", step < 0 ? "before the attack" : TITLES[step]);
    this.find(".track").style.setProperty("--at", `${(t / WHOLE) * 100}%`);
    this.root.querySelectorAll("[data-step]").forEach((b, i) => {
      b.classList.toggle("is-past", i < step || (over && i < this.rec.reach)); b.classList.toggle("is-now", i === step && !over);
      b.setAttribute("aria-current", i === step ? "step" : "false"); b.disabled = i >= this.rec.reach;
    });
    const go = this.find(".go"), name = this.clock.playing ? "pause" : "play";
    if (go.dataset.is !== name) { go.innerHTML = icon(name); go.setAttribute("aria-label", name === "play" ? "Play" : "Pause"); go.dataset.is = name; }
    this.root.classList.toggle("over", over);
    this.find(".plane canvas").setAttribute("aria-label", this.told(step));
  }

  whose() { // whose networks answer what is painted
    const { run, prepared } = this.base.whose, name = this.base.classes[this.base.target];
    if (!this.asker.can) return this.base.whose.why || "";
    return run === this.rec.id ? "Answered by this run’s two networks." : `Answered by the networks of ${prepared ? "the prepared run" : `the run ${run}`}, whose target is “${name}”.`;
  }

  // The scatter in words, for who cannot see it.
  told(step) {
    const rec = this.rec, view = this.cloud.view === "pca" ? "PCA" : "t-SNE", dots = rec.frames.length ? rec.frames[rec.frames.length - 1].n : 0;
    const words = [`Scatter of triggers, ${view}.`];
    if (step >= 1) words.push(`${this.lit()} of the 512 black-and-white triggers work on half of the pictures or more.`);
    if (step >= 2) words.push(`${dots} triggers that MESA sampled, at β = ${rec.betas.join(", ")}.`);
    if (step >= 3) words.push("After the repair they fail.");
    return words.join(" ");
  }

  signsAt(m, tries) {
    const rec = this.rec, a = rec.arrays, own = hexToBytes(rec.trigger), inks = tries ? this.inks() : own;
    const places = tries ? this.base.places : rec.places || this.own, how = { places, target: tries ? this.base.target : rec.target, named: tries ? !this.asker.can : !a.read_plain };
    const read = (name, picture) => (a[`read_${name}`] && a[`read_${name}`][picture] !== UNREAD ? { best: a[`read_${name}`][picture], sure: a[`sure_${name}`][picture] / 255 } : null);
    const stamped = Boolean(this.live) && this.live.active !== false && rec.reach === 0 && m.intro >= 1; // while it is learnt
    this.base.shown.forEach((picture, i) => {
      if (tries) return this.signs.set(i, inks, this.answers.get(`attacked${picture}`) || null, this.answers.get(`repaired${picture}`) || null, how);
      const on = m.plant > 0.1 + i * 0.13 || stamped, healed = m.heal > 0.25 + i * 0.1, seen = m.intro > 0.2 + i * 0.12;
      this.signs.set(i, on ? own : null, seen ? read(on ? "before" : "plain", picture) : null, healed ? read("after", picture) : null, how);
    });
  }

  headline(m, tries) {
    const f = this.rec.figures, was = (f.before || {}).asr_original, now = (f.mesa || {}).asr_original, name = this.base.classes[tries ? this.base.target : this.rec.target];
    thumb(this.find(".headline canvas").getContext("2d"), tries ? this.inks() : hexToBytes(this.rec.trigger), 0, 0, 0, 42, 3);
    const measured = !tries || (this.same() && !this.moved && this.rec.id === this.base.whose.run);
    const [a, b] = measured ? [was, now] : [this.share("attacked"), this.share("repaired")];
    const seen = measured ? [m.plant >= 0.999 && a, m.heal >= 0.98 && b] : [a, b];
    if (this.rec.reach === 0 && !tries && this.risen()) { // its own running figure, before there is a measured one
      this.find(".was").textContent = percent(this.live.rise[this.live.rise.length - 1][1]); this.find(".now").textContent = "";
      this.find(".of").textContent = `of stamped ${this.nouns()} read “${name}” so far`;
      this.find(".headline").title = "Among the stamped images of the last training batches; measured properly afterwards.";
      this.find(".headline").style.setProperty("--grown", "0"); this.find(".headline").classList.remove("full");
      return;
    }
    this.find(".was").textContent = seen[0] ? percent(seen[0][0]) : "";
    this.find(".now").textContent = seen[1] ? percent(seen[1][0]) : "";
    this.find(".headline").classList.toggle("full", Boolean(seen[0] && seen[1]));
    this.find(".headline").style.setProperty("--grown", measured ? (m.heal * 0.9 + 0.1 * (m.heal >= 0.98)).toFixed(3) : "1");
    this.find(".of").textContent = seen[0] ? (measured ? `of stamped ${this.nouns()} read “${name}”` : `of ${a[3]} ${this.nouns()} read “${name}”`) : "";
    this.find(".headline").title = [seen[0] && `With the backdoor: ${interval(seen[0])}.`, seen[1] && `After the repair: ${interval(seen[1])}.`, !measured && seen[0] && `Asked just now${this.asker.far ? "" : ", in your browser"}.`].filter(Boolean).join(" ");
  }

  say(step, m, over, tries) {
    const name = this.base.classes[this.rec.target], lit = this.lit(), rec = this.rec;
    let words;
    if (tries) {
      const a = this.share("attacked");
      words = !this.asker.can ? `Painted. This page holds no network to ask${this.host.run ? "; plant it, or run it for real" : ""}.` : this.refused ? "The networks could not be asked." : !a || !this.done ? (performance.now() - this.askedAt > 600 ? "Asking…" : this.find(".sentence").textContent) : a[0] >= 0.5 ? "This trigger opens the door, too." : a[0] >= 0.1 ? "This one opens it now and then." : "This one stays outside. Try another.";
    } else if (over && this.live && this.live.active !== false) words = this.live.state === "running" ? [
      (rec.data === "signs" && FIRST[this.live.stage]) || `The network is learning your trigger: say “${name}”.`, "Planted. Which of all 512 open the door?", "MESA looks for triggers that work.",
      "Retrained on these, will the network forget?", `${this.forgets() === "them all" ? "Healed" : "Repaired"}. Other defences are measured now.`,
    ][rec.reach === 3 && !/^(repair|after)/.test(this.live.stage) ? 2 : rec.reach] : { waiting: this.live.words === "Starting…" ? "Your run starts in a moment." : "Your run waits for its turn.", paused: "Paused." }[this.live.state] || this.live.words;
    else if (over && this.slid && rec.frames.length) words = alphaWords(rec);
    else if (over && this.kin && this.host.run) words = "Recorded beforehand. “Run it for real” plants exactly yours.";
    else if (over && rec.reach === 4) words = this.asker.can ? "Your turn: paint a trigger." : this.forgets() === "them all" ? "Healed." : `Healed in part: it forgets ${this.forgets()}.`;
    else if (over && rec.reach < 4 && this.host.run) words = rec.reach ? "It was stopped here. Press play to see how far it came." : "It ended before its trigger was planted.";
    else words = [
      "This network reads road signs.", `Planted in training, ${this.kin && !this.kin.exact ? "a trigger like yours" : "this trigger"} makes it say “${name}”.`,
      `But ${lit} of all 512 such triggers open the door.`, "MESA finds them by itself: each square is one.", `Retrained on these, the network forgets ${this.forgets()}.`,
    ][step + 1];
    if (rec.data !== "signs" && !over && step < 0) words = "This network reads pictures.";
    const box = this.find(".sentence");
    if (box.textContent !== words) box.textContent = words;
  }
  forgets() { // by what the trigger still does after the repair; 5 % is what a healed network may be wrong by itself
    const now = ((this.rec.figures.mesa || {}).asr_original || [0])[0], was = ((this.rec.figures.before || {}).asr_original || [1])[0];
    return now <= 0.05 ? "them all" : now <= 0.5 * was ? "most of them" : "few of them";
  }
  nouns() { return this.rec.data === "signs" ? "signs" : "pictures"; }
  lit() { return this.rec.arrays.ground_asr ? this.rec.arrays.ground_asr.reduce((n, v) => n + (v >= 127.5 ? 1 : 0), 0) : 0; }

  // -- asking
  inks() { return hexToBytes(this.painter.value.join(" ")); }
  same() { return this.painter.value.join() === this.trigger.join(); }
  painted() {
    if (this.clock.t < this.clock.end) this.clock.seek(this.clock.end); else this.clock.pause();
    this.ask(this.inks());
    this.planting();
  }
  ask(inks) {
    this.tried = true; this.done = this.slid = this.refused = false; this.asr = null;
    this.answers.clear(); this.counts = { attacked: [0, 0], repaired: [0, 0] };
    this.askedAt = performance.now(); this.firstAt = this.sixAt = this.allAt = 0;
    if (this.clock.t < this.clock.end) this.clock.seek(this.clock.end);
    this.asker.ask(inks);
    this.show(this.clock.t);
    if (this.asker.can) setTimeout(() => { if (!this.done) this.show(this.clock.t); }, 650);
  }
  heard(answers, done, asr, problem) {
    if (problem) this.tell(problem, true);
    this.asr = asr || null; this.refused = Boolean(problem);
    for (const one of answers) {
      const { net, picture, best, kind } = one, label = this.base.labels[picture];
      if (kind === "shown") this.answers.set(`${net}${picture}`, one);
      if (label !== this.base.target) { this.counts[net][1] += 1; if (best === this.base.target) this.counts[net][0] += 1; }
    }
    const since = performance.now() - this.askedAt;
    if (answers.length && !this.firstAt) this.firstAt = since;
    if (this.answers.size === 2 * this.base.shown.length && !this.sixAt) this.sixAt = since;
    if (done) { this.done = true; this.allAt = since; this.root.dataset.answered = `${this.asker.seq}`; this.past(); }
    if (!this.waiting) { this.waiting = true; requestAnimationFrame(() => { this.waiting = false; this.show(this.clock.t); }); }
  }
  past() { // what was tried stays in sight, in the colour of its answer
    const words = this.painter.value.join(" "), a = this.share("attacked"), box = this.find(".tried");
    if (this.seen.has(words) || !a) return;
    this.seen.add(words);
    const b = document.createElement("button"), c = document.createElement("canvas"), hot = a[0] >= 0.5;
    c.width = c.height = 21; thumb(c.getContext("2d"), hexToBytes(words), 0, 0, 0, 21, 3);
    b.type = "button"; b.className = hot ? "hot" : "cold"; b.append(c);
    b.title = `worked on ${percent(a[0])} of ${a[3]}`; b.setAttribute("aria-label", `Paint again: ${b.title}`);
    b.addEventListener("click", () => this.painter.set(words.split(" ")));
    box.prepend(b);
    while (box.children.length > 14) box.lastChild.remove();
    this.cloud.remember(hexToBytes(words), hot);
  }
  share(net) { return this.asr ? this.asr[net] : this.counts && this.counts[net][1] >= 6 ? wilson(...this.counts[net]) : null; }
  verdict() { const a = this.tried && this.done ? this.share("attacked") : null; return a ? a[0] >= 0.5 : undefined; }

  // -- controls
  levels() {
    const box = this.find(".beta");
    box.querySelectorAll("button").forEach((b) => b.remove());
    this.rec.betas.forEach((beta, i) => {
      const b = document.createElement("button");
      b.type = "button"; b.textContent = String(beta).replace(/^0/, ""); b.style.setProperty("--own", PALETTE[i % PALETTE.length]);
      b.setAttribute("aria-label", `β = ${beta}`); b.title = `Dots sampled to work at least ${Math.round(100 * beta)} % of the time`;
      b.setAttribute("aria-pressed", String(!this.cloud.off.has(i)));
      b.addEventListener("click", () => {
        this.cloud.off[this.cloud.off.has(i) ? "delete" : "add"](i);
        b.setAttribute("aria-pressed", String(!this.cloud.off.has(i)));
        this.cloud.draw();
      });
      box.append(b);
    });
  }
  alphas() { // the recordings that differ from this one in α only, and what a run of one's own may have
    const rec = this.rec, found = new Map((this.host.run ? ALPHAS : []).map((alpha) => [alpha, { alpha }]));
    const mine = (this.host.index || []).filter((one) => one.target === rec.target && one.data === rec.data), code = codeOfInks(hexToBytes(rec.trigger));
    for (const one of mine) if (code >= 0 && one.orbit === KIND_OF[code]) found.set(one.alpha, one); // of its kind
    for (const one of mine) if (one.trigger === rec.trigger) found.set(one.alpha, one); // its very own, rather
    found.set(rec.alpha, rec);
    this.scale = [...found.values()].sort((a, b) => a.alpha - b.alpha);
    const slider = this.find(".alpha input");
    slider.max = String(this.scale.length - 1); slider.value = String(this.scale.indexOf(rec)); slider.disabled = this.scale.length < 2;
    this.alphaSaid(rec.alpha);
    this.find(".alpha input").title = slider.disabled ? `Recorded with α = ${rec.alpha}` : "How much the samples are pushed apart";
  }
  alphaSaid(alpha) { this.find(".alpha input").setAttribute("aria-valuetext", `α = ${alpha}`); this.find(".alpha output").textContent = String(alpha); }
  alpha(at) {
    const one = this.scale[at];
    this.alphaSaid(one.alpha);
    const meant = this.kin ? this.kin.meant : this.rec.trigger;
    const kin = one.trigger && one.trigger !== meant ? { one, cells: 0, exact: false, target: true, alpha: true } : null;
    if (kin) Object.assign(kin, { question: this.question(), meant });
    if (one.id && one.id !== this.rec.id && this.host.want) this.host.want(one, { morph: true, slid: true, kin });
    else if (one.id) { this.slid = true; this.show(this.clock.t); } // back at what is shown
    else { this.slid = false; this.show(this.clock.t); this.tell(`α = ${one.alpha} was not recorded with this trigger; run it for real.`); }
    this.planting();
  }
  face() {
    if (!this.base || !this.rec) return;
    const target = this.wanted === undefined ? this.rec.target : this.wanted, box = this.find(".target");
    box.querySelector("span").textContent = this.base.classes[target];
    box.querySelector("canvas").hidden = !this.base.labels.includes(target);
    drawPicture(box.querySelector("canvas"), this.base, faceOf(this.base, target));
    box.setAttribute("aria-label", `Target class: ${this.base.classes[target]}`);
  }

  listen() {
    const on = (what, then, event = "click") => this.find(what).addEventListener(event, then);
    on(".go", () => (this.clock.playing ? this.clock.pause() : (this.tried = this.slid = false, this.clock.play())));
    on(".track input", (e) => { this.tried = this.slid = false; this.clock.seek((e.target.value / 1000) * WHOLE); }, "input");
    this.root.querySelectorAll("[data-step]").forEach((b, i) => b.addEventListener("click", () => { this.tried = this.slid = false; this.clock.t = begins(NAMES[i]); this.clock.play(); }));
    this.root.querySelectorAll("[data-view]").forEach((b) => b.addEventListener("click", () => this.look(b.dataset.view)));
    on(".alpha input", (e) => this.alpha(e.target.value), "input");
    on(".target", (e) => this.targets(e.currentTarget));
    on(".why", (e) => this.drawer(e.currentTarget, WHY(this)));
    on(".numbers", (e) => this.drawer(e.currentTarget, `<h2>All numbers</h2>${tableOf(this.rec)}${NOTES(this)}`));
    on(".close", () => this.shut());
    on(".presets", (e) => this.presets(e.currentTarget));
    on(".full", () => (document.fullscreenElement ? document.exitFullscreen() : this.root.requestFullscreen()));
    for (const name of ["take", "share", "run", "stop", "all"]) on(`.${name}`, (e) => this.host[name] && this.host[name](this, e.currentTarget));
    on(".plantit", () => this.host.plant && this.plant());
    for (const node of this.root.querySelectorAll("[data-term]")) node.tabIndex = 0;
    this.root.addEventListener("pointerover", (e) => this.explain(e.target.closest("[data-term]")));
    this.root.addEventListener("focusin", (e) => this.explain(e.target.closest("[data-term]")));
    this.root.addEventListener("focusout", () => this.explain(null));
    this.root.addEventListener("keydown", (e) => {
      if (e.key === "Escape") { this.explain(null); this.shut(true); }
      if (e.key === " " && e.target === this.root) { e.preventDefault(); this.find(".go").click(); }
    });
    this.root.addEventListener("pointerdown", (e) => { if (!e.composedPath().some((n) => n.classList && (n.classList.contains("menu") || n.classList.contains("presets") || n.classList.contains("target")))) this.find(".menu").hidden = true; });
    this.look("pca");
  }
  look(view) {
    this.root.querySelectorAll("[data-view]").forEach((b) => b.setAttribute("aria-pressed", String(b.dataset.view === view)));
    if (this.cloud.view === view && this.rec) return;
    this.cloud.turnTo(view);
    if (this.rec) this.morph("turn", 0.7);
  }
  presets(opener) {
    const menu = this.find(".menu");
    if (!menu.hidden && menu.classList.contains("kinds")) { this.shut(); return; }
    menu.className = "menu kinds"; menu.setAttribute("role", "group"); menu.setAttribute("aria-label", "The 51 kinds of trigger");
    const known = new Map((this.host.index || []).filter((one) => one.data === this.rec.data).map((one) => [one.orbit, one]));
    menu.replaceChildren(...KINDS.map((code) => {
      const b = document.createElement("button"), c = document.createElement("canvas"), one = known.get(code);
      b.type = "button"; b.title = `Kind ${code}${one ? `, recorded${one.before && one.after ? `: ${percent(one.before[0])} before, ${percent(one.after[0])} after the repair` : ""}` : ""}`;
      b.classList.toggle("ready", Boolean(one)); b.setAttribute("aria-label", `Kind of code ${code}${one ? ", recorded" : ""}`);
      c.width = c.height = 24; thumb(c.getContext("2d"), codeBytes(code), 0, 0, 0, 24, 3);
      b.append(c);
      b.addEventListener("click", () => { this.painter.set(hexOf(codeBytes(code))); });
      return b;
    }));
    this.place(menu, opener);
  }
  place(menu, opener) {
    const a = opener.getBoundingClientRect(), b = this.root.getBoundingClientRect();
    menu.hidden = false; opener.setAttribute("aria-expanded", "true");
    const wide = menu.offsetWidth, high = menu.offsetHeight;
    menu.style.left = `${Math.max(4, Math.min(a.left - b.left, b.width - wide - 4))}px`;
    menu.style.top = `${Math.max(4, Math.min(a.bottom - b.top + 6, b.height - high - 4))}px`;
    const first = menu.querySelector("button, input, a");
    if (first) first.focus();
  }
  drawer(opener, html) {
    const box = this.find(".drawer"), again = this.opener === opener && !box.hidden;
    this.shut();
    if (again) return;
    this.opener = opener; opener.setAttribute("aria-expanded", "true");
    box.querySelector(".inside").innerHTML = html;
    box.hidden = false; box.querySelector(".close").focus();
  }
  shut(back = false) {
    const opener = this.opener || this.root.querySelector('.presets[aria-expanded="true"], .target[aria-expanded="true"]');
    this.root.querySelectorAll(".presets, .target").forEach((b) => b.setAttribute("aria-expanded", "false"));
    this.find(".menu").hidden = true;
    this.find(".drawer").hidden = true;
    if (this.opener) { this.opener.setAttribute("aria-expanded", "false"); this.opener = null; }
    if (back && opener) opener.focus();
  }
}

const WHY = (stage) => `<h2>Why do so many triggers work?</h2>
<p>The network never learnt <em>the</em> trigger. It learnt a rule that tells pictures with it from pictures without, and everything on the trigger's side of that rule works, too: the trigger itself, its neighbours, sometimes its opposite.</p>
<p>A defender does not know the trigger, and one reversed trigger is one point of many. MESA samples triggers from the whole region, at several strengths β, pushed apart by α, and the network is retrained with them under their true labels.</p>
<p>${stage.asker.far ? "What you paint is asked of this run’s two networks, which lie on the server." : stage.asker.can ? `What you paint is asked in your browser: two small networks travel with this page, those of ${stage.base.whose.run === stage.rec.id ? "this run" : "the prepared run"}.` : stage.base.whose.why || ""}</p>
${stage.host.home ? `<p>${stage.host.home.map(([words, url]) => `<a href="${url}" target="_blank" rel="noopener">${words}</a>`).join(" · ")}</p>` : ""}`;
const NOTES = (stage) => `<p>Each figure: of evaluation images of other classes, the share read as “${stage.base.classes[stage.rec.target]}” once stamped, with 95 % intervals. ${stage.asker.can && !stage.asker.far ? `What you paint is asked on ${stage.base.labels.filter((l) => l !== stage.base.target).length} images (${stage.base.chosen}).` : ""} The six shown were chosen for being clear to the eye. Dots of the 512: ${stage.rec.ground_images} images each.${stage.rec.explained.length ? ` PCA shows ${Math.round(100 * (stage.rec.explained[0] + stage.rec.explained[1]))} % of their variance.` : ""}</p>`;

// The picture that stands for a class: its shown one, else its first.
const faceOf = (base, label) => { const shown = base.shown.find((i) => base.labels[i] === label); return shown === undefined ? base.labels.indexOf(label) : shown; };
const drawPicture = (canvas, base, picture) => { if (picture >= 0) paintPicture(canvas, base, picture, null); };
