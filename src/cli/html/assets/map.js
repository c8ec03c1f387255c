// The map: points on a canvas, each a picture that shows when it is pointed at; a lasso makes a list of paths.
"use strict";
addEventListener("DOMContentLoaded", () => {
  const safelight = window.safelight;
  const data = safelight.data && safelight.data.map;
  const box = document.getElementById("map-box");
  if (!data || !box) return;
  const by = (id) => document.getElementById(id);
  const [canvas, stage, tip, legend, chooser] = ["map", "map-stage", "map-tip", "map-legend", "map-colour"].map(by);
  const [count, list, paths, said] = ["map-count", "map-list", "map-paths", "map-said"].map(by);
  const [move, lasso] = ["map-move", "map-lasso"].map(by);
  const pen = canvas.getContext("2d");
  const total = data.paths.length;
  const [right, bottom] = [Math.max(1, ...tops(data.x)), Math.max(1, ...tops(data.y))];

  /** The greatest number of a long list, in a list. */
  function tops(values) {
    return [values.reduce((a, b) => Math.max(a, b), 0)];
  }

  // Colours: a perceptual scale (viridis without its brightest end), and hues that most people tell apart.
  const scale = ["#440154", "#472d7b", "#3b528b", "#2c728e", "#21918c", "#28ae80", "#5ec962", "#a5d72d"];
  const hues = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b8860b", "#56b4e9", "#7a5195", "#8c564b", "#5f8c2a", "#e4577a"];
  const other = "#8a8580";
  const shades = 48;
  const rgb = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
  const shade = (share) => {
    const at = Math.min(Math.max(share, 0), 1) * (scale.length - 1);
    const low = Math.min(Math.floor(at), scale.length - 2);
    const [a, b] = [rgb(scale[low]), rgb(scale[low + 1])];
    return `rgb(${a.map((v, c) => Math.round(v + (b[c] - v) * (at - low))).join(",")})`;
  };

  let column = null;
  // For each point the place of its colour in `colours`.
  let classes = new Uint8Array(total);
  let colours = [other];
  let order = [[]];
  let view = { x: 0, y: 0, scale: 1 };
  let chosen = new Set();
  let mode = "move";
  let outline = null;
  let cross = null;
  let frame = null;
  let hovered = -1;
  const margin = 18;

  const size = () => [canvas.clientWidth, canvas.clientHeight];
  /** Where points stand on the canvas as it is now. Asked for once for all of them, since sizes are slow to tell. */
  const projection = () => {
    const [width, height] = size();
    const each = Math.min((width - 2 * margin) / right, (height - 2 * margin) / bottom) * view.scale;
    const [left, top] = [width / 2 + view.x - (right / 2) * each, height / 2 + view.y + (bottom / 2) * each];
    // Upwards, as maps have it.
    return { x: (index) => data.x[index] * each + left, y: (index) => top - data.y[index] * each };
  };

  let ask = 0;
  const draw = () => {
    cancelAnimationFrame(ask);
    ask = requestAnimationFrame(paint);
  };
  const paint = () => {
    const [width, height] = size();
    const dense = window.devicePixelRatio || 1;
    if (canvas.width !== Math.round(width * dense) || canvas.height !== Math.round(height * dense)) {
      canvas.width = Math.round(width * dense);
      canvas.height = Math.round(height * dense);
    }
    pen.setTransform(dense, 0, 0, dense, 0, 0);
    pen.clearRect(0, 0, width, height);
    const radius = Math.min(6, Math.max(1.6, 40 / Math.sqrt(total)) * Math.sqrt(view.scale));
    const at = projection();
    // What has no value lies below the rest.
    for (let colour = colours.length - 1; colour >= 0; colour--) {
      pen.fillStyle = colours[colour];
      pen.beginPath();
      for (const index of order[colour]) {
        const [x, y] = [at.x(index), at.y(index)];
        if (x < -9 || y < -9 || x > width + 9 || y > height + 9) continue;
        pen.globalAlpha = 0.85;
        if (radius < 2.2) pen.rect(x - radius, y - radius, 2 * radius, 2 * radius);
        else {
          pen.moveTo(x + radius, y);
          pen.arc(x, y, radius, 0, 2 * Math.PI);
        }
      }
      pen.fill();
    }
    pen.globalAlpha = 1;
    const ink = getComputedStyle(canvas).color;
    pen.strokeStyle = ink;
    pen.lineWidth = 1.5;
    for (const index of chosen) {
      const [x, y] = [at.x(index), at.y(index)];
      pen.strokeRect(x - radius - 1, y - radius - 1, 2 * radius + 2, 2 * radius + 2);
    }
    if (hovered >= 0) {
      const [x, y] = [at.x(hovered), at.y(hovered)];
      pen.lineWidth = 2.5;
      pen.beginPath();
      pen.arc(x, y, radius + 4, 0, 2 * Math.PI);
      pen.stroke();
    }
    pen.lineWidth = 1.5;
    pen.setLineDash([5, 4]);
    if (outline && outline.length > 1) {
      pen.beginPath();
      outline.forEach(([x, y], at) => (at ? pen.lineTo(x, y) : pen.moveTo(x, y)));
      pen.closePath();
      pen.stroke();
    }
    if (frame && cross) pen.strokeRect(frame[0], frame[1], cross[0] - frame[0], cross[1] - frame[1]);
    pen.setLineDash([]);
    if (cross) {
      pen.beginPath();
      pen.moveTo(cross[0] - 10, cross[1]);
      pen.lineTo(cross[0] + 10, cross[1]);
      pen.moveTo(cross[0], cross[1] - 10);
      pen.lineTo(cross[0], cross[1] + 10);
      pen.stroke();
    }
  };

  const number = (v) => (column && column.times ? new Date(v * 1000).toISOString().slice(0, 10) : safelight.figure(v));
  const value = (index) => {
    if (!column || column.values[index] === null) return null;
    if (!column.labels) return number(column.values[index]);
    return column.labels[column.values[index]] ?? "another";
  };

  const colourBy = (next) => {
    column = next;
    legend.replaceChildren();
    if (!next) {
      classes.fill(0);
      colours = [hues[0]];
    } else if (next.labels) {
      colours = [...hues.slice(0, next.labels.length), ...(next.others ? [other] : []), other];
      const none = colours.length - 1;
      next.values.forEach((place, index) => (classes[index] = place === null ? none : Math.min(place, none)));
      const names = [...next.labels.map(safelight.shown), ...(next.others ? ["others"] : [])];
      names.forEach((name, at) => legend.append(key(colours[at], name)));
      if (next.values.includes(null)) legend.append(key(other, "no value"));
    } else {
      // The middle 98 % share the scale, so that one stray value does not take it all.
      const sorted = next.values.filter((v) => v !== null).sort((a, b) => a - b);
      const at = (share) => sorted[Math.round((sorted.length - 1) * share)];
      const [low, high] = at(0.01) < at(0.99) ? [at(0.01), at(0.99)] : [sorted[0], sorted[sorted.length - 1]];
      colours = [...Array.from({ length: shades }, (_, n) => shade(n / (shades - 1))), other];
      const place = (v) => Math.round(Math.min(Math.max((v - low) / (high - low || 1), 0), 1) * (shades - 1));
      next.values.forEach((v, index) => (classes[index] = v === null ? shades : place(v)));
      const bar = document.createElement("canvas");
      [bar.width, bar.height, bar.className] = [shades * 4, 10, "scale"];
      bar.setAttribute("aria-hidden", "true");
      const ink = bar.getContext("2d");
      colours.slice(0, shades).forEach((colour, n) => {
        ink.fillStyle = colour;
        ink.fillRect(n * 4, 0, 4, 10);
      });
      legend.append(safelight.element("span", "", number(low)), bar, safelight.element("span", "", number(high)));
      if (next.values.includes(null)) legend.append(key(other, "no value"));
    }
    order = colours.map(() => []);
    for (let index = 0; index < total; index++) order[classes[index]].push(index);
    draw();
  };
  const key = (colour, name) => {
    const label = safelight.element("span", "key", name);
    label.style.setProperty("--key", colour);
    return label;
  };

  /** The point nearest to a place, within reach of it. */
  const nearest = (x, y, reach = 14) => {
    const at = projection();
    let [best, least] = [-1, reach * reach];
    for (let index = 0; index < total; index++) {
      const [across, down] = [at.x(index) - x, at.y(index) - y];
      const distance = across * across + down * down;
      if (distance < least) [best, least] = [index, distance];
    }
    return best;
  };

  const hover = (index) => {
    if (index === hovered) return;
    hovered = index;
    tip.hidden = index < 0;
    if (index >= 0) {
      tip.replaceChildren();
      const thumb = data.thumbs[index];
      if (thumb) {
        const [sheet, x, y, width, height] = thumb;
        const larger = Math.max(1, Math.min(2, 128 / Math.max(width, height)));
        const picture = safelight.element("div", "tip-picture");
        picture.style.width = `${width * larger}px`;
        picture.style.height = `${height * larger}px`;
        picture.style.backgroundImage = `url("thumbnails-${sheet}.jpg")`;
        picture.style.backgroundPosition = `${-x * larger}px ${-y * larger}px`;
        picture.style.backgroundSize = `${data.sheets[sheet][0] * larger}px ${data.sheets[sheet][1] * larger}px`;
        tip.append(picture);
      }
      tip.append(safelight.element("bdi", "path", safelight.shown(data.paths[index])));
      if (column) tip.append(safelight.element("span", "tip-value", `${column.name}: ${value(index) ?? "no value"}`));
      const at = projection();
      const [x, y] = [at.x(index), at.y(index)];
      const [width, height] = [stage.clientWidth, stage.clientHeight];
      tip.style.left = `${Math.min(Math.max(x + 14, 4), Math.max(4, width - tip.offsetWidth - 4))}px`;
      const below = y + 14 + tip.offsetHeight < height;
      tip.style.top = `${below ? y + 14 : Math.max(4, y - 14 - tip.offsetHeight)}px`;
    }
    draw();
  };

  const within = ([x, y], polygon) => {
    let inside = false;
    for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i++) {
      const [[xi, yi], [xj, yj]] = [polygon[i], polygon[j]];
      if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) inside = !inside;
    }
    return inside;
  };
  const select = (polygon) => {
    const at = projection();
    const found = new Set();
    for (let index = 0; index < total; index++) if (within([at.x(index), at.y(index)], polygon)) found.add(index);
    choose(found);
  };
  const choose = (found) => {
    chosen = found;
    const names = [...found].map((index) => data.paths[index]);
    list.hidden = names.length === 0;
    paths.value = names.map(safelight.shown).join("\n");
    count.textContent = names.length
      ? `${safelight.counted(names.length, "picture")} selected.`
      : "Nothing is selected. Draw around pictures with the lasso to list their paths.";
    draw();
  };

  const zoom = (factor, x = size()[0] / 2, y = size()[1] / 2) => {
    const next = Math.min(Math.max(view.scale * factor, 1), 400);
    const [width, height] = size();
    view.x = x - width / 2 - ((x - width / 2 - view.x) / view.scale) * next;
    view.y = y - height / 2 - ((y - height / 2 - view.y) / view.scale) * next;
    view.scale = next;
    if (next === 1) [view.x, view.y] = [0, 0];
    hover(-1);
    draw();
  };
  const whole = () => zoom(1 / view.scale);
  const use = (next) => {
    mode = next;
    move.setAttribute("aria-pressed", String(mode === "move"));
    lasso.setAttribute("aria-pressed", String(mode === "lasso"));
    stage.classList.toggle("lassoing", mode === "lasso");
  };

  const place = (event) => {
    const frame = canvas.getBoundingClientRect();
    return [event.clientX - frame.left, event.clientY - frame.top];
  };
  const pointers = new Map();
  let drag = null;
  const spread = () => {
    const [a, b] = [...pointers.values()];
    return { distance: Math.hypot(a[0] - b[0], a[1] - b[1]), x: (a[0] + b[0]) / 2, y: (a[1] + b[1]) / 2 };
  };
  canvas.addEventListener("pointerdown", (event) => {
    const at = place(event);
    pointers.set(event.pointerId, at);
    canvas.setPointerCapture(event.pointerId);
    cross = frame = null;
    if (pointers.size === 2) {
      drag = { what: "zoom", from: spread(), scale: view.scale };
      outline = null;
    } else if (mode === "lasso" || event.shiftKey) {
      outline = [at];
      drag = { what: "lasso" };
    } else drag = { what: "move", last: at };
  });
  canvas.addEventListener("pointermove", (event) => {
    const at = place(event);
    if (!drag) {
      hover(nearest(...at));
      return;
    }
    if (pointers.has(event.pointerId)) pointers.set(event.pointerId, at);
    if (drag.what === "lasso") {
      const last = outline[outline.length - 1];
      if (Math.hypot(at[0] - last[0], at[1] - last[1]) > 3) outline.push(at);
    } else if (drag.what === "zoom" && pointers.size === 2) {
      const now = spread();
      zoom((drag.scale * now.distance) / Math.max(drag.from.distance, 1) / view.scale, now.x, now.y);
    } else if (drag.what === "move") {
      view.x += at[0] - drag.last[0];
      view.y += at[1] - drag.last[1];
      drag.last = at;
      hover(-1);
    }
    draw();
  });
  const lift = (event) => {
    pointers.delete(event.pointerId);
    if (drag && drag.what === "lasso" && outline) {
      if (outline.length > 2) select(outline);
      outline = null;
    }
    if (event.pointerType === "touch" && drag && drag.what === "move") hover(nearest(...place(event), 24));
    drag = null;
    draw();
  };
  canvas.addEventListener("pointerup", lift);
  canvas.addEventListener("pointercancel", lift);
  canvas.addEventListener("pointerleave", () => {
    if (!drag) hover(-1);
  });
  canvas.addEventListener(
    "wheel",
    (event) => {
      if (!event.ctrlKey && document.activeElement !== canvas) return;
      event.preventDefault();
      zoom(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0015)), ...place(event));
    },
    { passive: false },
  );
  canvas.addEventListener("keydown", (event) => {
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (moves[event.key]) {
      const [width, height] = size();
      const step = event.shiftKey ? 60 : 12;
      const [x, y] = cross || [width / 2, height / 2];
      const [dx, dy] = moves[event.key];
      cross = [Math.min(Math.max(x + dx * step, 0), width), Math.min(Math.max(y + dy * step, 0), height)];
      const index = nearest(...cross, 20);
      hover(index);
      said.textContent = index < 0 ? "" : `${safelight.shown(data.paths[index])} ${column ? value(index) ?? "" : ""}`;
    } else if (event.key === "Enter" && cross && frame) {
      const [[a, b], [c, d]] = [frame, cross];
      frame = null;
      select([[a, b], [c, b], [c, d], [a, d]]);
    } else if (event.key === "Enter") {
      cross = cross || size().map((side) => side / 2);
      frame = [...cross];
      said.textContent = "The frame begins here; move to its other corner and press Enter.";
    } else if (event.key === "Escape" && (frame || cross)) {
      frame = cross = null;
      hover(-1);
    } else if (event.key === "+" || event.key === "=") zoom(1.5, ...(cross || []));
    else if (event.key === "-") zoom(1 / 1.5, ...(cross || []));
    else if (event.key === "0") whole();
    else return;
    event.preventDefault();
    draw();
  });
  canvas.addEventListener("blur", () => {
    cross = frame = null;
    hover(-1);
    draw();
  });

  chooser.append(new Option("nothing", ""));
  data.columns.forEach((one, at) => chooser.append(new Option(one.name, String(at))));
  chooser.addEventListener("change", () => colourBy(chooser.value === "" ? null : data.columns[Number(chooser.value)]));
  move.addEventListener("click", () => use("move"));
  lasso.addEventListener("click", () => use("lasso"));
  by("map-in").addEventListener("click", () => zoom(1.5));
  by("map-out").addEventListener("click", () => zoom(1 / 1.5));
  by("map-whole").addEventListener("click", whole);
  by("map-clear").addEventListener("click", () => choose(new Set()));
  by("map-copy").addEventListener("click", async (event) => {
    const button = event.currentTarget;
    button.textContent = (await safelight.copy(paths)) ? "Copied" : "Select and copy by hand";
    setTimeout(() => (button.textContent = "Copy"), 2000);
  });
  by("map-csv").addEventListener("click", () =>
    safelight.save("paths.csv", "text/csv", safelight.csv([...chosen].map((index) => data.paths[index]))),
  );
  addEventListener("themechange", draw);
  new ResizeObserver(draw).observe(canvas);
  box.hidden = false;
  const first = data.columns.findIndex((one) => one.labels);
  if (data.columns.length) {
    chooser.value = String(Math.max(first, 0));
    colourBy(data.columns[Math.max(first, 0)]);
  } else colourBy(null);
});
