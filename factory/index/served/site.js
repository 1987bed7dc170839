// The page: what is chosen, the answer to it, and the table that follows. choose.js chooses.
"use strict";

const byId = (id) => document.getElementById(id);
const form = byId("environment");
const rules = JSON.parse(byId("rules").textContent);
const base = new URL(".", location.href).href;
const AXES = ["torch", "cuda", "python", "abi", "version", "gpu", "profile", "machine"];
const PASTED = ["glibc", "driver"];
// What is greyed depends on what stands before it here.
const PRECEDENCE = ["profile", "machine", "torch", "cuda", "python", "abi", "version", "gpu"];

function readRow(row, section) {
  const said = Object.fromEntries([...row.cells].map((cell) => [cell.className, cell.textContent]));
  const [url, sha256] = row.querySelector(".link a").href.split("#sha256=");
  const filename = decodeURIComponent(url.slice(url.lastIndexOf("/") + 1));
  return {
    ...section,
    row,
    url,
    sha256,
    filename,
    python: said.python,
    version: said.version,
    size: said.size,
    archs: said.archs.split(" ").filter(Boolean),
    glibc: said.glibc,
    test: said.test,
    date: said.date,
    machine: /_(x86_64|aarch64|[^_]+)\.whl$/.exec(filename)?.[1] ?? "",
    yanked: row.classList.contains("yanked"),
  };
}

const sections = [...document.querySelectorAll("section")];
const wheels = sections.flatMap((section) => {
  const index = section.querySelector("p a").href;
  return [...section.querySelectorAll("tbody tr")].map((row) => readRow(row, { ...section.dataset, index, section }));
});

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function command(title, line) {
  const made = byId("command").content.cloneNode(true);
  made.querySelector("h4").textContent = title;
  made.querySelector("code").textContent = line;
  made.querySelector("pre").setAttribute("aria-label", `${title} line`);
  const button = made.querySelector("button");
  button.setAttribute("aria-label", `Copy the ${title} line`);
  button.addEventListener("click", () => copy(button, line));
  return made;
}

async function copy(button, line) {
  try {
    await navigator.clipboard.writeText(line);
    button.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(button.parentElement.querySelector("code"));
    button.textContent = "Selected";
  }
  setTimeout(() => { button.textContent = "Copy"; }, 2000);
}

const papers = (row) => [...row.querySelectorAll(".papers a")];

// Every way to install a wheel and to check it, as flash_attn_wheel.py has them.
function installLines({ row, url, sha256, filename, version, index }) {
  const pinned = `${url}#sha256=${sha256}`;
  const project = `# dependencies = ["flash-attn==${version}"]\n[[tool.uv.index]]\nname = "flash-attn"\nurl = "${index}"\n`
    + 'explicit = true\n\n[tool.uv.sources]\nflash-attn = { index = "flash-attn" }';
  return [
    ["pip", `pip install '${pinned}'`],
    ["uv", `uv pip install '${pinned}'`],
    ["pip with the index", `pip install 'flash-attn==${version}' --only-binary flash-attn --extra-index-url ${index}`],
    ["uv project", project],
    ["requirements.txt", `flash-attn @ ${url} --hash=sha256:${sha256}`],
    ["wget", `wget '${url}' && echo '${sha256}  ${filename}' | sha256sum -c`],
    ["client", `curl -fsSO ${base}flash_attn_wheel.py && python flash_attn_wheel.py --index ${base}`],
    ...(papers(row).some((paper) => paper.textContent === "attestation") ? [["attestation", `gh attestation verify '${filename}' --repo ${rules.repository.name}`]] : []),
  ];
}

const caution = (python) => (rules.cautions[python] ? [element("p", { textContent: `Caution: ${rules.cautions[python]}.` })] : []);

function showWheel(wheel) {
  const beside = papers(wheel.row).flatMap((paper) => [paper.cloneNode(true), " "]);
  const facts = [["Size", wheel.size], ["Architectures", wheel.archs.join(" ")], ["glibc", wheel.glibc && `${wheel.glibc} or newer`],
    ["GPU test", wheel.test], ["Uploaded", wheel.date]];
  const list = element("dl", {}, ...facts.filter(([, fact]) => fact).map(([name, fact]) =>
    element("div", {}, element("dt", { textContent: name }), element("dd", { textContent: fact }))));
  list.append(element("div", {}, element("dt", { textContent: "Beside it" }), element("dd", {}, ...beside)));
  const [first, second, ...others] = installLines(wheel).map(([title, line]) => command(title, line));
  return [element("h3", { textContent: wheel.filename }), ...caution(wheel.python), list, first, second,
    element("details", {}, element("summary", { textContent: "Other ways to install it, and how to check it" }), ...others)];
}

