// Chooses a wheel as flash_attn_wheel.py does, from the same rules.json, which the page holds; tests hold the two
// together. Nothing here touches the page.
"use strict";

const numbers = (text) => (text.match(/\d+/g) || []).map(Number);
const compare = (left, right) => {
  for (let at = 0; at < Math.max(left.length, right.length); at += 1) {
    const difference = (left[at] ?? -1) - (right[at] ?? -1);
    if (difference) return difference;
  }
  return 0;
};
const byNumbers = (left, right) => compare(numbers(left), numbers(right));
const distinct = (values) => [...new Set(values)].sort(byNumbers);
const major = (cuda) => cuda.split(".")[0];
const versionKey = (text) => {
  const [, release, before, after] = /^(\d+(?:\.\d+)*)(?:(?:a|b|rc)(\d+))?(?:\.post(\d+))?/.exec(text);
  const padded = [...numbers(release), 0, 0, 0, 0].slice(0, 4);
  return [...padded, before ? 0 : 1, after ? Number(after) + 1 : 0];
};

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

// What is wanted of each axis, and whether a wheel has it; `gpu` may be several capabilities with spaces between.
const fits = {
  machine: (wheel, wanted) => wheel.machine === wanted,
  python: (wheel, wanted) => wheel.python === wanted,
  torch: (wheel, wanted) => wheel.torch === wanted,
  cuda: (wheel, wanted) => major(wheel.cuda) === major(wanted),
  abi: (wheel, wanted) => wheel.abi === wanted,
  version: (wheel, wanted) => wheel.version === wanted,
  profile: (wheel, wanted) => wheel.profile === wanted,
  glibc: (wheel, wanted) => byNumbers(wheel.glibc || "0", wanted) <= 0,
  gpu: (wheel, wanted) => wanted.split(" ").some((one) => wheel.archs.some((arch) => runsOn(arch, one))),
  driver: (wheel, wanted, rules) => Number(wanted) >= (rules.minimum_driver[major(wheel.cuda)] ?? 0),
};
const names = { machine: "platform", python: "Python", torch: "torch", cuda: "CUDA", abi: "C++11 ABI",
  version: "flash-attn", profile: "profile", glibc: "glibc", gpu: "GPU", driver: "driver" };
const theirs = {
  cuda: (wheel) => major(wheel.cuda),
  gpu: (wheel) => wheel.archs.join(" "),
  glibc: (wheel) => `${wheel.glibc || "0"} or newer`,
  driver: (wheel, rules) => `${rules.minimum_driver[major(wheel.cuda)]} or newer for CUDA ${major(wheel.cuda)}`,
};
const value = (axis, wheel, rules) => (theirs[axis] ?? ((one) => one[axis]))(wheel, rules);
const missed = (wheel, wanted, rules) =>
  Object.keys(fits).filter((axis) => wanted[axis] && !fits[axis](wheel, wanted[axis], rules));

// Gives the wheel, or what is still open, or what misses and what would build one, or why nothing would.
function resolve(wanted, wheels, rules) {
  const offered = wheels.filter((wheel) => !wheel.yanked);
  let fitting = offered.filter((wheel) => missed(wheel, wanted, rules).length === 0);
  const abis = new Set(fitting.filter((wheel) => wheel.cuda === wanted.cuda).map((wheel) => wheel.abi));
  if (abis.size) fitting = fitting.filter((wheel) => abis.has(wheel.abi));
  if (!fitting.length) return none(wanted, offered, rules);
  const open = ["python", "torch", "cuda", "abi"].filter(
    (axis) => distinct(fitting.map((one) => value(axis, one, rules))).length > 1);
  if (open.length) return { open, fitting };
  fitting.sort((left, right) => compare(versionKey(right.version), versionKey(left.version)));
  return { wheel: fitting[0] };
}

function none(wanted, offered, rules) {
  const all = offered.map((wheel) => ({ wheel, axes: missed(wheel, wanted, rules) }));
  const fewest = Math.min(...all.map(({ axes }) => axes.length));
  const groups = new Map();
  for (const { wheel, axes } of all.filter((one) => one.axes.length === fewest)) {
    const key = axes.join();
    groups.set(key, [...(groups.get(key) ?? []), wheel]);
  }
  const axes = [...groups.keys()].flatMap((key) => key.split(","));
  const helps = !axes.includes("driver");
  return {
    misses: [...groups.values()].map((some) => missed(some[0], wanted, rules).map((axis) =>
      ({ axis, there: distinct(some.map((wheel) => value(axis, wheel, rules))) }))),
    ...(helps ? build(wanted, axes, rules) : {}),
  };
}

// The selector of a cell that would fit, or why there is none; neither before CUDA, torch and Python are known.
function build(wanted, axes, rules) {
  if (!(wanted.cuda?.includes(".") && wanted.torch && wanted.python)) return {};
  const cuda = toolkit(wanted, rules);
  const lacking = (wanted.gpu ? wanted.gpu.split(" ") : [])
    .filter((gpu) => axes.includes("gpu") || !madeFor(gpu, cuda, rules));
  const why = unbuildable({ ...wanted, cuda }, rules) || noKernels(lacking, cuda, rules);
  if (why) return { unbuildable: why };
  const words = [`cu${cuda.replace(".", "")}`, `torch${wanted.torch}`, `cp${wanted.python.replace(".", "")}`];
  if (wanted.abi) words.push(`abi${wanted.abi}`);
  if (wanted.version) words.push(`fa${wanted.version}`);
  if (wanted.machine && rules.machines.join() !== wanted.machine) words.push(wanted.machine);
  if (wanted.profile !== "full") words.push(`--profile ${wanted.profile}`);
  if (axes.includes("gpu")) words.push(`--archs ${wanted.gpu.replaceAll(" ", ",")}`);
  if (axes.includes("glibc")) words.push("--backend host");
  return { build: words.join(" ") };
}

