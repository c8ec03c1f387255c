// The table of failures: found by text and kind, sorted by any column, a page at a time.
"use strict";
addEventListener("DOMContentLoaded", () => {
  const safelight = window.safelight;
  const data = safelight.data && safelight.data.failures;
  const table = document.getElementById("failure-table");
  if (!table || !data) return;
  const by = (id) => document.getElementById(id);
  const [find, kinds, told] = [by("failure-find"), by("failure-kind"), by("failure-count")];
  const [pager, page, back, next] = [by("failure-pager"), by("failure-page"), by("failure-back"), by("failure-next")];
  let perPage = 25;

  const rows = data.rows.map(([path, kind, message, acknowledged]) => {
    const row = { path: safelight.shown(path), kind: data.kinds[kind], message: safelight.message(message), acknowledged };
    row.text = `${row.path}\n${row.message}`.toLowerCase();
    return row;
  });
  let sort = { key: "path", up: true };
  let at = 0;
  let found = rows;

  const draw = () => {
    const body = table.tBodies[0];
    const lines = found.slice(at, at + perPage).map((row) => {
      const line = document.createElement("tr");
      const path = document.createElement("td");
      path.append(safelight.element("bdi", "path", row.path));
      if (row.acknowledged) path.append(" ", safelight.element("span", "badge", "acknowledged"));
      const kind = document.createElement("td");
      kind.append(safelight.element("code", "", row.kind));
      line.append(path, kind, safelight.element("td", "message", row.message));
      return line;
    });
    if (lines.length === 0) {
      const line = document.createElement("tr");
      const cell = safelight.element("td", "none", "No failure matches.");
      cell.colSpan = 3;
      line.append(cell);
      lines.push(line);
    }
    body.replaceChildren(...lines);
    told.textContent = found.length === rows.length ? safelight.counted(rows.length, "failure") : `${safelight.count(found.length)} of ${safelight.counted(rows.length, "failure")}`;
    pager.hidden = found.length <= perPage;
    const last = Math.ceil(found.length / perPage);
    page.textContent = `Page ${safelight.count(at / perPage + 1)} of ${safelight.count(last)}`;
    back.disabled = at === 0;
    next.disabled = at + perPage >= found.length;
  };

  const select = () => {
    const [words, kind] = [find.value.toLowerCase().trim(), kinds.value];
    found = rows.filter((row) => (!kind || row.kind === kind) && (!words || row.text.includes(words)));
    const { key, up } = sort;
    found.sort((a, b) => (a[key] < b[key] ? -1 : a[key] > b[key] ? 1 : 0) * (up ? 1 : -1));
    at = 0;
    draw();
  };

  kinds.append(new Option("all", ""));
  data.kinds.forEach((kind) => kinds.append(new Option(kind, kind)));
  table.querySelectorAll("th[data-key]").forEach((head) => {
    const button = safelight.element("button", "sort", head.textContent);
    button.type = "button";
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const key = head.dataset.key;
      sort = { key, up: sort.key === key ? !sort.up : true };
      mark();
      select();
    });
  });
  const mark = () =>
    table.querySelectorAll("th[data-key]").forEach((head) => {
      const now = head.dataset.key === sort.key;
      head.setAttribute("aria-sort", now ? (sort.up ? "ascending" : "descending") : "none");
    });
  find.addEventListener("input", select);
  kinds.addEventListener("change", select);
  back.addEventListener("click", () => {
    at = Math.max(0, at - perPage);
    draw();
  });
  next.addEventListener("click", () => {
    at += perPage;
    draw();
  });
  // On paper there are no pages to turn: all that was found, up to some thousand.
  let screen = [at, perPage];
  addEventListener("beforeprint", () => {
    screen = [at, perPage];
    [at, perPage] = [0, 2000];
    draw();
  });
  addEventListener("afterprint", () => {
    [at, perPage] = screen;
    draw();
  });
  by("failure-tools").hidden = false;
  mark();
  select();
});
