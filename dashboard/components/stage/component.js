// The stage as a component of the page: what to play comes in, wishes go out.
const memory = new WeakMap();
const shelf = (window.mesaStage = window.mesaStage || { bases: new Map(), waits: new Set() });

class Seat {
  constructor(root) {
    this.root = root; this.known = new Map(); this.seq = 0; this.told = ""; this.filed = "";
    this.stage = shelf.stage = new Stage(root); // on the window, for whoever wants to drive it
    shelf.waits.add(() => this.settle());
    const send = (wish, what) => this.send(wish, { ...what, seq: (this.seq += 1) });
    const place = (stage) => ({ paint: stage.painter.value, run: stage.rec ? stage.rec.id : "" });
    this.host = {
      index: [],
      want: (one, how) => { // a recording by its id: at once where it was played before
        this.how = how;
        if (this.known.has(one.id)) this.stage.setRecording(this.known.get(one.id), { play: false, ...how });
        send("want", { id: one.id });
      },
      run: (stage) => { stage.asked(); send("run", { ...place(stage), ...stage.settings() }); },
      plant: true,
      ask: (what) => send("ask", what),
      stop: (stage) => send("stop", place(stage)),
      take: (stage) => { stage.tell("Putting the page together…"); send("take", place(stage)); },
      share: (stage) => send("share", place(stage)),
      all: (stage) => send("all", place(stage)),
    };
  }
  receive(data) {
    const header = parse(data), { recording, file } = header.arrays;
    this.next = { ...header, recording, file };
    this.settle();
  }
  settle() {
    const next = this.next;
    if (!next || !shelf.bases.has(next.base)) return;
    const { stage } = this;
    stage.setHost({ ...this.host, index: shelf.index || [], classes: next.classes, faces: next.faces, home: next.home, bare: next.bare });
    const rebased = this.base !== next.base, { tried } = stage;
    if (rebased) { this.base = next.base; stage.setBase(parse(shelf.bases.get(next.base)), next.base); }
    if (this.told !== next.version) {
      this.told = next.version;
      const rec = parse(next.recording), before = stage.rec && stage.rec.id;
      if (!next.live) this.known.set(rec.id, rec);
      rec.places = next.places;
      const how = this.how || {}; this.how = null;
      const same = before === rec.id;
      stage.setLive(next.live, next.note);
      stage.setRecording(rec, before === undefined ? { paint: next.paint } : same ? { live: true, play: false } : { play: !next.live, live: Boolean(next.live), ...how });
      if (next.live && next.live.state === "waiting" && this.waited !== rec.id) { this.waited = rec.id; stage.meanwhile(); }
    } else {
      stage.setLive(next.live, next.note);
      if (rebased) stage.rebased(next.places, tried);
      // A recording stood for a run that waited; now that it works, it has the stage.
      if (next.live && next.live.state !== "waiting" && stage.kin) { const rec = parse(next.recording); rec.places = next.places; stage.setRecording(rec, { live: true, play: false }); }
    }
    if (next.answer) stage.asker.told(next.answer);
    if (next.shared && this.sharedOf !== next.shared.seq) { this.sharedOf = next.shared.seq; stage.shared(next.shared); }
    if (next.file.length && this.filed !== next.filed) { this.filed = next.filed; save(next.file, next.filed); stage.tell(`${next.filed.split("#")[0]} is in your downloads.`); }
    else if (next.notice && this.noticed !== next.notice.seq) { this.noticed = next.notice.seq; stage.setLive(next.live, next.note); stage.tell(next.notice.words, next.notice.bad); }
  }
}
function save(bytes, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([bytes], { type: "text/html" }));
  link.download = name.split("#")[0]; link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".root");
  let seat = memory.get(root);
  if (!seat) { seat = new Seat(root); memory.set(root, seat); }
  seat.send = setTriggerValue;
  seat.stage.theme();
  if (data) seat.receive(data);
}
