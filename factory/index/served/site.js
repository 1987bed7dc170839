// Chooses a wheel of the table as flash_attn_wheel.py does; a test holds the two together.
"use strict";

const byId = (id) => document.getElementById(id);
const form = byId("environment");
const minimumDriver = JSON.parse(form.dataset.minimumDriver);
const AXES = ["torch", "cuda", "python", "abi", "version", "gpu", "profile"];

// GPUs by the names drivers give them. Source: NVIDIA's list "CUDA GPUs - Compute Capability".
const GPUS = [
  ["8.0", "A100, A30", /\b(A100|A800|A30)\b/],
  ["8.6", "A10, A40, RTX 30", /\b(A10G?|A16|A2|A40|RTX A\d{4}|RTX 30\d\d)\b/],
  ["8.9", "L4, L40, RTX 40", /\b(L4|L20|L40S?|RTX 40\d\d|RTX \d000 Ada)\b/],
  ["9.0", "H100, H200", /\b(H100|H800|H200|H20|GH200)\b/],
  ["10.0", "B200", /\b(B100|B200|GB200)\b/],
  ["10.3", "B300", /\b(B300|GB300)\b/],
  ["12.0", "RTX 50, RTX PRO", /\b(RTX 50\d\d|RTX PRO \d000)\b/],
  ["12.1", "GB10", /\bGB10\b/],
];

const numbers = (text) => (text.match(/\d+/g) || []).map(Number);
const compare = (left, right) => {
  for (let at = 0; at < Math.max(left.length, right.length); at += 1) {
    const difference = (left[at] ?? -1) - (right[at] ?? -1);
    if (difference) return difference;
  }
  return 0;
};
const byNumbers = (left, right) => compare(numbers(left), numbers(right));
const versionKey = (text) => {
  const [, release, before, after] = /^(\d+(?:\.\d+)*)(?:(?:a|b|rc)(\d+))?(?:\.post(\d+))?/.exec(text);
  const padded = [...numbers(release), 0, 0, 0, 0].slice(0, 4);
  return [...padded, before ? 0 : 1, after ? Number(after) + 1 : 0];
};

function readRow(row, section) {
  const said = Object.fromEntries([...row.cells].map((cell) => [cell.className, cell.textContent]));
  const [url, sha256] = row.querySelector("a").href.split("#sha256=");
  return {
    ...section,
    row,
    url,
    sha256,
    python: said.python,
    version: said.version,
    size: said.size,
    archs: said.archs.split(" ").filter(Boolean),
    glibc: said.glibc,
    test: said.test,
    date: said.date,
    filename: decodeURIComponent(url.slice(url.lastIndexOf("/") + 1)),
    yanked: row.classList.contains("yanked"),
  };
}

const sections = [...document.querySelectorAll("section")];
const wheels = sections.flatMap((section) =>
  [...section.querySelectorAll("tbody tr")].map((row) => readRow(row, { ...section.dataset, section })));

// An architecture as the table spells it: 8.0, 9.0a, 10.0f, 9.0+PTX.
function runsOn(arch, capability) {
  const ptx = arch.endsWith("+PTX");
  const suffix = /[af]/.exec(arch)?.[0] ?? "";
  const made = numbers(arch);
  const gpu = numbers(capability);
  if (suffix === "a") return compare(made, gpu) === 0;
  if (!ptx || suffix === "f") return made[0] === gpu[0] && made[1] <= gpu[1];
  return compare(made, gpu) <= 0;
}

const major = (cuda) => cuda.split(".")[0];
const fits = {
  python: (wheel, wanted) => wheel.python === wanted,
  torch: (wheel, wanted) => wheel.torch === wanted,
  cuda: (wheel, wanted) => major(wheel.cuda) === major(wanted),
  abi: (wheel, wanted) => wheel.abi === wanted,
  version: (wheel, wanted) => wheel.version === wanted,
  profile: (wheel, wanted) => wheel.profile === wanted,
  glibc: (wheel, wanted) => byNumbers(wheel.glibc || "0", wanted) <= 0,
  gpu: (wheel, wanted) => wheel.archs.some((arch) => runsOn(arch, wanted)),
  driver: (wheel, wanted) => wanted >= (minimumDriver[major(wheel.cuda)] ?? 0),
};
const names = { python: "Python", torch: "torch", cuda: "CUDA", abi: "C++11 ABI", version: "flash-attn",
  profile: "profile", glibc: "glibc", gpu: "GPU", driver: "driver" };
