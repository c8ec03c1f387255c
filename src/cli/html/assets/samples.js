// The viewer: a picture before and after, divided by a line that moves, at any zoom.
"use strict";
addEventListener("DOMContentLoaded", () => {
  const safelight = window.safelight;
  const samples = (safelight.data && safelight.data.samples) || [];
  const viewer = document.getElementById("viewer");
  if (!viewer || samples.length === 0) return;
  const by = (id) => document.getElementById(id);
  const [stage, layers, divider, split] = ["stage", "layers", "divider", "split"].map(by);
  const [before, after, caption, level, picks] = ["stage-before", "stage-after", "stage-caption", "zoom-level", "picks"].map(by);
  const [tagBefore, tagAfter] = [".tag-before", ".tag-after"].map((tag) => stage.querySelector(tag));
  const most = 16;

  let sample = samples[0];
  // Where the picture's corner is on the stage, and how large a pixel of it is.
  let view = { x: 0, y: 0, scale: 1 };
  let fits = true;

  const single = () => !(sample.before && sample.after);
  const fit = () => Math.min(stage.clientWidth / sample.width, stage.clientHeight / sample.height);
  const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

  const draw = () => {
    const [width, height] = [sample.width * view.scale, sample.height * view.scale];
    const inside = (at, size, room) => (size <= room ? (room - size) / 2 : clamp(at, room - size, 0));
    view.x = inside(view.x, width, stage.clientWidth);
    view.y = inside(view.y, height, stage.clientHeight);
    layers.style.transform = `translate(${view.x}px, ${view.y}px) scale(${view.scale})`;
    layers.classList.toggle("pixels", view.scale > 1.01);
    stage.classList.toggle("movable", width > stage.clientWidth + 1 || height > stage.clientHeight + 1);
    const line = (stage.clientWidth * split.value) / 100;
    divider.style.transform = `translateX(${line}px)`;
    after.style.clipPath = single() ? "none" : `inset(0 0 0 ${Math.max(0, (line - view.x) / view.scale)}px)`;
    tagBefore.style.opacity = split.value > 8 ? 1 : 0;
    tagAfter.style.opacity = split.value < 92 ? 1 : 0;
    level.textContent = `${Math.round(view.scale * 100)} %`;
  };

  /** Zooms so that the place `x`, `y` of the stage stays where it is. */
  const zoom = (scale, x = stage.clientWidth / 2, y = stage.clientHeight / 2) => {
    const next = clamp(scale, Math.min(fit(), 1), most);
    view.x = x - ((x - view.x) / view.scale) * next;
    view.y = y - ((y - view.y) / view.scale) * next;
    view.scale = next;
    fits = false;
    draw();
  };
  const whole = () => {
    view = { x: 0, y: 0, scale: Math.min(fit(), 8) };
    fits = true;
    draw();
  };
  const turn = (what) => {
    if (what === "fit") whole();
    else if (what === "in") zoom(view.scale * 1.5);
    else if (what === "out") zoom(view.scale / 1.5);
    else zoom(Number(what));
  };

  const show = (index) => {
    sample = samples[index];
    for (const [image, side] of [[before, sample.before], [after, sample.after]]) {
      image.hidden = !side;
      if (side) image.src = side.file;
      else image.removeAttribute("src");
      image.style.width = sample.width + "px";
      image.style.height = sample.height + "px";
    }
    before.alt = sample.before ? sample.before_alt : "";
    after.alt = sample.after ? sample.after_alt : "";
    layers.style.width = sample.width + "px";
    layers.style.height = sample.height + "px";
    viewer.classList.toggle("single", single());
    split.disabled = single();
    caption.replaceChildren(
      safelight.element("strong", "", sample.label),
      " ",
      safelight.element("bdi", "path", sample.path),
      ...sample.remarks.map((remark) => ` · ${remark}`),
    );
    [...picks.children].forEach((pick, place) => pick.setAttribute("aria-pressed", String(place === index)));
    whole();
  };

  samples.forEach((one, index) => {
    const pick = safelight.element("button", "pick");
    pick.type = "button";
    const image = document.createElement("img");
    image.src = (one.after || one.before).file;
    image.alt = "";
    image.loading = "lazy";
    const label = safelight.element("span", "", one.label);
    pick.append(image, label);
    pick.setAttribute("aria-label", `${one.label}: ${one.path}`);
    pick.addEventListener("click", () => show(index));
    picks.append(pick);
  });

  split.addEventListener("input", draw);
  viewer.querySelectorAll("[data-zoom]").forEach((button) => button.addEventListener("click", () => turn(button.dataset.zoom)));
  stage.addEventListener("keydown", (event) => {
    const keys = { "+": "in", "=": "in", "-": "out", 0: "fit", 1: "1", 2: "2" };
    const moves = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] };
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (keys[event.key]) turn(keys[event.key]);
    else if (moves[event.key]) {
      view.x += moves[event.key][0];
      view.y += moves[event.key][1];
      draw();
    } else return;
    event.preventDefault();
  });
  stage.addEventListener(
    "wheel",
    (event) => {
      // Until it is clicked, the wheel moves the page.
      if (!event.ctrlKey && document.activeElement !== stage) return;
      event.preventDefault();
      const box = stage.getBoundingClientRect();
      zoom(view.scale * Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0015)), event.clientX - box.left, event.clientY - box.top);
    },
    { passive: false },
  );

  // One pointer moves the line or the picture, two zoom.
  const pointers = new Map();
  let moving = null;
  const place = (event) => {
    const box = stage.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  const spread = () => {
    const [a, b] = [...pointers.values()];
    return { distance: Math.hypot(a.x - b.x, a.y - b.y), x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
  };
  const toLine = (at) => {
    split.value = clamp((100 * at.x) / stage.clientWidth, 0, 100);
    draw();
  };
  stage.addEventListener("pointerdown", (event) => {
    const at = place(event);
    pointers.set(event.pointerId, at);
    stage.setPointerCapture(event.pointerId);
    if (pointers.size === 2) {
      moving = { what: "zoom", from: spread(), scale: view.scale };
      return;
    }
    const line = (stage.clientWidth * split.value) / 100;
    const onLine = !single() && (Math.abs(at.x - line) < 24 || !stage.classList.contains("movable"));
    moving = onLine ? { what: "line" } : { what: "picture", last: at };
    if (onLine && Math.abs(at.x - line) >= 24) toLine(at);
  });
  stage.addEventListener("pointermove", (event) => {
    if (!pointers.has(event.pointerId) || !moving) return;
    const at = place(event);
    pointers.set(event.pointerId, at);
    if (moving.what === "zoom" && pointers.size === 2) {
      const now = spread();
      zoom((moving.scale * now.distance) / Math.max(moving.from.distance, 1), now.x, now.y);
    } else if (moving.what === "line") toLine(at);
    else if (moving.what === "picture") {
      view.x += at.x - moving.last.x;
      view.y += at.y - moving.last.y;
      moving.last = at;
      draw();
    }
  });
  const lift = (event) => {
    pointers.delete(event.pointerId);
    moving = null;
  };
  stage.addEventListener("pointerup", lift);
  stage.addEventListener("pointercancel", lift);
  new ResizeObserver(() => (fits ? whole() : draw())).observe(stage);

  viewer.hidden = false;
  const pairs = by("pairs");
  pairs.classList.add("printed");
  // For print, once there is nothing else to do.
  addEventListener("load", () =>
    setTimeout(() => pairs.querySelectorAll("img").forEach((image) => (image.loading = "eager")), 1500),
  );
  show(0);
});