const abiWord = (abi) => String(abi).toUpperCase();

// torch's own CUDA, or the newest of its major, which runs beside it as well.
function toolkit(wanted, rules) {
  const there = rules.cells.filter((cell) => cell.torch === wanted.torch && major(cell.cuda) === major(wanted.cuda)
    && (!wanted.abi || wanted.abi === abiWord(cell.cxx11abi)) && (!wanted.machine || wanted.machine === cell.machine));
  const others = distinct(there.map((cell) => cell.cuda));
  const settled = new Set(there.map((cell) => cell.cxx11abi)).size === 1;
  return settled && !others.includes(wanted.cuda) ? others.at(-1) : wanted.cuda;
}

function unbuildable(wanted, rules) {
  if (!rules.profiles.includes(wanted.profile)) return clash("profile", wanted.profile, rules.profiles, []);
  const axes = [
    ["torch", wanted.torch, (cell) => cell.torch],
    ["CUDA", wanted.cuda, (cell) => cell.cuda],
    ["C++ ABI", wanted.abi && `cxx11abi${wanted.abi}`, (cell) => `cxx11abi${abiWord(cell.cxx11abi)}`],
    ["flash-attn", wanted.version, (cell) => cell.flash_attn],
    ["machine", wanted.machine, (cell) => cell.machine],
  ];
  let cells = rules.cells;
  const known = [];
  for (const [name, mine, its] of axes.filter(([, asked]) => asked)) {
    const fitting = cells.filter((cell) => its(cell) === mine);
    const unserved = name === "CUDA" && rules.unserved[`cu${mine.replace(".", "")}`];
    if (!fitting.length && unserved) return unserved;
    if (!fitting.length) return clash(name, mine, cells.map(its), known);
    known.push(`${name} ${mine}`);
    cells = fitting;
  }
  if (cells.some((cell) => (wanted.python ? cell.pythons.includes(wanted.python) : cell.pythons.length))) return "";
  const reasons = cells.flatMap((cell) => Object.entries(cell.left_out))
    .filter(([python]) => !wanted.python || python === wanted.python);
  return reasons[0]?.[1] ?? clash("Python", wanted.python, cells.flatMap((cell) => cell.pythons), known);
}

function clash(name, mine, there, known) {
  return `${known.length ? `${known.join(", ")} goes with` : "there is"} ${name} ${distinct(there).join(", ")}; not ${mine}`;
}

// Whether anything that this CUDA makes runs on the GPU.
function madeFor(gpu, cuda, rules) {
  return (rules.targets[cuda] ?? []).some((target) => runsOn(target, gpu));
}

function noKernels(all, cuda, rules) {
  const old = all.filter((gpu) => byNumbers(gpu, rules.oldest_arch) < 0);
  if (old.length) {
    return `flash-attn has no kernels for ${old.join(", ")}; ${rules.oldest_arch} is the oldest it supports`;
  }
  const targets = rules.targets[cuda];
  const foreign = all.filter((gpu) => !targets.includes(gpu));
  return foreign.length ? `CUDA ${cuda} cannot make ${foreign.join(", ")}; it makes ${targets.join(", ")}` : "";
}

// The lines of `python -m torch.utils.collect_env`: what they say of each axis, `trouble` where no wheel can fit, and
// `notes` on what was not understood or may not work.
function readPaste(text, rules) {
  const find = (pattern) => pattern.exec(text)?.[1];
  const version = find(/^PyTorch version: *(\d\S*)/m) ?? "";
  const python = /^Python version: *(\d+\.\d+)(.*)/m.exec(text);
  const gpus = [...text.matchAll(/^GPU (?:\d+|models and configuration): *(?:GPU \d+: *)?(.*\S)/gm)].map((match) => match[1])
    .filter((name) => name !== "Could not collect" && name !== "N/A");
  const capability = (name) => rules.gpus.find((rule) => new RegExp(rule.names).test(name))?.capability;
  const unknown = [...new Set(gpus.filter((name) => !capability(name)))];
  const early = new RegExp(rules.prerelease.pattern).test(version);
  return {
    read: {
      torch: /^\d+\.\d+/.exec(version)?.[0],
      cuda: find(/^CUDA used to build PyTorch: *(\d+\.\d+)/m),
      python: python && python[1] + (/free-threading/.test(python[2]) ? "t" : ""),
      glibc: find(/^Libc version: *glibc-(\d+\.\d+)/m) ?? find(/^Python platform: .*-with-glibc(\d+\.\d+)/m),
      driver: find(/^Nvidia driver version: *(\d+)/m),
      gpu: distinct(gpus.map(capability).filter(Boolean)).join(" ") || undefined,
      machine: find(/^Python platform: Linux-.*-(x86_64|aarch64|ppc64le)\b/m) ?? find(/^OS: .*\((x86_64|aarch64|ppc64le)\)/m),
    },
    trouble: objection(text),
    notes: [
      ...(early ? [`${rules.prerelease.said.replace("{}", version)}.`] : []),
      ...unknown.map((name) => `The GPU ${name} is not known here: choose its compute capability.`),
    ],
  };
}

// Why no wheel can fit what was pasted, whatever the choices say.
function objection(text) {
  if (/^OS: *(Microsoft|mac|Mac)/m.test(text)) return "These wheels are for Linux.";
  if (/^PyTorch version: *[^\d\s]/m.test(text)) return "torch is not installed there: install it first.";
  return /^CUDA used to build PyTorch: *[^\d\s]/m.test(text) ? "This torch is built without CUDA: install one with it." : "";
}