const theirs = {
  cuda: (wheel) => major(wheel.cuda),
  gpu: (wheel) => wheel.archs.join(" "),
  glibc: (wheel) => `${wheel.glibc || "0"} or newer`,
  driver: (wheel) => `${minimumDriver[major(wheel.cuda)]} or newer for CUDA ${major(wheel.cuda)}`,
};
const value = (axis, wheel) => (theirs[axis] ?? ((one) => one[axis]))(wheel);
const distinct = (values) => [...new Set(values)].sort(byNumbers);
const missed = (wheel, wanted) => Object.keys(fits).filter((axis) => wanted[axis] && !fits[axis](wheel, wanted[axis]));

// Gives the wheel, or what is still open, or what misses; `wanted` has what is known of each axis.
function resolve(wanted) {
  const offered = wheels.filter((wheel) => !wheel.yanked);
  let fitting = offered.filter((wheel) => missed(wheel, wanted).length === 0);
  const abis = new Set(fitting.filter((wheel) => wheel.cuda === wanted.cuda).map((wheel) => wheel.abi));
  if (abis.size) fitting = fitting.filter((wheel) => abis.has(wheel.abi));
  if (!fitting.length) return { misses: misses(offered, wanted) };
  const open = ["python", "torch", "cuda", "abi"].filter((axis) => distinct(fitting.map((one) => value(axis, one))).length > 1);
  if (open.length) return { open, fitting };
  fitting.sort((left, right) => compare(versionKey(right.version), versionKey(left.version)));
  return { wheel: fitting[0] };
}

function misses(offered, wanted) {
  const all = offered.map((wheel) => ({ wheel, axes: missed(wheel, wanted) }));
  const fewest = Math.min(...all.map(({ axes }) => axes.length));
  const groups = new Map();
  for (const { wheel, axes } of all.filter((one) => one.axes.length === fewest)) {
    const key = axes.join();
    groups.set(key, [...(groups.get(key) ?? []), wheel]);
  }
  return [...groups.values()].map((some) => missed(some[0], wanted).map((axis) =>
    ({ axis, there: distinct(some.map((wheel) => value(axis, wheel))) })));
}

// The lines of `python -m torch.utils.collect_env`.
function readPaste(text) {
  const find = (pattern) => pattern.exec(text)?.[1];
  const gpuName = find(/^GPU (?:0|models and configuration): *(.*\S)/m) ?? "";
  return {
    torch: find(/^PyTorch version: *(\d+\.\d+)/m),
    cuda: find(/^CUDA used to build PyTorch: *(\d+\.\d+)/m),
    python: find(/^Python version: *(\d+\.\d+)/m),
    glibc: find(/^Libc version: *glibc-(\d+\.\d+)/m),
    driver: find(/^Nvidia driver version: *(\d+)/m),
    gpu: GPUS.find(([, , pattern]) => pattern.test(text.match(/^GPU .*$/gm)?.join("\n") ?? gpuName))?.[0],
  };
}

// Why no wheel can fit what was pasted, whatever the choices say.
function objection(text) {
  if (/^OS: *(Microsoft|mac|Mac)/m.test(text)) return "These wheels are for Linux. ";
  return /^CUDA used to build PyTorch: *[^\d\s]/m.test(text) ? "This torch is built without CUDA: install one with it. " : "";
}

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

function showWheel(wheel) {
  const facts = [["Size", wheel.size], ["Architectures", wheel.archs.join(" ")], ["glibc", wheel.glibc && `${wheel.glibc} or newer`],
    ["GPU test", wheel.test], ["Uploaded", wheel.date]];
  const list = element("dl", {}, ...facts.filter(([, fact]) => fact).map(([name, fact]) =>
    element("div", {}, element("dt", { textContent: name }), element("dd", { textContent: fact }))));
  const pinned = `${wheel.url}#sha256=${wheel.sha256}`;
  return [
    element("h3", { textContent: wheel.filename }),
    list,
    command("pip", `pip install '${pinned}'`),
    command("uv", `uv pip install '${pinned}'`),
    command("wget", `wget '${wheel.url}' && echo '${wheel.sha256}  ${wheel.filename}' | sha256sum -c`),
  ];
}

