// The stage as a page of its own: blocks lie in the page as text.
function bytesOf(id) {
  const raw = atob(document.getElementById(id).textContent.trim()), out = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) out[i] = raw.charCodeAt(i);
  return out;
}
function blocksOf(id) { return [...document.querySelectorAll(`[data-block="${id}"]`)].map((one) => parse(bytesOf(one.id))); }
function begin() {
  const host = document.getElementById("stage"), shade = host.attachShadow({ mode: "open" });
  const style = document.createElement("style"), root = document.createElement("div");
  style.textContent = document.getElementById("style").textContent;
  shade.append(style, root);
  const stage = new Stage(root), recordings = blocksOf("recording");
  const index = recordings.map(({ id, trigger, target, data, alpha, figures }) => {
    const code = codeOfInks(hexToBytes(trigger));
    return { id, trigger, target, data, alpha, orbit: code < 0 ? -1 : KIND_OF[code], before: (figures.before || {}).asr_original, after: (figures.mesa || {}).asr_original };
  });
  stage.setHost({ index, want: (one, how) => stage.setRecording(recordings.find((r) => r.id === one.id), { ...how, play: false }) });
  stage.setBase(blocksOf("base")[0]);
  stage.setRecording(recordings[0]);
  window.stage = stage; // for whoever wants to drive it, as our tests do
}
begin();
