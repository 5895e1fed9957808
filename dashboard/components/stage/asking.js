// Questions to the networks: a worker that holds them, and the page's side of it.

// In the worker. A question is { seq, inks, jobs: [{ net, kind, picture, row, column }] }; jobs are answered in their
// order, in small parts, and a newer question ends an older one.
function answering(kit, port) {
  const nets = {};
  let base = null, now = null;
  const breathe = new MessageChannel(); // lets a newer question in, sooner than a timer would
  const step = () => {
    if (!now) return;
    const answers = [], until = performance.now() + 12;
    while (now.at < now.jobs.length && performance.now() < until) {
      const job = now.jobs[now.at++];
      const found = nets[job.net].answer(base.pictures, job.picture * 3 * kit.AREA, job.plain ? null : now.inks, job.row, job.column);
      let best = 0;
      for (let j = 1; j < found.length; j++) if (found[j] > found[best]) best = j;
      answers.push({ ...job, best, sure: found[best] });
      if (now.at <= 1) break; // the first one at once
    }
    const done = now.at >= now.jobs.length;
    port.postMessage({ seq: now.seq, answers, done, took: performance.now() - now.begun });
    if (done) now = null; else breathe.port2.postMessage(0);
  };
  breathe.port1.onmessage = step;
  port.onmessage = ({ data }) => {
    if (data.load) {
      base = data.load;
      for (const [name, bytes] of Object.entries(base.nets)) {
        nets[name] = new kit.Net(bytes, base.mean, base.std);
        nets[name].answer(base.pictures, 0, null, 0, 0);
      }
      port.postMessage({ ready: true, how: Object.values(nets)[0].how });
    } else {
      const busy = now !== null;
      now = { ...data, at: 0, begun: performance.now() };
      if (!busy) step(); else breathe.port2.postMessage(0);
    }
  };
}

// On the page. `onAnswers(answers, done, asr)` hears of every part. Where the networks are too large for a page, `far` asks
// whoever has them, `far({ paint, question })`, and `told` is given what comes back; then `asr` is what was measured.
const AGAIN = 300; // milliseconds until a question that waits is asked again

class Asker {
  constructor(base, onReady, onAnswers, far = null) {
    this.seq = 0; this.ready = false; this.onAnswers = onAnswers; this.far = base.far ? far : null;
    this.base = base;
    const nets = {};
    for (const name of ["attacked", "repaired"]) if (base.arrays[`net_${name}`]) nets[name] = base.arrays[`net_${name}`].slice();
    this.can = Object.keys(nets).length === 2 || Boolean(this.far);
    if (!this.can || this.far) return;
    const text = `${netKit}\n${answering}\nanswering(netKit(), self);`;
    try {
      this.url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
      this.worker = new Worker(this.url);
    } catch { this.can = false; return; }
    this.worker.onerror = () => { this.can = false; this.failed = true; onReady(); };
    this.worker.onmessage = ({ data }) => {
      if (data.ready) { this.ready = true; this.how = data.how; onReady(); if (this.waits) this.worker.postMessage(this.waits); this.waits = null; }
      else if (this.reading && data.seq === this.reading.seq) this.reading.then(data.answers, data.done);
      else if (data.seq === this.seq) { this.took = data.took; this.onAnswers(data.answers, data.done); }
    };
    this.worker.postMessage({ load: { nets, pictures: base.arrays.pictures, mean: base.mean, std: base.std } });
  }
  // What the networks read on the six pictures, bare and with a trigger; `then(answers, done)`, each with a `name`.
  read(inks, then) {
    if (!this.can) return;
    this.seq += 1;
    const { shown, places } = this.base, rows = [["plain", "attacked"], ["before", "attacked"], ["after", "repaired"]];
    const jobs = rows.flatMap(([name, net]) => shown.map((picture) => ({ name, net, picture, plain: name === "plain", row: places[picture][0], column: places[picture][1] })));
    this.reading = { seq: this.seq, then };
    if (this.far) { this.send(inks); return; }
    const question = { seq: this.seq, inks, jobs };
    if (this.ready) this.worker.postMessage(question); else this.waits = question;
  }
  // Asks about a trigger (27 bytes): the six pictures first, by both networks, then all others of other classes.
  ask(inks) {
    if (!this.can) return;
    this.seq += 1;
    if (this.far) { this.send(inks); return; }
    const base = this.base, jobs = [];
    const job = (net, kind, picture) => jobs.push({ net, kind, picture, row: base.places[picture][0], column: base.places[picture][1] });
    const rest = base.labels.map((label, i) => (label === base.target ? -1 : i)).filter((i) => i >= 0 && !base.shown.includes(i));
    for (const net of ["attacked", "repaired"]) for (const i of base.shown) job(net, "shown", i);
    for (const i of rest) for (const net of ["attacked", "repaired"]) job(net, "rest", i);
    const question = { seq: this.seq, inks, jobs };
    if (this.ready) this.worker.postMessage(question); else this.waits = question;
  }
  send(inks) { clearTimeout(this.later); this.asked = { paint: hexOf(inks), question: this.seq }; this.far(this.asked); }
  told(answer) {
    if (!this.far || !answer || answer.seq !== this.seq || this.answered === this.seq) return;
    clearTimeout(this.later);
    if (answer.waits) { this.later = setTimeout(() => this.far(this.asked), AGAIN); return; }
    this.answered = this.seq;
    const { shown } = this.base, rows = [["plain", "attacked", "plain"], ["before", "attacked", "before"], ["after", "repaired", "after"]];
    const all = answer.problem ? [] : answer.shown.flatMap((one, i) => rows.map(([name, net, what]) => ({ name, net, kind: "shown", picture: shown[i], ...one[what] })));
    if (this.reading && this.reading.seq === this.seq) this.reading.then(all, true);
    else this.onAnswers(all.filter(({ name }) => name !== "plain"), true, answer.asr, answer.problem);
  }
  end() { clearTimeout(this.later); if (this.worker) this.worker.terminate(); if (this.url) URL.revokeObjectURL(this.url); }
}