function showMisses(groups, wanted) {
  const lines = groups.map((axes) => element("li", { textContent: axes.map(({ axis, there }) =>
    `${names[axis]}: you have ${wanted[axis]}, there is ${there.join(", ")}`).join("; and ") }));
  const built = groups.some((axes) => axes.some(({ axis }) => axis === "driver")) ? [] : buildCommand(wanted, groups);
  return [element("h3", { textContent: "No wheel fits", className: "none" }), element("ul", {}, ...lines), ...built];
}

function buildCommand(wanted, groups) {
  if (!(wanted.cuda && wanted.torch && wanted.python)) return [];
  const words = [`cu${wanted.cuda.replace(".", "")}`, `torch${wanted.torch}`, `cp${wanted.python.replace(".", "")}`];
  if (wanted.abi) words.push(`abi${wanted.abi}`);
  if (wanted.version) words.push(`fa${wanted.version}`);
  if (wanted.profile !== "full") words.push(`--profile ${wanted.profile}`);
  if (groups[0].some(({ axis }) => axis === "gpu")) words.push(`--archs ${wanted.gpu}`);
  if (groups[0].some(({ axis }) => axis === "glibc")) words.push("--backend host");
  return [command("build", `nox -s build -- ${words.join(" ")}`)];
}

function showOpen(open, fitting) {
  const left = open.map((axis) => `${names[axis]} (${distinct(fitting.map((wheel) => value(axis, wheel))).join(", ")})`);
  return [element("p", { textContent: `${fitting.length} wheels fit. Choose as well: ${left.join(", ")}.` })];
}

let pasted = {};
const chosen = () => ({ glibc: pasted.glibc, driver: pasted.driver && Number(pasted.driver),
  ...Object.fromEntries(AXES.map((axis) => [axis, byId(axis).value])) });

function update() {
  const wanted = chosen();
  const any = AXES.some((axis) => axis !== "profile" && wanted[axis]);
  const { wheel, open, fitting, misses: groups } = wheels.length ? resolve(wanted) : {};
  const content = !any || !wheels.length ? [] : wheel ? showWheel(wheel) : open ? showOpen(open, fitting) : showMisses(groups, wanted);
  byId("answer").replaceChildren(...content);
  filter(wheel ? { ...wanted, abi: wheel.abi } : wanted, any);
}

// Leaves in the table what goes with the environment, or, where nothing does, what comes nearest.
function filter(wanted, any) {
  const misses = new Map(wheels.map((wheel) => [wheel, any ? missed(wheel, wanted).length : 0]));
  const fewest = Math.min(...misses.values());
  const kept = wheels.filter((wheel) => misses.get(wheel) === fewest);
  const shown = new Set(kept.map((wheel) => wheel.section));
  for (const wheel of wheels) wheel.row.hidden = misses.get(wheel) !== fewest;
  for (const section of sections) section.hidden = !shown.has(section);
  const which = fewest ? "nearest to" : "that go with";
  byId("shown").textContent = any ? `Shown: ${kept.length} of ${wheels.length}, those ${which} your environment.` : "";
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
  pasted = readPaste(byId("paste").value);
  const found = Object.entries(pasted).filter(([, text]) => text);
  for (const axis of ["torch", "cuda", "python", "gpu"]) choose(axis, pasted[axis]);
  choose("abi", "");
  byId("read").textContent = found.length
    ? `${objection(byId("paste").value)}Read: ${found.map(([axis, text]) => `${names[axis]} ${text}`).join(", ")}.`
    : byId("paste").value.trim() && "Nothing of torch's environment is in this text.";
  update();
}

function reset() {
  pasted = {};
  byId("read").textContent = "";
  update();
}

function start() {
  for (const axis of ["torch", "python"]) fill(axis, offeredOf(axis), "any");
  fill("cuda", offeredOf("cuda"), "any");
  fill("version", distinct(wheels.map((wheel) => wheel.version)).sort((left, right) =>
    compare(versionKey(right), versionKey(left))).map((text) => [text]), "newest");
  fill("abi", [["TRUE"], ["FALSE"]], "torch's own");
  fill("gpu", GPUS.map(([capability, examples]) => [capability, `${capability} (${examples})`]), "any");
  const profiles = offeredOf("profile").filter(([text]) => text !== "full");
  fill("profile", [["full"], ...profiles]);
  byId("profile").parentElement.hidden = !profiles.length;
  byId("paste").addEventListener("input", takePaste);
  for (const axis of AXES) byId(axis).addEventListener("change", update);
  form.addEventListener("reset", () => setTimeout(reset));
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  update();
}

start();