function showMisses({ misses, build: selector, unbuildable: why }, wanted) {
  const lines = misses.map((axes) => element("li", { textContent: axes.map(({ axis, there }) =>
    `${names[axis]}: you have ${wanted[axis]}, there is ${there.join(", ")}`).join("; and ") }));
  const title = element("h3", { textContent: "No wheel fits", className: "none" });
  return [title, element("ul", {}, ...lines),
    ...(selector ? [...caution(wanted.python), command("build", `nox -s build -- ${selector}`)] : []),
    ...(why ? [element("p", { textContent: `None can be built: ${why}.` })] : [])];
}

function showOpen({ open, fitting }) {
  const left = open.map((axis) =>
    `${names[axis]} (${distinct(fitting.map((wheel) => value(axis, wheel, rules))).join(", ")})`);
  return [element("p", { textContent: `${fitting.length} wheels fit. Choose as well: ${left.join(", ")}.` })];
}

let pasted = { read: {}, trouble: "", notes: [] };
const chosen = () => Object.fromEntries([
  ...PASTED.map((axis) => [axis, pasted.read[axis]]),
  ...AXES.map((axis) => [axis, byId(axis).value]),
]);

function show(wanted) {
  const answer = resolve(wanted, wheels, rules);
  const content = answer.wheel ? showWheel(answer.wheel) : answer.open ? showOpen(answer) : showMisses(answer, wanted);
  byId("answer").replaceChildren(...content);
  return answer.wheel;
}

function update() {
  const wanted = chosen();
  const any = AXES.some((axis) => !["profile", "machine"].includes(axis) && wanted[axis]);
  byId("answer").replaceChildren();
  const wheel = any && wheels.length && !pasted.trouble ? show(wanted) : undefined;
  grey(wanted);
  filter(wheel ? { ...wanted, abi: wheel.abi } : wanted, any);
  hold(wanted, any);
}

// Greys the options that no wheel has beside what is chosen before them.
function grey(wanted) {
  let left = wheels.filter((wheel) => !wheel.yanked);
  for (const axis of PRECEDENCE) {
    for (const option of byId(axis).options) {
      option.disabled = Boolean(option.value) && !left.some((wheel) => fits[axis](wheel, option.value, rules));
    }
    if (wanted[axis]) left = left.filter((wheel) => fits[axis](wheel, wanted[axis], rules));
  }
}

// A choice by hand moves CUDA and Python, where nothing has them beside it, to the newest that something has.
function chooseByHand(changed) {
  pasted = { ...pasted, trouble: "" };
  for (const axis of ["cuda", "python"].filter((one) => PRECEDENCE.indexOf(one) > PRECEDENCE.indexOf(changed))) {
    const before = Object.fromEntries(PRECEDENCE.slice(0, PRECEDENCE.indexOf(axis)).map((one) => [one, byId(one).value]));
    const there = new Set(wheels.filter((wheel) => !wheel.yanked && !missed(wheel, before, rules).length)
      .map((wheel) => wheel[axis]));
    const select = byId(axis);
    if (select.value && !there.has(select.value)) {
      select.value = [...select.options].find((option) => there.has(option.value))?.value ?? "";
    }
  }
  update();
}

// Leaves in the table what goes with the environment, or, where nothing does, what comes nearest.
function filter(wanted, any) {
  const misses = new Map(wheels.map((wheel) => [wheel, any ? missed(wheel, wanted, rules).length : 0]));
  const fewest = Math.min(...misses.values());
  const kept = wheels.filter((wheel) => misses.get(wheel) === fewest);
  const shown = new Set(kept.map((wheel) => wheel.section));
  for (const wheel of wheels) wheel.row.hidden = misses.get(wheel) !== fewest;
  for (const section of sections) section.hidden = !shown.has(section);
  const which = fewest ? "nearest to" : "that go with";
  byId("shown").textContent = any ? `Shown: ${kept.length} of ${wheels.length}, those ${which} your environment.` : "";
}

// Keeps the choice in the address, so that a link to it gives the same answer.
function hold(wanted, any) {
  const known = [...AXES, ...PASTED].filter((axis) => wanted[axis] && !(axis === "profile" && wanted[axis] === "full"));
  const fragment = any ? `#${new URLSearchParams(known.map((axis) => [axis, wanted[axis]]))}` : "";
  if (location.hash !== fragment) history.replaceState(null, "", location.href.split("#")[0] + fragment);
}

function held() {
  const found = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
  return [...AXES, ...PASTED].some((axis) => found[axis]) ? found : undefined;
}

function take(read) {
  for (const axis of AXES) choose(axis, read[axis] ?? (axis === "profile" ? "full" : ""));
  pasted = { read: Object.fromEntries(PASTED.map((axis) => [axis, read[axis]])), trouble: "", notes: [] };
}

function fill(id, options, none) {
  const made = options.map(([text, label]) => element("option", { value: text, textContent: label ?? text }));
  byId(id).replaceChildren(...(none ? [element("option", { value: "", textContent: none })] : []), ...made);
}

const offeredOf = (axis) => distinct(wheels.map((wheel) => wheel[axis])).reverse().map((text) => [text]);

// What was pasted may name what no wheel is for; it becomes a choice all the same, so that the answer can say so.
function choose(id, text) {
  const select = byId(id);
  if (text && ![...select.options].some((option) => option.value === text)) {
    select.append(element("option", { value: text, textContent: text }));
  }
  select.value = text ?? "";
}

function takePaste() {
  pasted = readPaste(byId("paste").value, rules);
  const found = Object.entries(pasted.read).filter(([, text]) => text);
  for (const axis of ["torch", "cuda", "python", "gpu", "machine"]) choose(axis, pasted.read[axis]);
  choose("abi", "");
  const read = `Read: ${found.map(([axis, text]) => `${names[axis]} ${text}`).join(", ")}.`;
  byId("read").textContent = found.length
    ? [pasted.trouble, read, ...pasted.notes].filter(Boolean).join(" ")
    : byId("paste").value.trim() && "Nothing of torch's environment is in this text.";
  update();
}

function reset() {
  pasted = { read: {}, trouble: "", notes: [] };
  byId("read").textContent = "";
  update();
}

// The newest wheel of all, as a first answer; the table stays whole until something is chosen.
function arrive() {
  const newest = wheels.filter((wheel) => !wheel.yanked).sort((left, right) =>
    (right.profile === "full") - (left.profile === "full") || byNumbers(right.torch, left.torch)
    || byNumbers(right.cuda, left.cuda) || byNumbers(right.python, left.python))[0];
  if (!newest) return;
  for (const axis of ["profile", "torch", "cuda", "python"]) choose(axis, newest[axis]);
  show(chosen());
  byId("answer").prepend(element("p", { textContent: "The newest torch here; choose or paste what you have." }));
  grey(chosen());
}

function start() {
  for (const axis of ["torch", "python", "cuda", "machine"]) fill(axis, offeredOf(axis), "any");
  fill("version", distinct(wheels.map((wheel) => wheel.version)).sort((left, right) =>
    compare(versionKey(right), versionKey(left))).map((text) => [text]), "newest");
  fill("abi", [["TRUE"], ["FALSE"]], "torch's own");
  fill("gpu", rules.gpus.map(({ capability, examples }) => [capability, `${capability} (${examples})`]), "any");
  const profiles = offeredOf("profile").filter(([text]) => text !== "full");
  fill("profile", [["full"], ...profiles]);
  byId("profile").parentElement.hidden = !profiles.length;
  byId("machine").parentElement.hidden = offeredOf("machine").length < 2;
  byId("paste").addEventListener("input", takePaste);
  for (const axis of AXES) byId(axis).addEventListener("change", () => chooseByHand(axis));
  form.addEventListener("reset", () => setTimeout(reset));
  form.addEventListener("submit", (event) => event.preventDefault());
  addEventListener("hashchange", arriveByLink);
  form.hidden = false;
  if (!arriveByLink()) arrive();
}

// Gives the answer that the address asks for, where it asks.
function arriveByLink() {
  const found = held();
  if (!found) return false;
  take(found);
  update();
  return true;
}

start();
